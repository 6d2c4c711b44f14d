"""What one environment holds on to: one connection, two threads, and neither after SIGTERM."""

import signal
import time
from pathlib import Path
from typing import LiteralString

import pytest

from org_common.auth.rules import PUBLIC
from org_common.db import hooks
from org_common.db.database import Database
from org_common.values.types import Deadline
from tests.faults.bench import without_tls
from tests.faults.children import child
from tests.support.handles import open_reader
from tests.support.lab import Lab, until
from tests.support.report import Report

pytestmark = [pytest.mark.db, pytest.mark.fault]

CONNECTIONS: LiteralString = (
    "select count(*) from pg_stat_activity where usename = 'app_login' and datname = current_database()"
)
BACKENDS: LiteralString = "select count(*) from pg_stat_activity where pid = %s"
REQUESTS = 40
TERMINATIONS = 100


def test_requests_share_one_connection_and_start_no_threads(lab: Lab, report: Report) -> None:
    run = "requests with at most one connection and two threads in their environment"
    before = lab.ask(CONNECTIONS)
    with child(without_tls(lab.local.login_url), "serve") as environment:
        for number in range(REQUESTS):
            order = f"POST /notes/{number}" if number % 4 == 1 else ("GET /missing" if number % 4 == 2 else "GET /pid")
            with report.case(run):
                environment.ask(order)
                threads = len(list(Path(f"/proc/{environment.process.pid}/task").iterdir()))
                connections = lab.ask(CONNECTIONS) - before
                report.sample(run, "threads", threads)
                report.sample(run, "connections", connections)
                assert threads <= 2
                assert connections <= 1
        assert connections == 1


def test_sigterm_closes_the_connection(lab: Lab, report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    """The signal is real, and so is the connection. Here the end of the process is left out."""
    run = "SIGTERM: connection closed, and gone from the server"
    monkeypatch.setenv(hooks.RUNTIME_API, "127.0.0.1:9001")
    before = signal.signal(signal.SIGTERM, lambda number, frame: None)
    database = Database(lab.settings)
    took_ms = []
    try:
        hooks.register_hooks(database)
        for _ in range(TERMINATIONS):
            pid = open_reader(database, PUBLIC, None, {}, Deadline.after(5)).value("select pg_backend_pid()")
            with report.case(run):
                started_s = time.perf_counter()
                signal.raise_signal(signal.SIGTERM)
                took_ms.append((time.perf_counter() - started_s) * 1000)
                assert until(lambda pid=pid: lab.ask(BACKENDS, pid) == 0)  # type: ignore[misc]
    finally:
        signal.signal(signal.SIGTERM, before)
        database.close()
    report.sample(run, "closed after, ms", *took_ms)
    assert database.counters.opened == TERMINATIONS
