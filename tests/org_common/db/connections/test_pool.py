"""Connections for many requests at once: as isolated as the single one, replaced when dead, limited."""

import gc
import logging
import os
import signal
import threading
import time
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import LiteralString
from urllib.parse import urlsplit

import pytest

from org_common.auth.rules import SIGNED_IN
from org_common.config.settings import SettingsError
from org_common.db.connections import pool as pools
from org_common.db.connections.connect import ConnectFailed
from org_common.db.connections.connection import MAX_IDLE_S
from org_common.db.connections.pool import Pooled, PooledRaw
from org_common.db.database import Database, transaction
from org_common.secrets.source import Refused
from org_common.values.errors import GatewayTimeout, OrgError, Unavailable
from org_common.values.identity import Identity
from org_common.values.types import Deadline
from tests.support.handles import OwnedReader, open_reader
from tests.support.lab import ALICE, BOB, CAROL, INSERT, Lab, until
from tests.support.proxy import Proxy

pytestmark = pytest.mark.db

PID = "select pg_backend_pid()"
OURS: LiteralString = "from pg_stat_activity where datname = current_database() and usename = 'app_login'"
BACKENDS = "select count(*) " + OURS
TERMINATE = "select pg_terminate_backend(pid, 5000) " + OURS
OWN_BODIES = """
    select count(*) from lab.notes n
    join access.user_identities i on i.user_id = n.owner and i.subject = n.body"""


@pytest.fixture
def source(lab: Lab) -> Iterator[Pooled]:
    source = Pooled(lab.settings, size=4)
    yield source
    source.close()


@pytest.fixture
def db(lab: Lab, source: Pooled) -> Database:
    return Database(lab.settings, source)


def reader(db: Database, identity: Identity = ALICE, *, left_s: float = 30.0) -> OwnedReader:
    return open_reader(db, SIGNED_IN, identity, {}, Deadline.after(left_s))


def test_nothing_is_opened_before_the_first_lease(lab: Lab, source: Pooled) -> None:
    assert source.counters.opened == 0
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("pool-")]


def test_threads_see_only_their_own(lab: Lab, db: Database) -> None:
    barrier = threading.Barrier(8)

    def work(number: int) -> set[int]:
        who = (ALICE, BOB)[number % 2]
        seen = set()
        barrier.wait()
        for step in range(50):
            if step % 5 == 0:
                with transaction(who, database=db) as tx:
                    tx.run(INSERT, {"id": 1000 * number + step, "body": who.subject}, rows=1)
                    seen.add(tx.value(PID))
            assert reader(db, who).value("select array_agg(distinct body) from lab.notes") == [who.subject]
            assert reader(db, CAROL).value("select count(*) from lab.notes") == 0
        return seen

    with ThreadPoolExecutor(8) as pool:
        seen = set().union(*[done.result() for done in [pool.submit(work, number) for number in range(8)]])

    assert len(lab.notes()) == 80
    assert 1 < len(seen) <= 4
    assert lab.ask(OWN_BODIES) == 80


def test_two_units_of_one_thread_have_a_connection_each(db: Database) -> None:
    with transaction(ALICE, database=db) as tx:
        assert tx.value(PID) != reader(db).value(PID)


def test_dead_connections_are_replaced(lab: Lab, source: Pooled, db: Database) -> None:
    with ExitStack() as stack:
        leases = [stack.enter_context(source.lease(Deadline.after(5).at_s)) for _ in range(4)]
        assert len(set(map(id, leases))) == 4
    lab.tell(TERMINATE)

    for number in range(8):
        with transaction(ALICE, database=db) as tx:
            tx.run(INSERT, {"id": number, "body": "x"}, rows=1)

    assert lab.notes() == list(range(8))
    assert source.counters.dropped["dead"] >= 1


def test_a_connection_that_died_before_it_was_first_used_is_replaced(lab: Lab, source: Pooled, db: Database) -> None:
    """The pool opens replacements by itself, in the background."""
    with pytest.raises(GatewayTimeout), source.lease(Deadline.after(5).at_s) as connection:
        connection.exchange([(b"select pg_sleep(0.2)", [], (), [])], time.monotonic() + 0.05)
    assert until(lambda: lab.ask(BACKENDS) == 1 and source._pool is not None and len(source._pool._pool) == 1)
    lab.tell(TERMINATE)

    with transaction(ALICE, database=db) as tx:
        tx.run(INSERT, {"id": 1, "body": "x"}, rows=1)

    assert lab.notes() == [1]


def test_connections_that_the_pool_itself_replaced_are_forgotten(source: Pooled) -> None:
    """By age, say: a server that runs for weeks must not collect them."""
    known = []
    for _ in range(5):
        with source.lease(Deadline.after(5).at_s) as connection:
            known.append(weakref.ref(connection._raw))
        assert source._pool is not None
        source._pool.drain()
    del connection

    def forgotten() -> int:
        gc.collect()
        return sum(each() is None for each in known)

    assert until(lambda: forgotten() >= 4)


def test_dropped_connections_are_freed_without_a_garbage_collection(
    source: Pooled, db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """A process with many objects rarely runs a full one, and each connection holds 4 kB until then."""
    # The pool logs each connection that was closed, and pytest keeps the records.
    caplog.set_level(logging.ERROR, "psycopg.pool")

    def closed() -> int:
        return sum(isinstance(each, PooledRaw) and each.closed for each in gc.get_objects())

    gc.collect()
    before = closed()
    gc.disable()
    try:
        for _ in range(50):
            assert reader(db).value("select 1") == 1
            with source.lease(Deadline.after(5).at_s) as connection:
                wall_s, monotonic_s = connection._used_at
            connection._used_at = wall_s - MAX_IDLE_S - 1, monotonic_s
            if source.counters.dropped["idle too long"] >= 4:
                break
        del connection
        assert source.counters.dropped["idle too long"] >= 4

        # The pool's thread forgets a connection when it has the next one to replace.
        assert until(lambda: closed() <= before + 1)
    finally:
        gc.enable()


def test_an_exhausted_pool_is_unavailable(lab: Lab) -> None:
    source = Pooled(lab.settings, size=4, wait_s=0.5)
    with ExitStack() as stack:
        for _ in range(4):
            stack.enter_context(source.lease(Deadline.after(5).at_s))

        with pytest.raises(Unavailable) as raised, source.lease(Deadline.after(30).at_s):
            pass
        assert raised.value.headers == {"Retry-After": "1"}

    with source.lease(Deadline.after(5).at_s):
        pass
    source.close()


def test_deadline_takes_precedence_over_the_wait_for_a_connection(lab: Lab) -> None:
    source = Pooled(lab.settings, size=1, wait_s=60)
    with source.lease(Deadline.after(5).at_s):
        began_s = time.monotonic()
        with pytest.raises(Unavailable), source.lease(Deadline.after(0.1).at_s):
            pass
        assert time.monotonic() - began_s < 30
    source.close()


def test_nobody_waits_for_longer_than_three_seconds() -> None:
    assert pools.WAIT_S == 3.0


@pytest.mark.fault
def test_without_a_server_it_is_unavailable_and_the_cause_is_kept(lab: Lab, proxy: Proxy) -> None:
    source = Pooled(lab.through(proxy.url(lab.local.login_url)), size=2, wait_s=0.5)
    db = Database(lab.settings, source)
    proxy.refuse()

    with pytest.raises(Unavailable) as raised:
        reader(db).value("select 1")
    assert raised.value.__cause__ is not None

    proxy.restore()
    assert until(lambda: is_served(db), within_s=10)
    source.close()


@pytest.mark.fault
def test_a_password_that_does_not_hold_is_refused_at_once(lab: Lab) -> None:
    url = lab.local.login_url
    # It would wait as long for a server that is down.
    source = Pooled(lab.through(url.replace(str(urlsplit(url).password), "wrong")), size=2, wait_s=600.0)

    with pytest.raises(Unavailable) as raised, source.lease(Deadline.after(600).at_s):
        pass
    assert isinstance(raised.value.__cause__, Unavailable)
    assert isinstance(raised.value.__cause__.__cause__, ConnectFailed)
    source.close()


@pytest.mark.parametrize("cause", [SettingsError("ORG_COMMON_DATABASE_URL is not set"), Refused("there is none")])
def test_a_fault_of_the_set_up_is_told_at_once_as_it_is(lab: Lab, cause: Exception) -> None:
    def url(*, force_refresh: bool = False, deadline_s: float = 0) -> str:
        raise OrgError(code="misconfigured") from cause

    source = Pooled(lab.settings, url, size=2, wait_s=600.0)

    for _ in range(2):
        with pytest.raises(OrgError) as raised, source.lease(Deadline.after(600).at_s):
            pass
        assert (raised.value.status, raised.value.code, raised.value.__cause__) == (500, "misconfigured", cause)
    source.close()


@pytest.mark.fault
def test_whoever_could_get_anothers_connection_waits_for_it(lab: Lab) -> None:
    """The password has changed meanwhile: those that are open still work."""
    url = lab.local.login_url
    urls = [url]
    source = Pooled(lab.settings, lambda *, force_refresh=False, deadline_s=0: urls[-1], size=2)
    with ThreadPoolExecutor(1) as others:
        with source.lease(Deadline.after(5).at_s):
            urls.append(url.replace(str(urlsplit(url).password), "wrong"))
            waiting = others.submit(lambda: reader(Database(lab.settings, source)).value("select 1"))
            assert until(lambda: source._failed_for_good_s > 0)
        assert waiting.result() == 1
    source.close()


# From Python 3.12 on a fork with threads about is warned of: the child here does nothing that they could hold.
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_process_does_not_wait_for_a_thread_of_its_parent(source: Pooled, db: Database) -> None:
    assert reader(db).value("select 1") == 1

    with source._lock:
        child = os.fork()
        if child == 0:
            signal.alarm(10)
            try:
                found = reader(db).value("select 1")
                source.close()
                os._exit(0 if found == 1 else 1)
            finally:
                os._exit(2)
        assert os.waitpid(child, 0)[1] == 0
    assert reader(db).value("select 1") == 1
    assert source.counters.opened == 1


def is_served(db: Database) -> bool:
    try:
        return bool(reader(db).value("select 1") == 1)
    except Unavailable:
        return False


def test_after_close_it_opens_anew(lab: Lab, source: Pooled, db: Database) -> None:
    assert reader(db).value("select 1") == 1
    source.close()
    source.close()
    assert until(lambda: lab.ask(BACKENDS) == 0)

    assert reader(db).value("select 1") == 1


def test_no_open_transaction_goes_back(lab: Lab, source: Pooled, db: Database) -> None:
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt), transaction(ALICE, database=db) as tx:
            tx.run(INSERT, {"id": 1, "body": "x"}, rows=1)
            raise KeyboardInterrupt

    assert lab.is_quiet()
    assert lab.notes() == []
    assert source.counters.opened == 1
