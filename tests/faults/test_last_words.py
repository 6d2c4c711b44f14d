"""Why a peer closes the connection: each reason of a server or pooler reaches the error, and the log.

A peer says so in one of three places: as the result of a statement (FATAL), as a notice (a crash, an immediate
shutdown), or on an idle connection.
"""

import logging
import os
import select
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from threading import Timer
from typing import LiteralString

import psycopg
import pytest

from org_common.db.connections.connect import Raw, conninfo
from org_common.db.connections.connection import Connection, Single, Source
from org_common.db.connections.profile import TRANSACTION_POOLER
from org_common.db.protocol.counters import Counters
from org_common.db.protocol.errors import ConnectionLost
from org_common.db.protocol.statement import prepare_own
from org_common.tools.database.postgres import EmbeddedPostgres
from tests.faults.bench import Bench, without_tls
from tests.faults.test_pooler import pooler
from tests.support.lab import Lab, until
from tests.support.report import Report

pytestmark = [pytest.mark.db, pytest.mark.fault]

RUN = "reasons for closing a connection that reach the error or the log"
SLOW: LiteralString = "select pg_sleep(8)"


Opened = Callable[[str], Connection]


@pytest.fixture
def opened() -> Iterator[Opened]:
    """Opens connections, and closes them behind the test."""
    with ExitStack() as stack:

        def connect(url: str) -> Connection:
            raw = Raw.connect(conninfo(without_tls(url), "last words"))
            stack.callback(raw.close)
            return Connection(raw, Counters(), TRANSACTION_POOLER)

        yield connect


def send(connection: Connection, *texts: LiteralString) -> None:
    connection.exchange([prepare_own(text).bind(None) for text in texts], time.monotonic() + 10)


def pid(connection: Connection) -> int:
    return connection._raw.pgconn.backend_pid


# A session or transaction limit, what reaches it, and what the server says.
LIMITS: dict[str, tuple[LiteralString, list[LiteralString], str]] = {
    "25P04 in a statement": ("set transaction_timeout = 100", [SLOW], "25P04"),
    "25P04 behind other results": (
        "set transaction_timeout = 100",
        ["select 1", "select 2", SLOW, "select 3"],
        "25P04",
    ),
    "25P04 in an open transaction": ("set transaction_timeout = 100", ["begin", "select 1", SLOW], "25P04"),
    "57P01 alone": ("select 1", ["select pg_terminate_backend(pg_backend_pid())"], "57P01"),
    "57P01 behind a failure": (
        "select 1",
        ["begin", "savepoint s", "select pg_terminate_backend(pg_backend_pid())", "select 1 / 0"],
        "57P01",
    ),
    "57P01 behind a large result": (
        "select 1",
        ["select repeat('x', 3000000)", "select pg_terminate_backend(pg_backend_pid())"],
        "57P01",
    ),
}


@pytest.mark.parametrize("name", LIMITS)
def test_a_fatal_error_keeps_its_sqlstate(name: str, lab: Lab, opened: Opened, report: Report) -> None:
    setting, texts, sqlstate = LIMITS[name]
    connection = opened(lab.local.admin_url)
    send(connection, setting)

    with report.case(RUN), pytest.raises(ConnectionLost) as lost:
        send(connection, *texts)

    assert lost.value.reason is not None
    assert lost.value.reason.sqlstate == sqlstate
    assert sqlstate in str(lost.value)
    assert not connection.is_idle()


# While the client does nothing: the reason is in the socket when the next round trip is sent.
IDLE: dict[str, tuple[list[LiteralString], str]] = {
    "25P03": (["begin", "set local idle_in_transaction_session_timeout = 50"], "25P03"),
    "25P04": (["begin", "set local transaction_timeout = 50"], "25P04"),
    "57P05": (["set idle_session_timeout = 50"], "57P05"),
    "57P01": (["select 1"], "57P01"),
}


@pytest.mark.parametrize("name", IDLE)
@pytest.mark.parametrize("first", ["round trip", "check"])
def test_a_reason_that_waits_in_the_socket(
    name: str, first: str, lab: Lab, opened: Opened, report: Report, caplog: pytest.LogCaptureFixture
) -> None:
    texts, sqlstate = IDLE[name]
    connection = opened(lab.local.admin_url)
    send(connection, *texts)
    if name == "57P01":
        lab.terminate(pid(connection))
    alive: LiteralString = "select count(*) from pg_stat_activity where pid = %s"
    assert until(lambda: lab.ask(alive, pid(connection)) == 0)

    with report.case(RUN), caplog.at_level(logging.INFO):
        if first == "check":
            assert connection.doubt() == "dead"
            assert sqlstate in caplog.text
        with pytest.raises(ConnectionLost, match=sqlstate):
            send(connection, "select 1")


def crash(server: EmbeddedPostgres, connection: Connection) -> None:
    """Another backend crashes, so the server ends all of them."""
    with psycopg.connect(server.url) as other:
        os.kill(other.info.backend_pid, signal.SIGKILL)


GOING: dict[str, tuple[Callable[[EmbeddedPostgres, Connection], None], str]] = {
    "fast shutdown": (lambda server, _: server.restart(), "57P01"),
    "immediate shutdown": (lambda server, _: server.restart(immediate=True), "57P01"),
    "crash of another": (crash, "57P02"),
}


@pytest.fixture
def up(durable_server: EmbeddedPostgres) -> Iterator[EmbeddedPostgres]:
    yield durable_server
    assert until(lambda: _accepts(durable_server), within_s=20)


def _accepts(server: EmbeddedPostgres) -> bool:
    try:
        psycopg.connect(server.url).close()
    except psycopg.OperationalError:
        return False
    return True


@pytest.mark.parametrize("name", GOING)
@pytest.mark.parametrize("when", ["in flight", "idle"])
def test_a_server_that_goes_down(
    name: str, when: str, up: EmbeddedPostgres, opened: Opened, report: Report, caplog: pytest.LogCaptureFixture
) -> None:
    stop, sqlstate = GOING[name]
    connection = opened(up.url)
    with report.case(RUN), caplog.at_level(logging.INFO):
        if when == "idle":
            stop(up, connection)
            assert until(lambda: connection.doubt() is not None)
            assert sqlstate in caplog.text
        else:
            timer = Timer(0.2, stop, (up, connection))
            timer.start()
            with pytest.raises(ConnectionLost, match=sqlstate):
                send(connection, SLOW)
            timer.join()


# A setting of PgBouncer, what reaches its limit, and its words. It has one SQLSTATE, 08P01.
POOLER: dict[str, tuple[dict[str, str], list[LiteralString], str]] = {
    "query_timeout": ({"query_timeout": "1"}, [SLOW], "query timeout"),
    "idle_transaction_timeout": ({"idle_transaction_timeout": "1"}, ["begin"], "idle transaction timeout"),
    "client_idle_timeout": ({"client_idle_timeout": "1"}, ["select 1"], "client_idle_timeout"),
}


@pytest.mark.pooler
@pytest.mark.parametrize("name", POOLER)
def test_a_pooler_that_hangs_up(name: str, lab: Lab, opened: Opened, report: Report) -> None:
    settings, texts, words = POOLER[name]
    with report.case(RUN), pooler(lab, **settings) as pgbouncer:
        connection = opened(pgbouncer.url(lab.local.login_url))
        with pytest.raises(ConnectionLost, match=words):
            send(connection, *texts)
            # PgBouncer looks once a second.
            assert until(lambda: _readable(connection), within_s=8)
            send(connection, "select 1")


@pytest.mark.pooler
def test_a_time_limit_of_the_pooler_is_504_without_another_try(
    lab: Lab, make_bench: Callable[[Source], Bench], report: Report
) -> None:
    with report.case(RUN), pooler(lab, query_timeout="1") as pgbouncer:
        bench = make_bench(Single(lab.through(without_tls(pgbouncer.url(lab.local.login_url)))))
        bench.ask("select 1")
        bench.reading = SLOW
        seen = bench.read(timeout_s=10)

        assert (seen.status, seen.code, seen.runs) == (504, "timeout", 1), seen
        assert bench.source.counters.resent == 0


@pytest.mark.pooler
def test_a_pooler_whose_server_ended(lab: Lab, opened: Opened, report: Report) -> None:
    """The reason of the server is what counts, not what the pooler makes of it."""
    with report.case(RUN), pooler(lab) as pgbouncer:
        connection = opened(pgbouncer.url(lab.local.login_url))

        def end() -> None:
            lab.tell("select pg_terminate_backend(pid) from pg_stat_activity where query = 'select pg_sleep(8)'")

        timer = Timer(0.3, end)
        timer.start()
        with pytest.raises(ConnectionLost, match="57P01"):
            send(connection, SLOW)
        timer.join()


def _readable(connection: Connection) -> bool:
    return bool(select.select([connection._raw.pgconn.socket], [], [], 0)[0])
