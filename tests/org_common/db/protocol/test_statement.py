"""Texts that a handler may send, and parameters that fit them."""

import datetime
import enum
import uuid
from decimal import Decimal
from typing import Any, LiteralString

import pytest
from psycopg import sql

from org_common.auth.rules import SIGNED_IN
from org_common.db.database import Database
from org_common.db.protocol.parameter_names import named
from org_common.db.protocol.statement import (
    Statement,
    StatementError,
    _prepare,
    _prepare_composed,
    prepare,
    prepare_own,
)
from org_common.values.errors import Unprocessable
from org_common.values.model import Model, Patch
from org_common.values.types import Deadline
from tests.support.handles import open_reader
from tests.support.lab import ALICE

ALLOWED: list[LiteralString] = [
    "select 1",
    "SELECT 1",
    "\n\t select 1",
    "(select 1) union (select 2)",
    "((select 1))",
    "( /* in */ ( -- and\n select 1))",
    "with x as (select 1) select * from x",
    "with new as (insert into lab.notes (id, body) values (1, 'x') returning id) select id from new",
    "values (1), (2)",
    "table lab.notes",
    "insert into lab.notes (id, body) values (1, 'x')",
    "update lab.notes set body = 'x'",
    "delete from lab.notes",
    "merge into lab.notes n using (values (1)) v (id) on n.id = v.id when matched then delete",
    "-- a comment\nselect 1",
    "-- a comment\rselect 1",
    "/* a comment */select 1",
    "/* one /* nested */ in it */ select 1",
    "/**/select 1",
    "/***/select 1",
    "/* -- */ select 1",
    "-- /*\nselect 1",
    "select 'commit'",
    "select 1 -- commit",
]


@pytest.mark.parametrize("text", ALLOWED)
def test_reads_and_writes_are_allowed(text: LiteralString) -> None:
    assert prepare(text).command == text.encode()


def test_placeholders_become_numbers() -> None:
    statement = prepare("select %(b)s, %(a)s, %(b)s")

    assert statement.command == b"select $1, $2, $1"
    assert statement.names == ("b", "a")


def test_a_percent_sign_is_written_twice() -> None:
    assert prepare("select 5 %% 2, 'a%%'").command == b"select 5 % 2, 'a%'"


@pytest.mark.parametrize(
    "text", ["select %s", "select 5 % 2", "select %(a)d", "select %(a)", "select '100%'", "select %(1)s"]
)
def test_any_other_percent_sign_is_refused(text: LiteralString) -> None:
    with pytest.raises(StatementError, match="is not a valid placeholder"):
        prepare(text)


def test_composed_sql_is_taken() -> None:
    composed = sql.SQL("select {} from {} where id = %(id)s").format(sql.Identifier("a b"), sql.Identifier('x"y'))

    assert prepare(composed).command == b'select "a b" from "x""y" where id = $1'


def test_composed_sql_is_guarded_too() -> None:
    with pytest.raises(StatementError):
        prepare(sql.SQL("{}").format(sql.SQL("commit")))


def test_the_statement_of_a_text_is_made_once() -> None:
    assert prepare("select 'once'") is prepare("select 'once'")


@pytest.mark.parametrize(("length", "is_cached"), [(20_000, True), (20_001, False)])
def test_a_long_text_is_not_cached(length: int, is_cached: bool) -> None:
    """It holds data: the next one is another."""
    text: Any = "select '" + "x" * (length - 9) + "'"
    composed = sql.SQL(text)

    assert len(text) == length
    assert (prepare(text) is prepare(text)) is is_cached
    assert (prepare(composed) is prepare(composed)) is is_cached


def test_a_thousand_texts_are_cached_and_the_oldest_one_goes() -> None:
    texts: list[Any] = [f"select {number}" for number in range(1_025)]
    for text in texts:
        prepare(text)
        prepare(sql.SQL(text))
    before = _prepare.cache_info().misses, _prepare_composed.cache_info().misses

    for text in texts[1:]:
        prepare(text)
        prepare(sql.SQL(text))
    assert (_prepare.cache_info().misses, _prepare_composed.cache_info().misses) == before
    prepare(texts[0])
    prepare(sql.SQL(texts[0]))
    assert (_prepare.cache_info().misses, _prepare_composed.cache_info().misses) == (before[0] + 1, before[1] + 1)


def test_messages_name_the_parameters_of_a_statement() -> None:
    statement = prepare("select %(first_one)s, %(second_one)s")

    assert named("$1 and $2 and $3", statement.command) == "%(first_one)s and %(second_one)s and $3"


def test_the_sdks_own_texts_are_not_guarded() -> None:
    assert prepare_own("begin").bind(None) == (b"begin", [], (), [])


class Box(Model):
    id: str
    body: str = "x"


def test_parameters_come_from_a_mapping_or_a_model() -> None:
    statement = prepare("select %(id)s, %(body)s")

    assert statement.bind({"id": "7", "body": "y", "more": "is ignored"})[1] == [b"7", b"y"]
    assert statement.bind(Box(id="7"))[1] == [b"7", b"x"]


@pytest.mark.parametrize("params", [{}, {"Id": 1}, Box(id="1"), None], ids=["none", "case", "model", "None"])
def test_a_missing_parameter_is_named(params: object) -> None:
    with pytest.raises(StatementError, match=r"%\(missing\)s of the statement is missing"):
        prepare("select %(missing)s").bind(params)


class Part(Patch):
    name: str
    color: str | None


class Color(enum.StrEnum):
    RED = "red"


class Mail(Model):
    """A model may have a field of any name."""

    sent: bool


@pytest.mark.db
@pytest.mark.parametrize(
    ("value", "read"),
    [
        (None, None),
        (True, "true"),
        (5, "5"),
        (2**40, "1099511627776"),
        (2**70, "1180591620717411303424"),
        (1.5, "1.5"),
        (Decimal("1.10"), "1.10"),
        ("ü \U0001f600 %s %(x)s '", "ü \U0001f600 %s %(x)s '"),
        (b"\0\xff", "\\x00ff"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (datetime.date(2026, 1, 2), "2026-01-02"),
        (datetime.datetime(2026, 1, 2, 3, 4, 5, 6, datetime.UTC), "2026-01-02 03:04:05.000006+00"),
        (datetime.timedelta(days=1, hours=2), "1 day 02:00:00"),
        ([1, 2], "{1,2}"),
        (["a,b", None, 'c"'], '{"a,b",NULL,"c\\""}'),
        ([], "{}"),
        ({"aKey": [1, None, {"b": "ü"}]}, '{"aKey": [1, null, {"b": "ü"}]}'),
        (Box(id="1"), '{"id": "1", "body": "x"}'),
        (Part.model_validate({"color": None}), '{"color": null}'),
        (Mail(sent=True), '{"sent": true}'),
        (Color.RED, "red"),
    ],
    ids=repr,
)
def test_values_arrive(db: Database, value: object, read: str | None) -> None:
    reader = open_reader(db, SIGNED_IN, ALICE, {}, Deadline.after(10))

    assert reader.value("select (%(value)s)::text", {"value": value}) == read


@pytest.mark.parametrize(
    "value",
    [object(), print, {"when": object()}, [object()], {"n": 2**70}, {1: 2}, "\ud800"],
    ids=["object", "function", "in a dict", "in a list", "large", "key", "surrogate"],
)
def test_what_has_no_form_in_postgresql_is_a_fault_of_the_program(value: object) -> None:
    with pytest.raises(StatementError, match="cannot be sent"):
        prepare("select %(value)s").bind({"value": value})


@pytest.mark.parametrize("value", ["\0", "a\0b", ["a\0"]], ids=["alone", "within", "in a list"])
def test_text_with_a_nul_is_the_callers_fault(value: object) -> None:
    with pytest.raises(Unprocessable) as raised:
        prepare("select %(value)s").bind({"value": value})

    assert raised.value.code == "invalid_text"


def test_a_fault_outside_of_errors_is_not_caught() -> None:
    class Interrupting:
        def __jsonb__(self) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare("select %(value)s").bind({"value": Interrupting()})


def test_without_placeholders_parameters_do_not_matter() -> None:
    statement = prepare("select 1")

    assert isinstance(statement, Statement)
    assert statement.bind({"any": object()}) == (b"select 1", [], (), [])


DATA = [
    "100%",
    "%(n)s",
    "%s",
    "a%%b",
    "it's %(secret)s",
    "set_config(",
    'U&"',
    "\\%",
    "pg_advisory_lock",
    "$1",
    "--",
    "/*",
    "",
]


@pytest.mark.db
@pytest.mark.parametrize("data", DATA)
def test_data_of_composed_sql_is_left_alone(db: Database, data: str) -> None:
    reader = open_reader(db, SIGNED_IN, ALICE, {}, Deadline.after(10))
    text = sql.SQL("select {}::text || %(secret)s::text").format(sql.Literal(data))

    assert reader.value(text, {"secret": "S3"}) == data + "S3"
    assert reader.value(sql.SQL("select {}").format(sql.Composed([sql.Literal(data)]))) == data


@pytest.mark.parametrize("name", ["a%b", "%(n)s", "100%%"])
def test_names_of_composed_sql_are_left_alone(name: str) -> None:
    assert prepare(sql.SQL("select 1 as {}").format(sql.Identifier(name))).command == f'select 1 as "{name}"'.encode()


@pytest.mark.parametrize(
    "part", [sql.Identifier("set_config"), sql.SQL("set_config"), sql.Identifier("pg_advisory_lock")]
)
def test_names_of_composed_sql_are_guarded(part: sql.Composable) -> None:
    with pytest.raises(StatementError, match="a statement may not"):
        prepare(sql.SQL("select {}('role', 'x', false)").format(part))
