"""Lost and mute connections: what was kept is known, or is said not to be; what had no effect is tried again."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from org_common.auth.rules import SIGNED_IN
from org_common.db.database import Database, transaction
from org_common.db.protocol.errors import RolledBack
from org_common.db.transaction import Transaction
from org_common.values.errors import CommitUnknown, GatewayTimeout, NotFound, OrgError, Unavailable
from org_common.values.types import Deadline
from tests.support.handles import OwnedReader, OwnedTransaction, open_reader, open_transaction
from tests.support.lab import ALICE, INSERT, Lab, Note
from tests.support.proxy import Proxy

pytestmark = [pytest.mark.db, pytest.mark.fault]

PID = "select pg_backend_pid()"
NOTES = "select count(*) from lab.notes"


@pytest.fixture
def proxied(proxied: Database, proxy: Proxy) -> Iterator[Database]:
    """Connected, nothing counted yet."""
    reader(proxied).value("select 1")
    proxy.reset()
    yield proxied
    proxy.restore()


def reader(db: Database, *, left_s: float = 10.0) -> OwnedReader:
    return open_reader(db, SIGNED_IN, ALICE, {}, Deadline.after(left_s))


def begun(db: Database, *, left_s: float = 10.0) -> OwnedTransaction:
    return open_transaction(db, SIGNED_IN, ALICE, {}, Deadline.after(left_s))


def insert(tx: Transaction, id: int = 1) -> None:
    tx.run(INSERT, {"id": id, "body": "x"}, rows=1)


@contextmanager
def transaction_until(db: Database, deadline: Deadline) -> Iterator[Transaction]:
    """As the app does it for a route, with a deadline of the test's own."""
    tx = open_transaction(db, SIGNED_IN, ALICE, {}, deadline)
    try:
        yield tx
        tx.commit()
    except BaseException:
        tx.rollback()
        raise
    finally:
        tx.close()


def test_a_connection_that_ended_while_idle_costs_the_next_read_nothing(lab: Lab, db: Database) -> None:
    ended = reader(db).value(PID)

    for _ in range(5):
        lab.terminate(ended)
        assert reader(db).value(PID) != ended
        ended = reader(db).value(PID)


@pytest.mark.parametrize("reset", [False, True], ids=["FIN", "RST"])
def test_nor_does_one_that_the_network_closed(proxied: Database, proxy: Proxy, *, reset: bool) -> None:
    proxy.drop(reset=reset)

    assert reader(proxied).value("select 1") == 1
    assert proxy.connections == 1


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("reset", [False, True], ids=["FIN", "RST"])
def test_a_read_that_is_cut_off_is_sent_again(proxied: Database, proxy: Proxy, when: str, *, reset: bool) -> None:
    proxy.cut(when="before" if when == "before" else "after", text="lab.notes", reset=reset)

    assert reader(proxied).value(NOTES) == 0

    assert proxy.connections == 1
    assert proxy.statements().count(NOTES) == 2


def test_a_read_that_is_cut_off_within_its_answer_is_sent_again(proxied: Database, proxy: Proxy) -> None:
    proxy.cut_after_bytes(100_000)

    assert reader(proxied).value("select repeat('x', 300000)") == "x" * 300_000

    assert proxy.connections == 1


def test_a_read_is_sent_twice_and_no_more(proxied: Database, proxy: Proxy) -> None:
    with pytest.raises(Unavailable) as raised:
        reader(proxied).value("select lab.die()")

    assert raised.value.status == 503
    assert raised.value.headers == {"Retry-After": "1"}
    assert proxy.statements().count("select lab.die()") == 2
    assert reader(proxied).value("select 1") == 1


def test_what_is_refused_is_not_sent_again(proxied: Database, proxy: Proxy) -> None:
    with pytest.raises(NotFound):
        reader(proxied).one(Note, "select id, body from lab.notes")
    with pytest.raises(OrgError):
        reader(proxied).value("select 1 / 0")

    assert proxy.round_trips() == 2


def test_a_transaction_finds_a_lost_connection_before_it_begins(lab: Lab, db: Database) -> None:
    lab.terminate(reader(db).value(PID))

    with transaction(ALICE, database=db) as tx:
        insert(tx)

    assert lab.notes() == [1]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("count", [1, 2])
def test_a_transaction_that_is_cut_off_keeps_nothing(
    lab: Lab, proxied: Database, proxy: Proxy, when: str, count: int
) -> None:
    with pytest.raises(Unavailable), transaction(ALICE, database=proxied) as tx:
        for number in range(1, count):
            insert(tx, number)
        proxy.cut(when="before" if when == "before" else "after", text="insert into lab.notes")
        insert(tx, count)

    assert lab.is_quiet()
    assert lab.notes() == []
    assert reader(proxied).value(NOTES) == 0


def test_a_transaction_whose_backend_ended_keeps_nothing(lab: Lab, db: Database) -> None:
    with pytest.raises(Unavailable), transaction(ALICE, database=db) as tx:
        insert(tx)
        lab.terminate(tx.value(PID))
        insert(tx, 2)

    assert lab.notes() == []
    assert reader(db).value(NOTES) == 0


def test_swallowing_the_loss_does_not_help(lab: Lab, db: Database) -> None:
    tx = begun(db)
    insert(tx)
    lab.terminate(tx.value(PID))
    with pytest.raises(Unavailable):
        insert(tx, 2)

    with pytest.raises(OrgError):
        tx.commit()

    assert lab.notes() == []


@pytest.mark.parametrize("reset", [False, True], ids=["FIN", "RST"])
def test_lost_before_commit_arrived_was_rolled_back(lab: Lab, proxied: Database, proxy: Proxy, *, reset: bool) -> None:
    proxy.cut(when="before", text="commit", reset=reset)

    with pytest.raises(RolledBack) as raised, transaction(ALICE, database=proxied) as tx:
        insert(tx)

    assert raised.value.status == 503
    assert lab.notes() == []
    assert proxied.counters.settled == 1
    assert reader(proxied).value(NOTES) == 0


@pytest.mark.parametrize("reset", [False, True], ids=["FIN", "RST"])
def test_lost_before_commit_was_acknowledged_was_kept(
    lab: Lab, proxied: Database, proxy: Proxy, *, reset: bool
) -> None:
    proxy.cut(when="after", text="commit", reset=reset)

    with transaction(ALICE, database=proxied) as tx:
        insert(tx)

    assert lab.notes() == [1]
    assert proxied.counters.settled == 1
    assert proxy.statements().count("commit") == 1
    assert reader(proxied).value(NOTES) == 1


@pytest.mark.parametrize(("when", "kept"), [("before", []), ("after", [1])])
def test_lost_with_nobody_left_to_ask_is_unknown(
    lab: Lab, proxied: Database, proxy: Proxy, when: str, kept: list[int]
) -> None:
    proxy.cut(when="before" if when == "before" else "after", text="commit")
    tx = begun(proxied, left_s=1.3)
    insert(tx)
    proxy.refuse()

    with pytest.raises(CommitUnknown) as raised:
        tx.commit()

    assert (raised.value.status, raised.value.code) == (503, "commit_unknown")
    assert lab.is_quiet()
    assert lab.notes() == kept
    assert proxied.counters.unknown_commits == 1


def test_lost_without_a_write_is_no_loss(proxied: Database, proxy: Proxy) -> None:
    proxy.cut(when="before", text="commit")

    with transaction(ALICE, database=proxied) as tx:
        assert tx.value("select 1") == 1

    assert proxied.counters.settled == 0


def test_a_commit_without_an_answer_is_unknown(lab: Lab, proxied: Database, proxy: Proxy) -> None:
    tx = begun(proxied, left_s=1.3)
    insert(tx)
    proxy.freeze()

    with pytest.raises(CommitUnknown):
        tx.commit()

    proxy.thaw()
    assert lab.is_quiet()
    assert reader(proxied).value("select 1") == 1


def test_a_mute_peer_is_given_up_before_the_deadline(proxied: Database, proxy: Proxy) -> None:
    deadline = Deadline.after(1.0)
    proxy.freeze()

    with pytest.raises(GatewayTimeout):
        open_reader(proxied, SIGNED_IN, ALICE, {}, deadline).value("select 1")

    assert deadline.left_s() > 0
    proxy.thaw()
    # On a new connection: the answer that is late belongs to nobody.
    assert reader(proxied).value("select 2") == 2
    assert proxy.connections == 1


def test_a_mute_peer_within_a_transaction(lab: Lab, proxied: Database, proxy: Proxy) -> None:
    deadline = Deadline.after(1.0)

    with pytest.raises(GatewayTimeout), transaction_until(proxied, deadline) as tx:
        insert(tx)
        proxy.freeze()
        insert(tx, 2)

    assert deadline.left_s() > 0
    proxy.thaw()
    assert lab.is_quiet()
    assert lab.notes() == []


def test_a_slow_statement_ends_on_the_server_too(lab: Lab, db: Database) -> None:
    reader(db).value("select 1")

    with pytest.raises(GatewayTimeout):
        reader(db, left_s=1.0).value("select pg_sleep(60)")

    # A server that was left alone with it would sleep on.
    assert lab.is_quiet()


def test_a_slow_statement_takes_its_transaction_along(lab: Lab, db: Database) -> None:
    reader(db).value("select 1")

    with pytest.raises(GatewayTimeout), transaction_until(db, Deadline.after(1.0)) as tx:
        insert(tx)
        tx.value("select pg_sleep(60)")

    assert lab.is_quiet()
    assert lab.notes() == []


def test_without_a_server_it_is_said_when_to_come_back(proxied: Database, proxy: Proxy) -> None:
    proxy.refuse()
    proxy.drop()

    for _ in range(2):
        with pytest.raises(Unavailable) as raised:
            reader(proxied).value("select 1")
        assert raised.value.status == 503
        assert int(raised.value.headers["Retry-After"]) > 0
    with pytest.raises(Unavailable), transaction(ALICE, database=proxied) as tx:
        insert(tx)

    proxy.restore()
    assert reader(proxied).value("select 1") == 1


def test_swallowing_that_there_was_no_server_fails_the_commit(lab: Lab, proxied: Database, proxy: Proxy) -> None:
    """Otherwise the second statement would be kept without the first."""
    tx = begun(proxied)
    proxy.refuse()
    proxy.drop()
    with pytest.raises(Unavailable):
        insert(tx, 1)
    proxy.restore()

    with pytest.raises(OrgError):
        insert(tx, 2)
        tx.commit()
    tx.rollback()

    assert lab.notes() == []


def test_a_read_without_a_server_to_go_back_to(proxied: Database, proxy: Proxy) -> None:
    proxy.cut(when="before", text="lab.notes")
    proxy.refuse()

    with pytest.raises(Unavailable):
        reader(proxied).value(NOTES)

    proxy.restore()
    assert reader(proxied).value(NOTES) == 0
