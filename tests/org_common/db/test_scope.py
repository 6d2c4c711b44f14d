"""The lifetime of readers and transactions belongs to their owner: a handler can neither end nor skip it."""

from typing import LiteralString

import pytest

from org_common import App, Response
from org_common.auth.rules import SIGNED_IN, Check, Rule
from org_common.db.database import Database
from org_common.db.idempotency import IdempotencyKey, Replay, StoredResponse
from org_common.db.protocol.statement import StatementError
from org_common.db.reader import Reader
from org_common.db.scope import HandleClosed, ReadScope, WriteScope
from org_common.db.transaction import Transaction
from org_common.testing.client import Client, Person
from org_common.values.errors import Forbidden, OrgError
from org_common.values.types import Deadline
from tests.support.lab import ALICE, INSERT, STRANGER, Lab

pytestmark = pytest.mark.db

NEVER = Check("false")
BROKEN = Check("1 / 0 = 1")
KEY = IdempotencyKey.of("k-1", method="POST", path="/notes", query="", body=b"{}")
RESPONSE: StoredResponse = (201, {"location": "/notes/1"}, b'{"id":1}', [])


def public_names(kind: type) -> set[str]:
    return {name for name in dir(kind) if not name.startswith("_")}


def reading(db: Database, rule: Rule = SIGNED_IN) -> tuple[ReadScope, Reader]:
    return db.open_reader(rule, ALICE, {}, Deadline.after(10))


def writing(db: Database, rule: Rule = SIGNED_IN, key: IdempotencyKey | None = None) -> tuple[WriteScope, Transaction]:
    return db.open_transaction(rule, ALICE, {}, Deadline.after(10), key=key)


def test_handlers_get_statements_and_nothing_that_ends_a_transaction() -> None:
    reads = {"all", "injected", "maybe", "one", "page", "value"}

    assert public_names(Reader) == reads
    assert public_names(Transaction) == reads | {"many", "run", "savepoint", "send"}


@pytest.mark.parametrize("name", ["commit", "rollback", "close", "ensure_authorized", "stored_response"])
def test_handler_that_tries_to_end_its_transaction_keeps_nothing(name: str, lab: Lab, db: Database) -> None:
    app = App("impatient")

    @app.post("/notes", allow=SIGNED_IN)
    def handler(tx: Transaction) -> None:
        tx.run(INSERT, {"id": 1, "body": "x"}, rows=1)
        getattr(tx, name)()

    app.use(db)
    response = Client(app, person=Person("local|alice")).post("/notes")

    assert response.status == 500
    assert lab.notes() == []


def test_reading_scope_authorizes_once(lab: Lab, db: Database) -> None:
    scope, reader = reading(db)
    round_trips = db.counters.round_trips

    reader.value("select 1")
    scope.ensure_authorized()

    assert scope.is_authorized
    assert db.counters.round_trips - round_trips == 1


def test_scope_without_statements_authorizes_when_it_is_asked_to(db: Database) -> None:
    for scope, _ in (reading(db, NEVER), writing(db, NEVER)):
        with pytest.raises(Forbidden):
            scope.ensure_authorized()
        assert not scope.is_authorized


def test_refusal_that_a_handler_swallows_is_raised_again(lab: Lab, db: Database) -> None:
    scope, transaction = writing(db, NEVER)
    try:
        with pytest.raises(Forbidden):
            transaction.run(INSERT, {"id": 1, "body": "x"}, rows=1)

        with pytest.raises(Forbidden):
            scope.ensure_authorized()
    finally:
        scope.rollback()
        scope.close()

    assert lab.notes() == []


def test_rolled_back_scope_keeps_nothing(lab: Lab, db: Database) -> None:
    scope, transaction = writing(db)
    transaction.run(INSERT, {"id": 1, "body": "x"}, rows=1)

    scope.rollback()
    scope.rollback()
    scope.close()

    assert lab.notes() == []
    assert lab.is_quiet()


def test_closed_scope_sends_nothing(lab: Lab, db: Database) -> None:
    for scope, handle in (reading(db), writing(db)):
        scope.close()
        with pytest.raises(HandleClosed):
            handle.value("select 1")
        with pytest.raises(HandleClosed):
            scope.check_open()

    scope, transaction = writing(db)
    scope.close()
    with pytest.raises(HandleClosed):
        transaction.send("queue", {})
    with pytest.raises(HandleClosed), transaction.savepoint():
        pass


def test_unknown_caller_is_refused_by_the_scope(db: Database) -> None:
    scope, _ = db.open_reader(SIGNED_IN, STRANGER, {}, Deadline.after(10))

    with pytest.raises(Forbidden):
        scope.ensure_authorized()


def test_response_is_rendered_before_commit(lab: Lab, db: Database) -> None:
    app = App("renders")

    @app.post("/notes", allow=SIGNED_IN)
    def handler(tx: Transaction) -> Response:
        tx.run(INSERT, {"id": 1, "body": "x"}, rows=1)
        response = Response()
        response.headers["x-invalid"] = "a\nb"
        return response

    app.use(db)
    response = Client(app, person=Person("local|alice")).post("/notes")

    assert response.status == 500
    assert lab.notes() == []


@pytest.mark.parametrize("function", ["pg_notify('jobs', 'x')", "pg_catalog.pg_notify('jobs', 'x')"])
def test_reader_sends_no_notification(function: LiteralString, lab: Lab, db: Database) -> None:
    scope, reader = reading(db)
    round_trips = db.counters.round_trips

    with pytest.raises(StatementError, match="a Reader may not call"):
        reader.value("select " + function)

    assert not scope.is_authorized
    assert db.counters.round_trips == round_trips


def test_response_is_stored_with_the_key_and_replayed(lab: Lab, db: Database) -> None:
    scope, transaction = writing(db, key=KEY)
    transaction.run(INSERT, {"id": 1, "body": "x"}, rows=1)
    scope.commit(RESPONSE)
    scope.close()

    again, transaction = writing(db, key=KEY)
    with pytest.raises(Replay):
        transaction.run(INSERT, {"id": 2, "body": "x"}, rows=1)
    again.rollback()
    again.close()

    assert lab.notes() == [1]
    assert reading(db)[0].stored_response(KEY) == RESPONSE


def test_key_without_a_response_stores_none(lab: Lab, db: Database) -> None:
    key = IdempotencyKey.of("k-2", method="POST", path="/notes", query="", body=b"{}")
    scope, transaction = writing(db, key=key)
    transaction.run(INSERT, {"id": 1, "body": "x"}, rows=1)
    scope.commit()
    scope.close()

    assert lab.notes() == [1]
    assert reading(db)[0].stored_response(key) is None


def test_response_without_a_key_is_not_stored(lab: Lab, db: Database) -> None:
    stored = lab.ask("select count(*) from app.stored_responses")
    scope, transaction = writing(db)
    transaction.run(INSERT, {"id": 1, "body": "x"}, rows=1)
    scope.commit(RESPONSE)
    scope.close()

    assert lab.notes() == [1]
    assert lab.ask("select count(*) from app.stored_responses") == stored


def test_queued_statements_are_authorized_in_their_transaction(lab: Lab, db: Database) -> None:
    round_trips = db.counters.round_trips
    scope, transaction = writing(db)
    transaction.send("jobs", {"id": 1})
    scope.ensure_authorized()
    scope.commit()
    scope.close()

    assert db.counters.round_trips - round_trips == 2

    scope, transaction = writing(db, NEVER)
    transaction.send("jobs", {"id": 2})
    with pytest.raises(Forbidden):
        scope.ensure_authorized()
    assert scope.transaction.has_failed
    scope.rollback()
    scope.close()


def test_rule_that_failed_is_not_evaluated_again(lab: Lab, db: Database) -> None:
    scope, transaction = writing(db, BROKEN)
    with pytest.raises(OrgError):
        transaction.run(INSERT, {"id": 1, "body": "x"}, rows=1)
    round_trips = db.counters.round_trips

    with pytest.raises(OrgError):
        scope.ensure_authorized()

    assert db.counters.round_trips == round_trips
    scope.rollback()
    scope.close()


@pytest.mark.parametrize("statement", ["select secret from lab.hidden", "select 1 / 0"])
def test_failure_behind_the_rule_is_no_refusal(statement: LiteralString, lab: Lab, db: Database) -> None:
    """The caller was authorized. What the handler did next ends in an error at the commit when it is swallowed."""
    scope, transaction = writing(db)
    transaction.run(INSERT, {"id": 1, "body": "x"}, rows=1)
    with pytest.raises(OrgError):
        transaction.value(statement)

    scope.ensure_authorized()
    with pytest.raises(OrgError) as caught:
        scope.commit()
    scope.close()

    assert caught.value.status == 500
    assert lab.notes() == []
