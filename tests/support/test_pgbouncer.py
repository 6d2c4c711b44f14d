"""PgBouncer runs, pools by transaction, and keeps the round trips of a batch."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from org_common.tools.database.postgres import EmbeddedPostgres
from tests.support.pgbouncer import PgBouncer
from tests.support.proxy import Proxy

Connection = psycopg.Connection[Any]
pytestmark = [pytest.mark.db, pytest.mark.pooler]

OWNER = """
import time
from tests.support.pgbouncer import PgBouncer
print(PgBouncer.start("postgresql://127.0.0.1:1/none", users={"app": "app"}).port, flush=True)
time.sleep(60)
"""


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres.start(durable=False) as running:
        yield running


@pytest.fixture
def pgbouncer(server: EmbeddedPostgres) -> Iterator[PgBouncer]:
    users = {"postgres": urlsplit(server.url).password or ""}
    with PgBouncer.start(server.url, users=users, pool_size=1) as running:
        yield running


def connect(url: str) -> Connection:
    return psycopg.connect(url, autocommit=True, prepare_threshold=None, connect_timeout=5)


def test_round_trips_are_those_of_a_direct_connection(pgbouncer: PgBouncer, server: EmbeddedPostgres) -> None:
    with (
        Proxy("127.0.0.1", pgbouncer.port) as proxy,
        closing(connect(proxy.url(server.url))) as conn,
    ):
        for _ in range(10):
            conn.execute("select 1")
        selects = proxy.round_trips()
        with conn.pipeline():
            for number in range(4):
                conn.execute("select %s::int", (number,))
        pipeline = proxy.round_trips()
        conn.execute("select length(%s)", ("x" * 3_000_000,))
        parameter = proxy.round_trips()
        conn.execute("select repeat('x', 5000000)")
        result = proxy.round_trips()

    assert (selects, pipeline, parameter, result) == (10, 11, 12, 13)
    assert proxy.startup_round_trips == 4


def test_clients_share_a_server_connection(pgbouncer: PgBouncer, server: EmbeddedPostgres) -> None:
    url = pgbouncer.url(server.url)
    backend = "select pg_backend_pid()"

    with closing(connect(url)) as first, closing(connect(url)) as second:
        assert first.execute(backend).fetchone() == second.execute(backend).fetchone()


def test_wrong_password_is_refused(pgbouncer: PgBouncer) -> None:
    with pytest.raises(psycopg.OperationalError, match="SASL authentication failed"):
        connect(f"postgresql://postgres:wrong@127.0.0.1:{pgbouncer.port}/postgres")


def test_paused_clients_wait_for_resume(pgbouncer: PgBouncer, server: EmbeddedPostgres) -> None:
    with closing(connect(pgbouncer.url(server.url))) as conn, ThreadPoolExecutor(1) as pool:
        pgbouncer.pause()
        answer = pool.submit(lambda: conn.execute("select 7").fetchone())
        with pytest.raises(TimeoutError):
            answer.result(timeout=0.2)

        pgbouncer.resume()

        assert answer.result(timeout=5) == (7,)


def test_restart_loses_clients_and_keeps_the_port(pgbouncer: PgBouncer, server: EmbeddedPostgres) -> None:
    url = pgbouncer.url(server.url)
    with closing(connect(url)) as conn:
        conn.execute("select 1")

        pgbouncer.restart()

        with pytest.raises(psycopg.OperationalError):
            conn.execute("select 1")
    connect(url).close()


def test_settings_reach_it(server: EmbeddedPostgres) -> None:
    settings = {"pool_mode": "session"}
    users = {"postgres": urlsplit(server.url).password or ""}

    with PgBouncer.start(server.url, users=users, settings=settings) as pgbouncer:
        console = f"{pgbouncer.url(server.url).rpartition('/')[0]}/pgbouncer"
        with closing(connect(console)) as admin:
            shown = {row[0]: row[1] for row in admin.execute(b"show config")}

    assert shown["pool_mode"] == "session"


def test_wrong_setting_shows_the_log() -> None:
    with pytest.raises(RuntimeError, match='invalid value "nonsense" for parameter pool_mode'):
        PgBouncer.start(
            "postgresql://127.0.0.1:1/none",
            users={"app": "app"},
            settings={"pool_mode": "nonsense"},
        )


def test_missing_program_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)

    with pytest.raises(RuntimeError, match="apt-get install pgbouncer"):
        PgBouncer.start("postgresql://127.0.0.1:1/none", users={"app": "app"})


@pytest.mark.skipif(os.geteuid() != 0, reason="only root must give itself up")
def test_root_does_not_run_it(pgbouncer: PgBouncer) -> None:
    pid = pgbouncer.log.rpartition("] LOG process up")[0].rpartition("[")[2]

    assert Path(f"/proc/{pid}").owner() in ("postgres", "nobody")


def test_stop_ends_it_and_may_be_repeated(pgbouncer: PgBouncer) -> None:
    pgbouncer.stop()
    pgbouncer.stop()

    assert not accepts(pgbouncer.port)


@pytest.fixture
def folder() -> Iterator[str]:
    """Open to the user who runs PgBouncer for root; pytest's own folders are closed."""
    with TemporaryDirectory() as path:
        Path(path).chmod(0o711)
        yield path


@pytest.mark.skipif(sys.platform != "linux", reason="needs setpriv")
def test_it_dies_with_a_killed_owner(folder: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OWNER],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "TMPDIR": folder},
    ) as owner:
        assert owner.stdout
        port = int(owner.stdout.readline())
        alive = accepts(port)

        owner.send_signal(signal.SIGKILL)
        owner.wait()

    deadline = time.monotonic() + 5
    while accepts(port) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert (alive, accepts(port)) == (True, False)


def accepts(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
