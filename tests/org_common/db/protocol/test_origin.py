"""What an error of a real PostgreSQL names: constraint, table, column, statement, place. Never a value."""

from typing import LiteralString

import pytest
from psycopg import sql

from org_common.db.database import Database, transaction
from org_common.db.protocol.errors import StatementFailed
from org_common.db.protocol.origin import Origin
from org_common.telemetry.causes import database_fields, explained
from org_common.telemetry.refusals import refusal
from org_common.values.errors import OrgError
from tests.support.lab import ALICE

pytestmark = pytest.mark.db

ADD = "insert into lab.notes (id, body, size, label, parent) values "
VALUE = "swordfish"


@pytest.fixture
def notes(db: Database) -> Database:
    with transaction(ALICE, database=db) as tx:
        tx.run(ADD + "(1, 'x', 1, 'taken', null), (10, 'x', 1, null, 1)", rows=2)
    return db


def failed(db: Database, text: LiteralString, **params: object) -> tuple[StatementFailed, Origin]:
    with pytest.raises(OrgError) as raised, transaction(ALICE, database=db, timeout_s=5) as tx:
        tx.run(text, params, rows=None)
    cause = raised.value.__cause__
    assert isinstance(cause, StatementFailed)
    assert cause.origin is not None
    return cause, cause.origin


INTEGRITY: list[tuple[LiteralString, str, tuple[str | None, str | None, str | None]]] = [
    (ADD + "(1, %(v)s, 1, 'other', null)", "INSERT lab.notes", ("notes_pkey", "lab.notes", None)),
    (ADD + "(2, %(v)s, 1, 'taken', null)", "INSERT lab.notes", ("notes_label_key", "lab.notes", None)),
    (ADD + "(2, %(v)s, 1, null, 77)", "INSERT lab.notes", ("notes_parent_fkey", "lab.notes", None)),
    (
        "delete from lab.notes where id = 1 and body <> %(v)s",
        "DELETE lab.notes",
        ("notes_parent_fkey", "lab.notes", None),
    ),
    (ADD + "(2, nullif(%(v)s, %(v)s), 1, null, null)", "INSERT lab.notes", (None, "lab.notes", "body")),
    (ADD + "(2, %(v)s, -1, null, null)", "INSERT lab.notes", ("notes_size_check", "lab.notes", None)),
    (
        "insert into lab.bookings values ('[1,5]'), ('[3,9]')",
        "INSERT lab.bookings",
        ("bookings_seat_excl", "lab.bookings", None),
    ),
]


@pytest.mark.parametrize(("text", "statement", "names"), INTEGRITY, ids=lambda each: str(each)[-30:])
def test_violation_names_constraint_table_and_column(
    notes: Database, text: LiteralString, statement: str, names: tuple[str | None, ...]
) -> None:
    cause, origin = failed(notes, text, v=VALUE)

    assert (cause.constraint, cause.table, cause.column) == names
    assert origin.statement == statement
    assert VALUE not in f"{database_fields(cause)} {refusal(cause)} {origin.excerpt()}"


def test_violation_at_commit_has_its_constraint(notes: Database) -> None:
    with pytest.raises(OrgError) as raised, transaction(ALICE, database=notes) as tx:
        tx.run("insert into lab.promises values (1, 77)", rows=1)

    cause = raised.value.__cause__
    assert isinstance(cause, StatementFailed)
    assert database_fields(cause)["constraint"] == "promises_note_fkey"
    assert database_fields(cause)["statement"] == "commit"


DATA: list[LiteralString] = [
    "select %(v)s::text::int",
    "select %(v)s::text::uuid",
    "select %(v)s::text::timestamptz",
    "select %(v)s::text::jsonb",
    "select %(v)s::text::inet",
    "select %(v)s::text::boolean",
    "select (%(v)s::text || '99999999999999')::numeric(3, 1)",
    "select cast(%(v)s::text as int4range)",
    "update lab.notes set label = repeat(%(v)s, 9)",
    "select to_date(%(v)s, 'YYYY-MM-DD')",
    "select regexp_replace('a', '(' || %(v)s, '')",
    "select lab.fail('22023', %(v)s)",
    "select lab.fail('23514', %(v)s, %(v)s)",
    "select lab.fail('42501', %(v)s)",
    "select lab.fail('40001', %(v)s)",
]


@pytest.mark.parametrize("text", DATA)
def test_value_that_was_refused_is_not_told(notes: Database, text: LiteralString) -> None:
    cause, origin = failed(notes, text, v=VALUE)

    assert VALUE not in f"{database_fields(cause)} {refusal(cause)} {origin.excerpt()}"
    assert cause.sqlstate in f"{refusal(cause)}"


def test_function_that_raised_is_named_with_its_line(notes: Database) -> None:
    cause, origin = failed(notes, "select lab.fail('23514', %(v)s)", v=VALUE)

    assert refusal(cause) == "a function raised SQLSTATE 23514"
    assert origin.is_raised
    assert database_fields(cause)["sql_function"] == "lab.fail(text,text,text) line 4"
    assert "hint" not in database_fields(cause)


def test_own_code_is_told(notes: Database) -> None:
    cause, _ = failed(notes, "select lab.fail('OC409', 'last_owner', 'An organization needs an owner.')")

    assert refusal(cause) == "last_owner (SQLSTATE OC409)"


EXCERPTS: list[tuple[LiteralString, str, list[str], str | None]] = [
    (
        "select id,\n  n.boddy, %(a)s::int\nfrom lab.notes n",
        "column n.boddy does not exist (SQLSTATE 42703)",
        ["  n.boddy, %(a)s::int", "  ^"],
        'Perhaps you meant to reference the column "n.body".',
    ),
    (
        "select %(a)s::int + , 1",
        'syntax error at or near "," (SQLSTATE 42601)',
        ["select %(a)s::int + , 1", " " * 20 + "^"],
        None,
    ),
    (
        "select id from lab.notes where (%(a)s) is null",
        "could not determine data type of parameter %(a)s (SQLSTATE 42P18)",
        ["select id from lab.notes where (%(a)s) is null"],
        None,
    ),
    (
        "select id from lab.notes where id %(a)s",
        'syntax error at or near "%(a)s" (SQLSTATE 42601)',
        ["select id from lab.notes where id %(a)s", " " * 34 + "^"],
        None,
    ),
    (
        "select 1 from lab.nothing",
        'relation "lab.nothing" does not exist (SQLSTATE 42P01)',
        ["select 1 from lab.nothing", " " * 14 + "^"],
        None,
    ),
]


@pytest.mark.parametrize(("text", "sentence", "excerpt", "hint"), EXCERPTS, ids=lambda each: str(each)[:30])
def test_place_in_the_sql_has_a_caret_and_the_parameters_names(
    notes: Database, text: LiteralString, sentence: str, excerpt: list[str], hint: str | None
) -> None:
    cause, origin = failed(notes, text, a=None)

    assert refusal(cause) == sentence
    assert origin.excerpt() == excerpt
    assert database_fields(cause).get("hint") == hint


def test_statement_composed_with_values_is_named_but_not_shown(notes: Database) -> None:
    text = sql.SQL("select n.boddy from lab.notes n where n.body = {}").format(sql.Literal(VALUE))
    with pytest.raises(OrgError) as raised, transaction(ALICE, database=notes) as tx:
        tx.run(text, rows=None)

    cause = raised.value.__cause__
    assert isinstance(cause, StatementFailed)
    assert VALUE not in str(explained(cause))
    assert database_fields(cause)["statement"] == "SELECT lab.notes"


def test_developer_sees_sentence_sql_and_names(notes: Database) -> None:
    cause, _ = failed(notes, "insert into lab.notes (id, body, size) values (2, %(v)s, -1)", v=VALUE)

    assert explained(cause) == [
        'new row for relation "notes" violates check constraint "notes_size_check" (SQLSTATE 23514)',
        "    insert into lab.notes (id, body, size) values (2, %(v)s, -1)",
        "constraint: notes_size_check",
        "table: lab.notes",
    ]
