"""The one connection of an environment: late, checked before use, dropped on any doubt, never shared by two at once."""

import logging
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import LiteralString

import pytest
from psycopg.conninfo import conninfo_to_dict

from org_common.auth.rules import SIGNED_IN
from org_common.config.settings import Settings
from org_common.db.connections.connect import CONNECTING_S, ConnectFailed, Raw, conninfo
from org_common.db.connections.connection import MAX_IDLE_S, Single, Source, open_connection
from org_common.db.connections.pool import Pooled
from org_common.db.connections.retry import Signal
from org_common.db.database import Database, transaction
from org_common.db.protocol.counters import Counters
from org_common.db.protocol.statement import prepare_own
from org_common.values.errors import GatewayTimeout, OrgError, Unavailable
from org_common.values.identity import Identity
from org_common.values.secret import Secret
from org_common.values.types import Deadline
from tests.support.handles import OwnedReader, open_reader, open_transaction
from tests.support.lab import ALICE, BOB, INSERT, Lab, until
from tests.support.proxy import Proxy

PID = "select pg_backend_pid()"
NOWHERE = Settings(database_url="postgresql://app_login:hunter2@127.0.0.1:1/none")


def reader(db: Database, identity: Identity = ALICE, *, left_s: float = 30.0) -> OwnedReader:
    return open_reader(db, SIGNED_IN, identity, {}, Deadline.after(left_s))


def test_always_with_timeouts_and_keepalives() -> None:
    parts = conninfo_to_dict(conninfo("postgresql://app_login:p@127.0.0.1/app", "orders"))

    assert parts["application_name"] == "orders"
    assert parts["connect_timeout"] == "2"
    assert parts["target_session_attrs"] == "read-write"
    assert {"tcp_user_timeout", "keepalives", "keepalives_idle", "keepalives_interval"} <= parts.keys()
    assert "options" not in parts


@pytest.mark.parametrize(
    ("host", "mode"),
    [
        ("db.example.com", "verify-full"),
        ("10.0.0.5", "verify-full"),
        ("localhost.example.com", "verify-full"),
        ("127.0.0.1", None),
        ("localhost", None),
        ("[::1]", None),
    ],
)
def test_a_server_elsewhere_proves_who_it_is(host: str, mode: str | None) -> None:
    assert conninfo_to_dict(conninfo(f"postgresql://app_login@{host}/app", "x")).get("sslmode") == mode


def test_what_the_url_says_itself_wins() -> None:
    parts = conninfo_to_dict(conninfo("postgresql://h.example/app?sslmode=require&application_name=y", "x"))

    assert (parts["sslmode"], parts["application_name"]) == ("require", "y")


def test_nothing_is_opened_before_the_first_statement() -> None:
    db = Database(NOWHERE)
    open_reader(db, SIGNED_IN, ALICE, {}, Deadline.after(5))
    open_transaction(db, SIGNED_IN, ALICE, {}, Deadline.after(5)).commit()
    db.close()

    assert db.counters.opened == 0


def test_nobody_there_is_unavailable_and_keeps_the_password(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(Unavailable) as raised:
        reader(Database(NOWHERE)).value("select 1")

    told = f"{raised.value} {raised.value.detail} {raised.value.__cause__} {caplog.text}"
    assert "hunter2" not in told
    assert raised.value.__cause__ is not None


def test_without_a_url_the_fault_is_the_settings() -> None:
    with pytest.raises(OrgError) as raised:
        reader(Database(Settings())).value("select 1")

    assert raised.value.status == 500
    assert "ORG_COMMON_DATABASE_URL is not set" in str(raised.value.__cause__)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://app_login:hunter2@127.0.0.1:1/none",
        "postgresql://app_login:hunter2@127.0.0.1:port/none",
        "postgresql://app_login:hunter2%zz@127.0.0.1/none",
    ],
    ids=["nobody there", "no port", "wrongly encoded"],
)
@pytest.mark.parametrize("make", [Single, Pooled])
def test_a_traceback_with_variables_shows_no_password(make: Callable[[Settings], Source], url: str) -> None:
    settings = Settings(database_url=url)
    database = Database(settings, make(settings))
    try:
        reader(database).value("select 1")
    except OrgError as error:
        traced: traceback.TracebackException | None = traceback.TracebackException.from_exception(
            error, capture_locals=True
        )
    database.close()
    shown: list[str] = []
    while traced is not None:
        # The test itself holds it.
        shown += [repr(frame.locals) for frame in traced.stack if "test_" not in frame.filename]
        shown.append(str(traced))
        traced = traced.__cause__ or traced.__context__

    assert len(shown) > 3
    assert [text for text in shown if "hunter2" in text] == []


@pytest.mark.db
def test_one_connection_serves_all_units(proxied: Database, proxy: Proxy) -> None:
    for _ in range(5):
        reader(proxied).value("select 1")
        with transaction(BOB, database=proxied) as tx:
            tx.value("select 1")

    assert proxy.connections == 1
    assert proxied.counters.opened == 1


@pytest.mark.db
def test_it_names_itself_while_idle(lab: Lab) -> None:
    db = Database(Settings(database_url=lab.local.login_url, application_name="orders-api"))
    pid = reader(db).value(PID)

    assert lab.ask("select application_name from pg_stat_activity where pid = %s", pid) == "orders-api"
    db.close()


@pytest.mark.db
def test_after_close_it_opens_anew(db: Database) -> None:
    first = reader(db).value(PID)
    db.close()
    db.close()

    assert reader(db).value(PID) != first


@pytest.mark.db
def test_what_was_idle_for_long_is_not_tried(db: Database) -> None:
    source = db._source
    assert isinstance(source, Single)
    first = reader(db).value(PID)
    assert source._connection is not None
    wall_s, monotonic_s = source._connection._used_at
    source._connection._used_at = wall_s - MAX_IDLE_S - 1, monotonic_s

    assert reader(db).value(PID) != first
    assert db.counters.dropped == {"idle too long": 1}


@pytest.mark.db
def test_an_answer_that_nobody_asked_for_is_a_doubt(lab: Lab, db: Database) -> None:
    source = db._source
    assert isinstance(source, Single)
    first = reader(db).value(PID)
    # Only the connection itself can be made to listen: handlers cannot.
    listening = source._connection
    assert listening is not None
    listening.exchange([prepare_own("listen news").bind(None)], Deadline.after(5).at_s)
    lab.tell("notify news")
    assert until(lambda: listening.doubt() == "dead")

    assert reader(db).value(PID) != first


@pytest.mark.db
def test_a_standby_is_left(db: Database) -> None:
    """After a failover the connection is on a server that refuses writes: the next request must find the primary."""
    source = db._source
    assert isinstance(source, Single)
    reader(db).value("select 1")
    assert source._connection is not None
    # What a standby says, without one.
    text: LiteralString = "set default_transaction_read_only = on"
    source._connection.exchange([prepare_own(text).bind(None)], Deadline.after(5).at_s)

    with pytest.raises(Unavailable), transaction(ALICE, database=db) as tx:
        tx.run(INSERT, {"id": 1, "body": "x"}, rows=1)
    with transaction(ALICE, database=db) as tx:
        tx.run(INSERT, {"id": 1, "body": "x"}, rows=1)


# From Python 3.12 on a fork with threads about is warned of: the child here does nothing that they could hold.
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.db
def test_a_child_process_opens_its_own(db: Database) -> None:
    mine = reader(db).value(PID)
    read, write = os.pipe()

    child = os.fork()
    if child == 0:
        try:
            os.write(write, str(reader(db).value(PID)).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(write)
    with os.fdopen(read) as answer:
        theirs = answer.read()

    assert theirs not in ("", str(mine))
    assert reader(db).value(PID) == mine


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.parametrize("make", [Single, Pooled])
@pytest.mark.db
def test_a_child_process_leaves_its_parents_transaction_alone(lab: Lab, make: Callable[[Settings], Source]) -> None:
    db = Database(lab.settings, make(lab.settings))
    parent, (read, write) = os.getpid(), os.pipe()
    try:
        with transaction(ALICE, database=db) as tx:
            tx.run(INSERT, {"id": 1, "body": "x"}, rows=1)
            child = os.fork()
            if child == 0:
                own = reader(db).value("select count(*) from lab.notes")
                with suppress(OrgError):
                    tx.run(INSERT, {"id": 2, "body": "x"}, rows=1)
                raise KeyError(own)
            os.waitpid(child, 0)
            assert tx.value("select count(*) from lab.notes") == 1
    except BaseException as error:
        if os.getpid() == parent:
            raise
        os.write(write, repr(error).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as answer:
        assert answer.read() == "KeyError(0)"

    assert lab.notes() == [1]
    db.close()


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.db
def test_a_child_process_does_not_wait_for_a_thread_of_its_parent(lab: Lab) -> None:
    source = Single(lab.settings)
    db = Database(lab.settings, source)

    # As far as a thread of the parent has come that was about to take it.
    with source._busy:
        child = os.fork()
        if child == 0:
            signal.alarm(10)
            try:
                os._exit(0 if reader(db, left_s=5).value("select 1") == 1 else 1)
            finally:
                os._exit(2)
        assert os.waitpid(child, 0)[1] == 0


@pytest.mark.db
def test_a_transaction_waits_for_that_of_another_thread_until_its_deadline(db: Database) -> None:
    tx = open_transaction(db, SIGNED_IN, ALICE, {}, Deadline.after(30))
    tx.value("select 1")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(lambda: reader(db, left_s=0.8).value("select 1"))
        with pytest.raises((Unavailable, GatewayTimeout)):
            waiting.result()
        patient = pool.submit(lambda: reader(db).value("select 2"))
        tx.commit()
        assert patient.result() == 2


@pytest.mark.db
def test_threads_never_tear_each_others_units(lab: Lab, db: Database) -> None:
    """Each sees its own rows only, and writes as itself, whatever runs beside it."""
    barrier = threading.Barrier(8)

    def work(number: int) -> None:
        who = (ALICE, BOB)[number % 2]
        mine = lab_ids[who]
        barrier.wait()
        for step in range(50):
            if step % 5 == 0:
                with transaction(who, database=db) as tx:
                    tx.run(INSERT, {"id": 1000 * number + step, "body": who.subject}, rows=1)
                    assert tx.value("select auth.uid()::text") == mine
            found = reader(db, who).value("select array_agg(distinct body) from lab.notes")
            assert found == [who.subject]

    lab_ids = {who: lab.user_id(who) for who in (ALICE, BOB)}
    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(work, number) for number in range(8)]:
            done.result()

    assert len(lab.notes()) == 80
    assert db.counters.opened == 1
    owners: LiteralString = """
        select count(*) from lab.notes n
        join access.user_identities i on i.user_id = n.owner and i.subject = n.body"""
    assert lab.ask(owners) == 80


def test_what_it_takes_to_fetch_a_secret_is_not_taken_off_the_time_to_connect() -> None:
    fetched_at: list[float] = [0.0]
    left_s: list[float] = []

    def url(*, force_refresh: bool = False, deadline_s: float = 0) -> str:
        if force_refresh:
            # A store that throttles.
            time.sleep(2)
            fetched_at[0] = time.monotonic()
        return "new" if force_refresh else "old"

    def connect(url: Secret, deadline_s: float) -> Raw:
        left_s.append(deadline_s - fetched_at[0])
        raise ConnectFailed("refused", "28P01", Signal.PASSWORD)

    with pytest.raises(Unavailable):
        open_connection(connect, url, Counters(), time.monotonic() + 20)

    assert len(left_s) == 2
    assert left_s[1] > CONNECTING_S / 2


def test_what_it_takes_to_fetch_a_secret_ends_with_the_request() -> None:
    asked: list[tuple[bool, float]] = []

    def url(*, force_refresh: bool = False, deadline_s: float = 0) -> str:
        asked.append((force_refresh, deadline_s))
        return "old"

    def connect(url: Secret, deadline_s: float) -> Raw:
        raise ConnectFailed("refused", "28P01", Signal.PASSWORD)

    deadline_s = time.monotonic() + 20
    with pytest.raises(Unavailable):
        open_connection(connect, url, Counters(), deadline_s)

    assert asked == [(False, deadline_s), (True, deadline_s)]
