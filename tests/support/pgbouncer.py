"""A real PgBouncer in transaction mode, the program of the Debian package, in front of a server."""

import atexit
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Self
from urllib.parse import quote, urlsplit

import psycopg

from tests.support.proxy import relocated

# Where tests/support/build_pgbouncer.sh puts a newer one than Debian 12 has.
BUILT = Path(__file__).parents[2] / "build" / "pgbouncer" / "pgbouncer"
TRACKS = (1, 21)
READY_S = 10.0
STOPPED_S = 5.0


class PgBouncer:
    """PgBouncer on 127.0.0.1:`port`; SCRAM on both sides, any database name; ended by `stop`.

    `users` maps names to passwords, which the server must know too. The first one may also use the
    admin console, the database `pgbouncer`. On Linux it ends with the thread that started it, even
    if that is killed; then only its temporary folder stays.
    """

    def __init__(
        self, url: str, users: Mapping[str, str], pool_size: int, settings: Mapping[str, str], program: str
    ) -> None:
        """Use `start`."""
        self._program = program
        self.port = _free_port()
        self._users = dict(users)
        self._account = _account()
        self._folder = Path(tempfile.mkdtemp(prefix="pgbouncer-"))
        self._log = self._folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self._write("userlist.txt", "".join(map(_entry, users.keys(), users.values())))
        self._write("pgbouncer.ini", self._config(url, pool_size, settings))
        if self._account:
            shutil.chown(self._folder, self._account)
        atexit.register(self.stop)

    @classmethod
    def start(
        cls,
        url: str,
        *,
        users: Mapping[str, str],
        pool_size: int = 20,
        settings: Mapping[str, str] = {},
        program: str | None = None,
    ) -> Self:
        """A PgBouncer that accepts connections for the server at `url`.

        `pool_size`: server connections per user and database. `settings`: lines of [pgbouncer].
        `program`: the file to run, by default the one that is installed.
        """
        pgbouncer = cls(url, users, pool_size, settings, program or _installed())
        try:
            pgbouncer._launch()
        except BaseException:
            pgbouncer.stop()
            raise
        return pgbouncer

    def url(self, url: str) -> str:
        """The same URL through this PgBouncer."""
        return relocated(url, self.port)

    @property
    def log(self) -> str:
        """What it has logged so far."""
        return self._log.read_text(errors="replace")

    def pause(self) -> None:
        """Hold new transactions, after the open ones have ended; clients wait."""
        self._admin(b"pause")

    def resume(self) -> None:
        """Let the clients of `pause` go on."""
        self._admin(b"resume")

    def restart(self, settings: Mapping[str, str] | None = None) -> None:
        """Kill it, as a crash would, and start it on the same port, with these lines of [pgbouncer] in addition."""
        self._kill()
        if settings:
            path = self._folder / "pgbouncer.ini"
            self._write(
                path.name, path.read_text() + "".join(f"{name} = {value}\n" for name, value in settings.items())
            )
        self._launch()

    def stop(self) -> None:
        """Kill it and remove its files. Harmless when called again."""
        atexit.unregister(self.stop)
        self._kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _launch(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*_dying_with_us(), self._program, str(self._folder / "pgbouncer.ini")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                # PgBouncer refuses to run as root.
                user=self._account,
                group=self._account and pwd.getpwnam(self._account).pw_gid,
                extra_groups=[] if self._account else None,
            )
        deadline = time.monotonic() + READY_S
        while self._process.poll() is None and time.monotonic() < deadline:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            time.sleep(0.01)
        raise RuntimeError(f"PgBouncer did not start; its log:\n{self.log[-2000:]}")

    def _kill(self) -> None:
        # SIGKILL: it has nothing to save, and SIGTERM waits for clients since PgBouncer 1.23.
        if self._process:
            self._process.kill()
            self._process.wait(STOPPED_S)

    def _admin(self, command: bytes) -> None:
        user, password = (quote(part, safe="") for part in next(iter(self._users.items())))
        console = self.url(f"postgresql://{user}:{password}@/pgbouncer?connect_timeout=5")
        # The console knows simple queries only; a command without parameters is sent as one.
        with psycopg.connect(console, autocommit=True) as conn:
            conn.execute(command)

    def _config(self, url: str, pool_size: int, settings: Mapping[str, str]) -> str:
        server = urlsplit(url)
        lines = {
            "listen_addr": "127.0.0.1",
            "listen_port": str(self.port),
            "unix_socket_dir": "",
            "auth_type": "scram-sha-256",
            "auth_file": str(self._folder / "userlist.txt"),
            "admin_users": next(iter(self._users)),
            "pool_mode": "transaction",
            "default_pool_size": str(pool_size),
            "max_client_conn": "2000",
        } | dict(settings)
        body = "".join(f"{name} = {value}\n" for name, value in lines.items())
        upstream = f"host={server.hostname} port={server.port or 5432}"
        return f"[databases]\n* = {upstream}\n[pgbouncer]\n{body}"

    def _write(self, name: str, text: str) -> None:
        path = self._folder / name
        path.touch(0o600)
        path.write_text(text)
        if self._account:
            shutil.chown(path, self._account)


def tracking_program() -> str | None:
    """A PgBouncer that keeps track of prepared statements, version 1.21 or later; None if there is none."""
    for program in (str(BUILT), _found()):
        if program and Path(program).is_file():
            version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
            numbers = version.split()[1].split(".")
            if (int(numbers[0]), int(numbers[1])) >= TRACKS:
                return program
    return None


def _installed() -> str:
    program = _found()
    if not program:
        raise RuntimeError("PgBouncer is missing. Run: apt-get install pgbouncer")
    return program


def _found() -> str | None:
    # Debian puts it in /usr/sbin, which is not in everybody's PATH.
    return shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def _dying_with_us() -> list[str]:
    """Prefix of a command that ends with the thread which starts it, even killed; Linux only."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL"] if setpriv else []


def _account() -> str | None:
    """Who runs it instead of root."""
    if os.geteuid() != 0:
        return None
    return "postgres" if "postgres" in {user.pw_name for user in pwd.getpwall()} else "nobody"


def _entry(user: str, password: str) -> str:
    name, secret = (part.replace('"', '""') for part in (user, password))
    return f'"{name}" "{secret}"\n'


def _free_port() -> int:
    """A port below those of outgoing connections (32768 on Linux): none meets itself there."""
    while True:
        port = 15_000 + secrets.randbelow(17_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
