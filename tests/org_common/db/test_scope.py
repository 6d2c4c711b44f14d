"""The lifetime of readers and transactions belongs to their owner: a handler can neither end nor skip it."""

import pytest

from org_common import App, Response
from org_common.auth.rules import SIGNED_IN, Check, Rule
from org_common.db.database import Database
from org_common.db.reader import Reader
from org_common.db.scope import HandleClosed, ReadScope, WriteScope
from org_common.db.transaction import Transaction
from org_common.testing.client import Client, Person
from org_common.values.errors import Forbidden
from org_common.values.types import Deadline
from tests.support.lab import ALICE, INSERT, STRANGER, Lab

pytestmark = pytest.mark.db

NEVER = Check("false")


def public_names(kind: type) -> set[str]:
    return {name for name in dir(kind) if not name.startswith("_")}


def reading(db: Database, rule: Rule = SIGNED_IN) -> tuple[ReadScope, Reader]:
    return db.open_reader(rule, ALICE, {}, Deadline.after(10))


def writing(db: Database, rule: Rule = SIGNED_IN) -> tuple[WriteScope, Transaction]:
    return db.open_transaction(rule, ALICE, {}, Deadline.after(10))


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
