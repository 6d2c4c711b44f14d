"""Writing: counts, batches, savepoints, isolation, and what rides along."""

from contextlib import suppress
from typing import get_args

import pytest

from org_common import App
from org_common.auth.rules import PUBLIC, SIGNED_IN, Check
from org_common.db.connections.connection import Single
from org_common.db.connections.pool import Pooled
from org_common.db.database import Database, transaction
from org_common.db.idempotency import IdempotencyKey, Replay
from org_common.db.protocol.errors import IdentityMoved
from org_common.db.protocol.statement import StatementError
from org_common.db.scope import HandleClosed
from org_common.db.transaction import Transaction
from org_common.testing.client import Client, Person
from org_common.values.errors import Conflict, Forbidden, GatewayTimeout, NotFound, OrgError
from org_common.values.isolation import Isolation
from org_common.values.types import Deadline
from tests.support.handles import OwnedTransaction, open_reader, open_transaction
from tests.support.lab import ALICE, BOB, INSERT, STRANGER, Lab, Note, until
from tests.support.proxy import Proxy

pytestmark = pytest.mark.db

TOUCH = "update lab.notes set body = %(body)s where id = %(id)s"


def begun(db: Database) -> OwnedTransaction:
    return open_transaction(db, SIGNED_IN, ALICE, {}, Deadline.after(10))


def insert(tx: Transaction, id: int = 1) -> None:
    tx.run(INSERT, {"id": id, "body": "x"}, rows=1)


def test_run_answers_the_rows_changed(db: Database) -> None:
    with transaction(ALICE, database=db) as tx:
        assert tx.run("insert into lab.notes (id, body) select n, 'x' from generate_series(1, 3) n", rows=3) == 3
        assert tx.run("update lab.notes set body = 'y' where id > 1", rows=None) == 2
        assert tx.run("delete from lab.notes where id > 9", rows=None) == 0
        assert tx.run("select 1", rows=None) == 0
        assert tx.run("delete from lab.notes", rows=3) == 3


def test_many_answers_the_rows_changed_in_all(db: Database) -> None:
    with transaction(ALICE, database=db) as tx:
        assert tx.many(INSERT, [{"id": number, "body": "x"} for number in range(5)]) == 5
        assert tx.many(TOUCH, [{"id": number, "body": "y"} for number in (1, 2, 99)]) == 2
        assert tx.many("delete from lab.notes where id <> %(id)s", [{"id": 3}, {"id": 3}]) == 4


def test_many_takes_models_and_any_iterable(lab: Lab, db: Database) -> None:
    with transaction(ALICE, database=db) as tx:
        tx.many(INSERT, (Note(id=number, body="x") for number in range(3)))

    assert lab.notes() == [0, 1, 2]


def test_what_others_own_is_not_found_and_not_changed(lab: Lab, db: Database) -> None:
    with transaction(ALICE, database=db) as tx:
        insert(tx)

    with pytest.raises(NotFound), transaction(BOB, database=db) as tx:
        tx.run(TOUCH, {"id": 1, "body": "mine"}, rows=1)
    with transaction(BOB, database=db) as tx:
        assert tx.run("delete from lab.notes", rows=None) == 0

    assert lab.ask("select body from lab.notes") == "x"


def test_each_transaction_sees_its_own_writes_and_nobody_else_before_commit(lab: Lab, db: Database) -> None:
    other = Database(lab.settings)
    tx = begun(db)
    insert(tx)

    assert tx.value("select count(*) from lab.notes") == 1
    assert open_reader(other, SIGNED_IN, ALICE, {}, Deadline.after(10)).value("select count(*) from lab.notes") == 0
    tx.commit()
    assert open_reader(other, SIGNED_IN, ALICE, {}, Deadline.after(10)).value("select count(*) from lab.notes") == 1
    other.close()


@pytest.mark.parametrize("isolation", get_args(Isolation))
def test_isolation(db: Database, isolation: Isolation) -> None:
    tx = open_transaction(db, SIGNED_IN, ALICE, {}, Deadline.after(10), isolation=isolation)

    assert tx.value("select current_setting('transaction_isolation')") == isolation
    tx.commit()


def test_a_handle_is_dead_after_its_request(db: Database) -> None:
    with transaction(ALICE, database=db) as tx:
        insert(tx)

    for use in (
        lambda: tx.run(INSERT, {"id": 2, "body": "x"}, rows=1),
        lambda: tx.many(INSERT, [{"id": 2, "body": "x"}]),
        lambda: tx.all(Note, "select id, body from lab.notes"),
        lambda: tx.value("select 1"),
        lambda: tx.send("queue", {}),
        lambda: tx.savepoint().__enter__(),
    ):
        with pytest.raises(HandleClosed):
            use()


def test_a_reader_within_a_transaction_of_the_same_thread_is_told(db: Database) -> None:
    """It would wait for itself."""
    with transaction(ALICE, database=db) as tx:
        insert(tx)
        with pytest.raises(RuntimeError, match="held by a transaction of this thread"):
            open_reader(db, SIGNED_IN, ALICE, {}, Deadline.after(10)).value("select 1")
        assert tx.value("select count(*) from lab.notes") == 1


def test_nobody_writes_where_his_role_may_not(db: Database) -> None:
    with pytest.raises(Forbidden):
        open_transaction(db, PUBLIC, None, {}, Deadline.after(10)).run(INSERT, {"id": 1, "body": "x"}, rows=1)


# Savepoints


def test_a_savepoint_undoes_what_failed_within_it(lab: Lab, db: Database) -> None:
    with transaction(ALICE, database=db) as tx:
        insert(tx, 1)
        with suppress(Conflict), tx.savepoint():
            insert(tx, 2)
            insert(tx, 1)
        insert(tx, 3)

    assert lab.notes() == [1, 3]


def test_a_savepoint_that_ends_well_is_kept(lab: Lab, db: Database) -> None:
    with transaction(ALICE, database=db) as tx, tx.savepoint(), tx.savepoint():
        insert(tx, 1)

    assert lab.notes() == [1]


def test_savepoints_nest_as_deep_as_one_likes(lab: Lab, db: Database) -> None:
    def nest(tx: Transaction, depth: int) -> None:
        if depth > 12:
            raise LookupError
        with tx.savepoint():
            insert(tx, depth)
            with suppress(LookupError):
                nest(tx, depth + 1)

    with transaction(ALICE, database=db) as tx:
        nest(tx, 1)

    assert lab.notes() == list(range(1, 13))


def test_a_failure_swallowed_within_a_savepoint_fails_the_transaction(lab: Lab, db: Database) -> None:
    tx = begun(db)
    insert(tx)
    with suppress(OrgError), tx.savepoint(), suppress(Conflict):
        insert(tx)

    with pytest.raises(OrgError):
        tx.commit()

    assert lab.notes() == []


def test_a_savepoint_in_which_nothing_was_sent(lab: Lab, db: Database) -> None:
    with transaction(ALICE, database=db) as tx:
        with suppress(KeyError), tx.savepoint():
            raise KeyError
        insert(tx)

    assert lab.notes() == [1]


@pytest.mark.parametrize("size", [None, 1, 5])
def test_a_first_statement_that_a_savepoint_undoes_leaves_its_request_as_good(lab: Lab, size: int | None) -> None:
    """Its rule was asked, so nobody asks again: on the one connection that would wait for itself."""
    source = Single(lab.settings) if size is None else Pooled(lab.settings, size=size)
    db = Database(lab.settings, source)
    app = App("tags")

    @app.post("/tags", allow=SIGNED_IN)
    def tag(tx: Transaction) -> None:
        with suppress(Conflict), tx.savepoint():
            insert(tx)

    app.use(db)
    client = Client(app, person=Person(ALICE.subject))

    assert [client.post("/tags").status for _ in range(2)] == [204, 204]
    # A block may handle the refusal, so each request asks first.
    assert (lab.notes(), source.counters.opened, source.counters.round_trips) == ([1], 1, (1 + 2) + (1 + 3))
    db.close()


@pytest.mark.parametrize(
    ("rule", "error"), [(Check("false"), Forbidden), (Check("null::boolean"), NotFound)], ids=["403", "404"]
)
def test_a_refusal_is_the_same_within_a_savepoint(lab: Lab, db: Database, rule: Check, error: type[OrgError]) -> None:
    tx = open_transaction(db, rule, ALICE, {}, Deadline.after(10))

    with pytest.raises(error), tx.savepoint():
        insert(tx)
    tx.rollback()

    assert lab.notes() == []


def test_an_unknown_user_is_told_so_within_a_savepoint(db: Database) -> None:
    tx = open_transaction(db, SIGNED_IN, STRANGER, {}, Deadline.after(10))

    with pytest.raises(Forbidden) as raised, tx.savepoint():
        insert(tx)
    tx.rollback()

    assert raised.value.code == "not_provisioned"


def test_a_request_answered_before_is_recognised_within_a_savepoint(lab: Lab, db: Database) -> None:
    key = IdempotencyKey.of("once", method="POST", path="/notes", query="", body=b"")
    first = open_transaction(db, SIGNED_IN, ALICE, {}, Deadline.after(10), key=key)
    with first.savepoint():
        insert(first)
    first.commit((201, {}, b"{}", ()))

    again = open_transaction(db, SIGNED_IN, ALICE, {}, Deadline.after(10), key=key)
    with pytest.raises(Replay), again.savepoint():
        insert(again, 2)
    again.rollback()

    assert lab.notes() == [1]


def test_a_role_that_moved_is_noticed_behind_a_savepoint_too(lab: Lab, db: Database) -> None:
    for role in ("app_sys", "none"):
        tx = begun(db)
        with tx.savepoint():
            insert(tx)
            tx.value("select lab.move('role', %(role)s)", {"role": role})

        with pytest.raises(OrgError) as raised:
            tx.commit()

        assert raised.value.status == 500
        assert isinstance(raised.value.__cause__, IdentityMoved)
    assert lab.notes() == []


def test_a_role_moved_within_a_savepoint_that_is_undone_is_back(lab: Lab, db: Database) -> None:
    with transaction(ALICE, database=db) as tx:
        with suppress(KeyError), tx.savepoint():
            tx.value("select lab.move('role', 'app_sys')")
            raise KeyError
        assert tx.value("select current_user::text") == "authenticated"
        insert(tx)

    assert lab.notes() == [1]


@pytest.mark.fault
def test_an_answer_that_comes_too_late_is_not_taken_for_anothers(lab: Lab, proxied: Database, proxy: Proxy) -> None:
    tx = open_transaction(proxied, SIGNED_IN, ALICE, {}, Deadline.after(1.2))
    insert(tx)
    with suppress(GatewayTimeout), tx.savepoint():
        proxy.freeze()
        try:
            insert(tx, 2)
        finally:
            received = proxy.received_bytes
            proxy.thaw()
            assert until(lambda: proxy.received_bytes > received)

    with pytest.raises(OrgError):
        tx.commit()

    assert lab.is_quiet()
    assert lab.notes() == []


@pytest.mark.fault
def test_a_connection_lost_within_a_savepoint(lab: Lab, db: Database) -> None:
    with pytest.raises(OrgError), transaction(ALICE, database=db) as tx:
        insert(tx)
        with suppress(OrgError), tx.savepoint():
            lab.terminate(tx.value("select pg_backend_pid()"))
            insert(tx, 2)
        insert(tx, 3)

    assert lab.notes() == []


# The outbox


def test_a_message_is_kept_with_its_transaction_and_costs_no_round_trip(
    lab: Lab, proxied: Database, proxy: Proxy
) -> None:
    lab.tell("truncate app.outbox")
    with transaction(ALICE, database=proxied) as tx:
        insert(tx, 1)
        tx.send("queue", {"n": 1})
    with pytest.raises(KeyError), transaction(ALICE, database=proxied) as tx:
        tx.send("queue", {"n": 2})
        insert(tx, 2)
        raise KeyError

    assert lab.ask("select array_agg(message::text) from app.outbox") == ['{"n": 1}']
    assert proxy.round_trips() == 2 + 2


def test_a_message_that_cannot_be_adapted_fails_where_it_is_sent(db: Database) -> None:
    tx = begun(db)

    with pytest.raises(StatementError):
        tx.send("queue", {"n": object()})
    tx.rollback()
