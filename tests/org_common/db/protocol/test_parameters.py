"""Values as parameters: their types do not depend on the size or the number of what is sent."""

import datetime as dt
import enum
from collections import OrderedDict
from decimal import Decimal
from typing import Any, LiteralString, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, HttpUrl

from org_common.auth.rules import SIGNED_IN
from org_common.db.database import Database, transaction
from org_common.db.protocol.parameters import INT4, INT8, NUMERIC, Encoded, encode, integer, placeholder_values, widen
from org_common.db.protocol.placeholders import StatementError
from org_common.db.protocol.statement import prepare
from org_common.db.reader import Reader
from org_common.values.jsonb import Json
from org_common.values.model import Model
from org_common.values.types import Deadline
from tests.support.handles import open_reader
from tests.support.lab import ALICE
from tests.support.names import name_of


class Color(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    LOW = 1


class Plain(BaseModel):
    name: str


class Wanted(Model):
    ids: list[int]
    names: list[str]
    size: int | None = None


class Point(NamedTuple):
    x: int
    y: int


@pytest.fixture
def reader(db: Database) -> Reader:
    return open_reader(db, SIGNED_IN, ALICE, {}, Deadline.after(10))


@pytest.mark.parametrize(
    ("value", "data", "oid"),
    [
        (1, b"1", 23),
        (-(2**31), b"-2147483648", 23),
        (2**31, b"2147483648", 20),
        (2**63, b"9223372036854775808", 1700),
        (Level.LOW, b"1", 23),
        (Color.RED, b"red", 0),
        (HttpUrl("https://a.example/b"), b"https://a.example/b", 0),
        ([1, 2], b"{1,2}", 1007),
        ([1, None, 2**40], b"{1,NULL,1099511627776}", 1016),
        ([2**70], b"{1180591620717411303424}", 1231),
        ([[1], [2]], b"{{1},{2}}", 1007),
        ((1, 2), b"{1,2}", 1007),
        ({3}, b"{3}", 1007),
        (frozenset({3}), b"{3}", 1007),
        ([1, 0.5], b"{1,0.5}", 1022),
        ([2**53 + 1, 0.5], b"{9007199254740993,0.5}", 1231),
        ([1, Decimal("0.1"), 0.5, None], b"{1,0.1,0.5,NULL}", 1231),
        ([Color.RED, "a"], b"{red,a}", 0),
        ([Level.LOW, 2], b"{1,2}", 1007),
        ([b"'\\\0", None], b'{"\\\\x275c00",NULL}', 1001),
        ([], b"{}", 0),
        ([None], b"{NULL}", 0),
        ({"a": 1}, b'{"a":1}', 3802),
        (OrderedDict(a=1), b'{"a":1}', 3802),
        (Plain(name="x"), b'{"name":"x"}', 3802),
        (Json([1, {"b": Decimal("1.10")}]), b'[1,{"b":"1.10"}]', 3802),
        (Json(None), b"null", 3802),
        ({"a": {1}, "b": dt.timedelta(days=365), "c": b"\xff", "d": Plain}, None, 0),
        ({"a": (1,), "b": dt.timedelta(days=365), "c": b"\xff"}, b'{"a":[1],"b":"P365DT0S","c":"\\\\xff"}', 3802),
    ],
    ids=repr,
)
def test_each_value_has_one_form(value: object, data: bytes | None, oid: int) -> None:
    if data is None:
        with pytest.raises(ValueError, match="d: Type is not JSON serializable"):
            encode([value])
        return
    sent, oids, _ = encode([value])

    assert (bytes(sent[0]), oids) == (data, (oid,))


def test_a_named_tuple_is_a_composite_value() -> None:
    assert bytes(encode([Point(1, 2)])[0][0]) == b"(1,2)"


@given(st.integers())
def test_an_integer_has_the_type_of_its_literal(value: int) -> None:
    bits = value.bit_length() if value >= 0 else (~value).bit_length()

    assert integer(value) == Encoded(str(value).encode(), INT4 if bits < 32 else INT8 if bits < 64 else NUMERIC)


@given(st.lists(st.integers(-(2**40), 2**40), min_size=1, max_size=3), st.integers(1, 1000))
def test_an_expression_is_computed_in_a_type_that_holds_it(numbers: list[int], literal: int) -> None:
    values: list[Any] = list(numbers)
    product = literal
    for number in numbers:
        product *= number

    widen(values, max(literal, 2), range(len(values)))

    if max(abs(product), abs(sum(numbers) + literal)) >= 2**31:
        assert all(value.oid in (INT8, NUMERIC) for value in values)
    if max(map(abs, numbers)) < 2**5 and literal < 2**10:
        assert values == numbers


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ([{"a": 1}], r"a list of objects: wrap it in Json"),
        ([Wanted(ids=[], names=[])], r"a list of objects: wrap it in Json"),
        ([True, 1], "mixed types; got: bool, int"),
        ([dt.date(2026, 1, 1), "x"], "mixed types; got: date, str"),
        ({"a": [1, {"b": float("nan")}]}, "a.1.b: JSON has neither NaN nor infinity"),
        ({"a": {"b": 2**64}}, "a.b: Integer exceeds 64-bit range"),
        ({1: 2}, "Dict key must be str"),
        (object(), "cannot adapt type 'object'"),
    ],
    ids=name_of,
)
def test_what_cannot_be_sent_names_its_parameter(value: object, reason: str) -> None:
    with pytest.raises(StatementError, match=rf"the parameter %\(bad\)s cannot be sent to PostgreSQL: .*{reason}"):
        prepare("select %(good)s, %(bad)s").bind({"good": 1, "bad": value})


def test_values_of_a_model_are_declared_and_those_of_a_mapping_are_not() -> None:
    assert placeholder_values(Wanted(ids=[], names=[]), ["ids", "names"]) == [Encoded(b"{}", 1007), Encoded(b"{}", 0)]
    assert placeholder_values({"ids": [], "names": []}, ["ids", "names"]) == [[], []]
    assert placeholder_values(Wanted(ids=[5], names=["a"]), ["ids", "size"]) == [[5], None]


LISTS: list[LiteralString] = [
    "select count(*) from unnest(%(ids)s) x",
    "select cardinality(%(ids)s)",
    "select coalesce(array_length(%(ids)s, 1), 0)",
    "select coalesce(array_upper(%(ids)s, 1), 0)",
    "select jsonb_array_length(to_jsonb(%(ids)s))",
    "select json_array_length(array_to_json(%(ids)s))",
    "select coalesce(length(array_to_string(%(ids)s, '')), 0)",
    "select jsonb_array_length(jsonb_build_object('ids', %(ids)s) -> 'ids')",
    "select jsonb_array_length(jsonb_build_array(%(ids)s) -> 0)",
]


@pytest.mark.db
@pytest.mark.parametrize("text", LISTS)
@pytest.mark.parametrize(("one", "none"), [([7], []), (["a"], []), (("a",), ()), ({1.5}, set())], ids=repr)
def test_the_type_of_a_list_does_not_depend_on_its_items(
    reader: Reader, text: LiteralString, one: Any, none: Any
) -> None:
    assert reader.value(text, {"ids": none}) == 0
    assert reader.value(text, {"ids": one}) in (1, 3)


@pytest.mark.db
def test_a_declared_list_is_typed_where_nothing_else_is(reader: Reader) -> None:
    text: LiteralString = "select count(*) from unnest(%(ids)s) id join generate_series(1, 3) n on n = id"

    assert reader.value(text, Wanted(ids=[2, 9], names=[])) == 1
    assert reader.value(text.replace("unnest(%(ids)s)", "unnest(%(ids)s || array[3])"), Wanted(ids=[], names=[])) == 1


FILTERS: list[tuple[LiteralString, Any]] = [
    ("n.size", 5),
    ("n.body", "x"),
    ("n.day", dt.date(2026, 1, 1)),
    ("n.at", dt.datetime(2026, 1, 1, tzinfo=dt.UTC)),
    ("n.price", Decimal("1.5")),
    ("n.data", {"a": 1}),
    ("n.digest", b"'\\"),
    ("n.flag", True),
    ("n.ids", [1, 2]),
]
ROW: LiteralString = """(
    select 5 as size, 'x' as body, date '2026-01-01' as day, timestamptz '2026-01-01 00:00+00' as at, 1.5 as price,
      '{"a": 1}'::jsonb as data, '\\x275c'::bytea as digest, true as flag, array[1, 2] as ids) n"""


@pytest.mark.db
@pytest.mark.parametrize(("column", "value"), FILTERS)
@pytest.mark.parametrize(
    "condition",
    [
        "%(w)s is null or {c} = %(w)s",
        "{c} = %(w)s or %(w)s is null",
        "(%(w)s is not null and {c} = %(w)s) or %(w)s isnull",
        "case when %(w)s is null then true else {c} = %(w)s end",
        "not %(w)s is not null or {c} = %(w)s",
    ],
)
def test_an_optional_filter_takes_a_value_and_none(
    reader: Reader, condition: str, column: LiteralString, value: Any
) -> None:
    text: Any = f"select count(*) from {ROW} where {condition.format(c=column)}"

    assert reader.value(text, {"w": value}) == 1
    assert reader.value(text, {"w": None}) == 1


@pytest.mark.db
@pytest.mark.parametrize(
    "text", ["select jsonb_build_object('a', %(x)s) ->> 'a'", "select concat(%(x)s)", "select to_jsonb(%(x)s) #>> '{}'"]
)
def test_arguments_of_any_type_are_typed_for_strings_and_null(reader: Reader, text: LiteralString) -> None:
    assert reader.value(text, {"x": "ü"}) == "ü"
    assert reader.value(text, {"x": None}) in (None, "")
    assert reader.value(text, {"x": 5}) == "5"


ARITHMETIC: list[tuple[LiteralString, dict[str, int], Any]] = [
    ("select %(a)s * %(b)s", {"a": 300, "b": 200}, 60000),
    ("select %(a)s + %(b)s", {"a": 30000, "b": 10000}, 40000),
    ("select %(a)s * %(b)s", {"a": 70000, "b": 70000}, 4_900_000_000),
    ("select %(a)s - -%(b)s", {"a": 2**31 - 1, "b": 2**31 - 1}, 2**32 - 2),
    ("select (%(a)s - 1) * %(b)s", {"a": 2**20, "b": 2**20}, (2**20 - 1) * 2**20),
    ("select %(a)s * 100", {"a": 30_000_000}, 3_000_000_000),
    ("select 1000 * (%(a)s + 1)", {"a": 3_000_000}, 3_000_001_000),
    ("select %(a)s * %(b)s * %(c)s", {"a": 2000, "b": 2000, "c": 2000}, 8_000_000_000),
    ("select n from generate_series(1, 100000) n order by n offset %(a)s * %(b)s limit 1", {"a": 400, "b": 100}, 40001),
    ("select date '2026-01-01' + %(a)s", {"a": 40_000}, dt.date(2135, 7, 9)),
    ("select date '2026-01-01' + %(a)s * 7", {"a": 2}, dt.date(2026, 1, 15)),
    ("select date '2026-01-01' + %(a)s * %(b)s", {"a": 40, "b": 1000}, dt.date(2135, 7, 9)),
    ("select '[1, 2]'::jsonb -> %(a)s", {"a": 1}, 2),
    ("select '[1, 2]'::jsonb - %(a)s", {"a": 1}, [1]),
    ("select repeat('a', %(a)s)", {"a": 2}, "aa"),
    ("select repeat('a', %(a)s * %(b)s)", {"a": 2, "b": 2}, "aaaa"),
    ("select (make_interval(days => %(a)s * %(b)s))::text", {"a": 70000, "b": 2}, "140000 days"),
    ("select (array[1, 2])[%(a)s + 1]", {"a": 1}, 2),
    ("select %(a)s %% %(b)s", {"a": 2**40, "b": 7}, 2**40 % 7),
]


@pytest.mark.db
@pytest.mark.parametrize(("text", "params", "result"), ARITHMETIC)
def test_arithmetic_of_parameters_has_room_for_its_result(
    reader: Reader, text: LiteralString, params: dict[str, int], result: Any
) -> None:
    assert reader.value(text, params) == result


@pytest.mark.db
def test_a_declared_list_pages_and_many_too(db: Database) -> None:
    with transaction(ALICE, database=db) as tx:
        changed = tx.many(
            "insert into lab.notes (id, body, size) values (%(id)s, %(body)s, %(size)s)",
            [{"id": 1, "body": Color.RED, "size": Level.LOW}, {"id": 2, "body": "b", "size": None}],
        )
        assert changed == 2
        assert tx.value("select array_agg(body order by id) from lab.notes") == ["red", "b"]
