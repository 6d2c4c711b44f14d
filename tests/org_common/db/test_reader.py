"""The verbs of a Reader, and what a handle is worth after its request."""

from collections.abc import Callable
from typing import Any

import pytest

from org_common.auth.rules import PUBLIC, SIGNED_IN, Check
from org_common.db.database import Database, transaction
from org_common.db.protocol.statement import StatementError
from org_common.db.reader import Reader
from org_common.db.scope import HandleClosed
from org_common.values.errors import NotFound, OrgError
from org_common.values.paging import PageRequest
from org_common.values.types import Deadline
from tests.support.handles import OwnedReader, open_reader
from tests.support.lab import ALICE, BOB, CAROL, INSERT, Lab, Note

pytestmark = pytest.mark.db

NOTES = "select id, body from lab.notes order by id"
NOTE = "select id, body from lab.notes where id = %(id)s"


@pytest.fixture
def notes(db: Database) -> Database:
    """Three of Alice's, one of Bob's."""
    with transaction(ALICE, database=db) as tx:
        tx.many(INSERT, [{"id": number, "body": "a"} for number in (1, 2, 3)])
    with transaction(BOB, database=db) as tx:
        tx.run(INSERT, {"id": 4, "body": "b"}, rows=1)
    return db


@pytest.fixture
def alice(notes: Database) -> OwnedReader:
    return open_reader(notes, SIGNED_IN, ALICE, {}, Deadline.after(10))


@pytest.fixture
def carol(notes: Database) -> OwnedReader:
    return open_reader(notes, SIGNED_IN, CAROL, {}, Deadline.after(10))


def test_all(alice: OwnedReader, carol: OwnedReader) -> None:
    assert alice.all(Note, NOTES) == [Note(id=number, body="a") for number in (1, 2, 3)]
    assert carol.all(Note, NOTES) == []


def test_one_is_exactly_one(alice: OwnedReader) -> None:
    assert alice.one(Note, NOTE, {"id": 2}) == Note(id=2, body="a")

    with pytest.raises(StatementError, match="expected one row, got 3"):
        alice.one(Note, NOTES)


@pytest.mark.parametrize("id", [4, 99], ids=["somebody else's", "nobody's"])
def test_what_is_hidden_is_not_found_as_what_is_not_there(alice: OwnedReader, id: int) -> None:
    with pytest.raises(NotFound) as raised:
        alice.one(Note, NOTE, {"id": id})

    assert raised.value.detail == NotFound.detail
    assert alice.maybe(Note, NOTE, {"id": id}) is None
    assert alice.value(NOTE.replace("id, body", "body"), {"id": id}) is None


def test_maybe_is_one_or_none(alice: OwnedReader) -> None:
    assert alice.maybe(Note, NOTE, {"id": 1}) == Note(id=1, body="a")

    with pytest.raises(StatementError):
        alice.maybe(Note, NOTES)


def test_value_is_one_column_of_one_row(alice: OwnedReader) -> None:
    assert alice.value("select count(*) from lab.notes") == 3
    assert alice.value("select null") is None
    assert alice.value("select id from lab.notes where false") is None

    with pytest.raises(StatementError):
        alice.value("select id from lab.notes")
    with pytest.raises(StatementError):
        alice.value("select 1, 2")
    with pytest.raises(StatementError):
        alice.value("select id, body from lab.notes where false")


def test_parameters_may_be_a_model(alice: OwnedReader) -> None:
    assert alice.one(Note, NOTE, Note(id=3, body="")).id == 3


def test_each_read_sees_what_was_committed_before_it(lab: Lab, alice: OwnedReader) -> None:
    before = alice.value("select count(*) from lab.notes")
    lab.tell("delete from lab.notes where id = 1")

    assert alice.value("select count(*) from lab.notes") == before - 1


USES: list[Callable[[Reader], Any]] = [
    lambda db: db.all(Note, NOTES),
    lambda db: db.one(Note, NOTE, {"id": 1}),
    lambda db: db.maybe(Note, NOTE, {"id": 1}),
    lambda db: db.value("select 1"),
    lambda db: db.page(Note, "select id, body from lab.notes", page=PageRequest(), by=("id",)),
]


@pytest.mark.parametrize("use", USES)
def test_a_handle_is_dead_after_its_request(alice: OwnedReader, use: Callable[[Reader], Any]) -> None:
    use(alice)
    alice.close()

    with pytest.raises(HandleClosed, match="used after its request"):
        use(alice)


def test_the_rule_is_asked_with_each_statement(lab: Lab, notes: Database) -> None:
    """Who loses his role between two statements does not get the second."""
    rule = Check("exists (select from lab.notes where id = 1)")
    reader = open_reader(notes, rule, ALICE, {}, Deadline.after(10))
    reader.value("select 1")
    lab.tell("delete from lab.notes where id = 1")

    with pytest.raises(OrgError) as raised:
        reader.value("select 1")

    assert raised.value.status == 403


def test_a_parameter_that_is_missing_is_a_fault_of_the_program(alice: OwnedReader) -> None:
    with pytest.raises(StatementError):
        alice.one(Note, NOTE)
    with pytest.raises(StatementError):
        alice.page(Note, "select id, body from lab.notes where id > %(least)s", page=PageRequest(), by=("id",))
    with pytest.raises(StatementError):
        alice.page(Note, "select id, body from lab.notes where id > %(least)s", {}, page=PageRequest(), by=("id",))


def test_nobody_reads_nothing_of_anybodys(notes: Database) -> None:
    public = open_reader(notes, PUBLIC, None, {}, Deadline.after(10))

    for table in ("lab.notes", "access.users", "access.orgs", "access.org_members", "app.answers", "app.outbox"):
        with pytest.raises(OrgError) as raised:
            public.value("select count(*) from " + table)
        assert raised.value.status == 403
