"""Whatever is sorted by, and whatever a model makes of it: the pages together are exactly the ordered list."""

import enum
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Any, LiteralString

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import AfterValidator, AnyUrl, BeforeValidator, Field, SecretStr, StringConstraints, field_validator

from org_common.auth.rules import SIGNED_IN
from org_common.db.database import Database
from org_common.db.protocol.statement import StatementError
from org_common.db.reader import Reader
from org_common.values.model import Model
from org_common.values.paging import PageRequest
from org_common.values.types import Deadline
from tests.support.handles import open_reader
from tests.support.lab import ALICE, Lab
from tests.support.names import name_of

pytestmark = pytest.mark.db

# Values of each type that PostgreSQL can sort, as SQL. Some are equal and written differently.
SAMPLES: dict[str, list[str]] = {
    "bit": ["B'0'", "B'1'", "B'101'::bit(3)", "B'100'::bit(3)"],
    "bool": ["true", "false"],
    "bpchar": ["'a'::char(3)", "'a  '", "'b'::char(5)", "''", "'ab'"],
    "bytea": [r"'\x'", r"'\x00'", r"'\xff00'", "'abc'", r"'\x5c78'"],
    "char": ["'a'", "''", "'z'", "'0'"],
    "date": ["'2026-01-01'", "'0001-01-01'", "'9999-12-31'"],
    "float4": ["0.1", "0.3", "'-0'", "0", "1e38", "1e-45", "1.0/3", "16777217"],
    "float8": ["0.1", "0.1::float8 + 0.2::float8", "0.3", "'-0'", "0", "1e308", "5e-324", "1.0/3", "'inf'", "'nan'"],
    "inet": ["'10.0.0.1'", "'10.0.0.0/8'", "'::1'", "'10.0.0.1/8'"],
    "int2": ["-32768", "0", "32767"],
    "int4": ["-2147483648", "0", "7"],
    "int8": ["-9223372036854775808", "9007199254740993", "9007199254740992"],
    "interval": ["'29 days 24:00'", "'30 days'", "'720 hours'", "'-1 day 1 microsecond'", "'359 days'", "'0'"],
    "jsonb": ["'1'", "'1.0'", "'\"1\"'", "'null'", "'{\"a\": [1, 2]}'", "'{}'", "'[]'", "'1e2'", "'100'"],
    "macaddr": ["'08:00:2b:01:02:03'", "'00:00:00:00:00:00'"],
    "macaddr8": ["'08:00:2b:01:02:03:04:05'", "'00:00:00:00:00:00:00:00'"],
    "money": ["1.10", "-5", "1234567.89", "0"],
    "name": ["'a'", "'Z'", "'a b'", "''"],
    "numeric": ["1", "1.0", "1.00", "1e-30", "-1e30", "'NaN'", "123456789012345678901234567890.5", "'Infinity'"],
    "oid": ["0", "4294967295", "26"],
    "oidvector": ["''", "'1 2'", "'3'"],
    "pg_lsn": ["'0/0'", "'16/B374D848'"],
    "text": [
        "''",
        "' '",
        "'A'",
        "'a'",
        "'é'",
        "'漢字'",
        "'😀'",
        r"'\'",
        "''''",
        "'\"'",
        "E'\\n'",
        "'NULL'",
        "'%%s'",
        "'{}'",
    ],
    "tid": ["'(0,1)'", "'(10,2)'", "'(2,10)'"],
    "time": ["'00:00'", "'23:59:59.999999'", "'12:00:00.000001'"],
    "timestamp": ["'2026-01-01 00:00:00.000001'", "'2026-01-01'", "'0001-01-01'"],
    "timestamptz": [
        "'2026-01-01 00:00:00.000001+00'",
        "'2026-01-01 01:00+01'",
        "'2026-01-01 00:00+00'",
        "'1800-01-01+00'",
    ],
    "timetz": ["'00:00+00'", "'01:00+01'", "'23:00-01'", "'12:00:00.000001+05:30'"],
    "tsquery": ["'a & b'", "'!a'", "'''it s'' | b:*A'", "''"],
    "tsvector": ["'a:1 b:2A'", "''", "'''it s'''"],
    "uuid": ["'5f0c0000-0000-0000-0000-000000000000'", "'00000000-0000-0000-0000-000000000000'"],
    "varbit": ["B'0'", "B'101'", "B''"],
    "xid8": ["'1'", "'18446744073709551615'"],
    # anyarray, anyenum, anyrange, anymultirange and record in the catalog:
    "int4[]": ["'{}'", "'{1,NULL}'", "'{2}'", "'{{1,2},{3,4}}'", "'[0:1]={1,2}'"],
    "text[]": ["'{}'", "array['a,b', null, '\"', 'NULL', '{}', E'\\\\']", "array['']"],
    "lab.mood[]": ["'{sad}'", "'{glad,sad}'", "'{}'"],
    "lab.mood": ["'sad'", "'glad'", "'so, so'", "'Zen'"],
    "int4range": ["'[1,5)'", "'empty'", "'(,)'", "'[1,)'", "'(0,4]'"],
    "tstzrange": ["'[2026-01-01,2026-01-02)'", "'empty'", "'[2026-01-01 00:00:00.000001,)'"],
    "int4multirange": ["'{}'", "'{[1,3),[5,7)}'"],
    "lab.point": ["'(1,2)'", "'(1,)'", "'(,)'", "'(-1,\"a, b\")'"],
    # They have no order of their own: a domain has its base type's, these have that of oid and of text.
    "lab.name": ["'a'", "'Z'"],
    "lab.size": ["1", "3", "2"],
    "varchar": ["'a'", "'b'", "''"],
    "cidr": ["'10.0.0.0/8'", "'10.0.0.0/16'", "'::/0'"],
    "regclass": ["'lab.notes'", "'pg_class'", "'lab.\"A b\"'"],
    "regtype": ["'int4'", "'lab.mood'", "'text[]'"],
    "regproc": ["'pg_sleep'", "'now'"],
    "regrole": ["'authenticated'", "'anon'"],
}
COVERED = {
    "anyarray": "int4[]",
    "anyenum": "lab.mood",
    "anyrange": "int4range",
    "anymultirange": "int4multirange",
    "record": "lab.point",
}

# How each is made, and what it is.
TYPES: list[tuple[LiteralString, LiteralString]] = [
    ("type lab.mood", "as enum ('sad', 'so, so', 'glad', 'Zen')"),
    ("type lab.point", "as (x int, y text)"),
    ("domain lab.name", 'as text collate "C"'),
    ("domain lab.size", "as smallint check (value > 0)"),
    ('table lab."A b"', "(id int)"),
]


class Row(Model):
    id: int
    key: Any


class Rows(Model):
    id: int
    a: Any
    b: Any


@pytest.fixture(scope="module")
def types(shared_lab: Lab) -> Iterator[Lab]:
    for name, definition in TYPES:
        shared_lab.tell("create " + name + " " + definition)
    yield shared_lab
    for name, _ in TYPES:
        shared_lab.tell("drop " + name)


@pytest.fixture
def reader(types: Lab, db: Database) -> Reader:
    return open_reader(db, SIGNED_IN, ALICE, {}, Deadline.after(300))


def rows_of(name: str, samples: Sequence[str | None]) -> LiteralString:
    """One row for each of the samples, in an order that is not theirs."""
    kind = '"char"' if name == "char" else name
    rows = ", ".join(
        f"({len(samples) - at}, {'null' if sample is None else f'({sample})'}::{kind})"
        for at, sample in enumerate(samples)
    )
    return f"select id, key from (values {rows}) as t (id, key)"


def walk(
    reader: Reader, model: type[Any], sql: LiteralString, by: Sequence[str], limit: int, params: Any = None
) -> list[int]:
    """The ids of all pages, one after the other; an AssertionError for a list that does not end."""
    found: list[int] = []
    cursor = None
    for _ in range(100):
        page = reader.page(model, sql, params, page=PageRequest(limit=limit, cursor=cursor), by=by)
        assert len(page.items) == limit or page.next_cursor is None
        found += [item.id for item in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return found
    raise AssertionError("the list does not end")


def ordered(reader: Reader, sql: LiteralString, by: Sequence[str], params: Any = None) -> list[int]:
    """The ids in the server's own order."""
    order = ", ".join(f'"{name[1:]}" desc' if name.startswith("-") else f'"{name}"' for name in by)
    whole = f"select array_agg(id order by {order}) from ({sql}) as whole"
    return reader.value(whole, params) or []


def test_each_type_that_can_be_sorted_is_tried(types: Lab) -> None:
    # Not those of extensions: without a search path, PostgreSQL does not find the operators that compare them.
    sortable = types.ask(
        "select array_agg(t.typname::text) from pg_opclass c join pg_am a on a.oid = c.opcmethod "
        "join pg_type t on t.oid = c.opcintype where a.amname = 'btree' and c.opcdefault "
        "and t.typnamespace = 'pg_catalog'::regnamespace"
    )

    assert {COVERED.get(name, name) for name in sortable} <= SAMPLES.keys()


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("by", [("key", "id"), ("-key", "id"), ("-key", "-id")], ids=str)
def test_values_of_each_type_are_read_back_exactly(reader: Reader, name: str, by: tuple[str, ...]) -> None:
    samples = SAMPLES[name]
    # Twice each, so that there are ties, and nulls.
    sql = rows_of(name, [*samples, None, *samples, None])

    whole = ordered(reader, sql, by)
    for limit in (1, 2, 3, len(whole)):
        assert walk(reader, Row, sql, by, limit) == whole


@pytest.mark.parametrize("name", SAMPLES)
def test_what_the_server_takes_for_equal_is_a_tie(reader: Reader, name: str) -> None:
    """Equal is what the server takes for equal, however it is written: no row gets lost at the end of a page."""
    sql = rows_of(name, SAMPLES[name])
    is_unique = reader.value(f"select count(distinct key) = count(*) from ({sql}) as t")

    if is_unique:
        assert walk(reader, Row, sql, ["key"], 1) == ordered(reader, sql, ["key"])
    else:
        with pytest.raises(StatementError, match="sort order key is not unique"):
            walk(reader, Row, sql, ["key"], 1)


@pytest.mark.parametrize("collation", ['"C"', "pg_c_utf8", '"default"'])
def test_strings_are_compared_by_the_collation_of_their_column(reader: Reader, collation: str) -> None:
    names = ("a", "A", "b", "B", "é", "E", "z", "Z", "_", "")
    rows = ", ".join(f"({at}, '{name}')" for at, name in enumerate(names))
    sql = f"select id, key collate {collation} as key from (values {rows}) as t (id, key)"

    for by in (("key", "id"), ("-key", "id")):
        assert walk(reader, Row, sql, by, 1) == ordered(reader, sql, by)


@pytest.mark.parametrize("sql", ["select 1 as id, row(1, 2) as key", "select 1 as id, array[row(1, 2)] as key"])
def test_a_row_without_a_type_is_refused_at_the_first_call(reader: Reader, sql: LiteralString) -> None:
    with pytest.raises(StatementError, match="sort by key, a row without a type"):
        reader.page(Row, sql, page=PageRequest(), by=("key", "id"))


# --- what models make of values ---------------------------------------------------------------


class Mood(enum.Enum):
    SAD = "sad"
    GLAD = "glad"


class MoodText(str, enum.Enum):  # noqa: UP042 # StrEnum is another class of values: its str() is the value
    SAD = "sad"
    GLAD = "glad"


class Level(enum.Enum):
    LOW = 1
    HIGH = 2


class Grade(enum.IntEnum):
    LOW = 1
    HIGH = 2


def upper(value: str) -> str:
    return value.upper()


MODELS: list[tuple[Any, str, list[str | None]]] = [
    (Mood, "text", ["'sad'", "'glad'"]),
    (Mood, "lab.mood", ["'sad'", "'glad'"]),
    (MoodText, "text", ["'sad'", "'glad'"]),
    (MoodText, "lab.mood", ["'sad'", "'glad'"]),
    (Level, "int4", ["1", "2"]),
    (Grade, "int2", ["1", "2"]),
    (Mood | None, "lab.mood", ["'sad'", "'glad'", None]),
    (SecretStr, "text", ["'a'", "'b'", "'c'"]),
    (SecretStr | None, "text", ["'a'", None, "'c'"]),
    (Annotated[str, StringConstraints(strip_whitespace=True)], "text", ["' a'", "'a '", "'a'", "' b'"]),
    (Annotated[str, StringConstraints(to_lower=True)], "text", ["'A'", "'b'", "'C'"]),
    (Annotated[str, AfterValidator(upper)], "text", ["'a'", "'B'", "'c'"]),
    (Annotated[str, BeforeValidator(lambda value: value or "none")], "text", ["'a'", None, "'z'"]),
    (Annotated[str, AfterValidator(lambda value: "***" + value[3:])], "text", ["'alice'", "'bobby'", "'carol'"]),
    (AnyUrl, "text", ["'http://b.example'", "'HTTP://A.example:80/'", "'http://a.example/ü'"]),
    (float, "numeric", ["0.1", "0.10000000000000000001", "0.1000000000000000000001"]),
    (float, "float4", ["0.1", "1.0/3", "16777217"]),
    (Decimal, "float8", ["0.1", "1.0/3", "5e-324"]),
    (int, "numeric", ["1.0", "2.00", "3"]),
    (Annotated[str, BeforeValidator(str)], "int4", ["1", "2", "10"]),
    (bool, "int4", ["0", "1"]),
    (date, "timestamp", ["'2026-01-02'", "'2026-01-01'"]),
    (timedelta, "interval", ["'30 days'", "'31 days'", "'1 microsecond'"]),
    (list[int], "int4[]", ["'{1,2}'", "'{10}'", "'{}'"]),
    (dict[str, int], "jsonb", ["'{\"a\": 1}'", "'{\"b\": 1}'", "'{}'"]),
    (object, "text", ["'a'", None, "'b'"]),
    (Annotated[int, Field(ge=0)], "int4", ["3", "1", "2"]),
    (Annotated[int | None, Field(ge=0)], "int4", ["3", None, "2"]),
]


@pytest.mark.parametrize(("kind", "name", "samples"), MODELS, ids=name_of)
@pytest.mark.parametrize("by", [("key", "id"), ("-key", "id")], ids=str)
def test_whatever_a_model_makes_of_a_value_the_column_is_sorted(
    reader: Reader, kind: Any, name: str, samples: list[str | None], by: tuple[str, ...]
) -> None:
    model = type("Made", (Model,), {"__annotations__": {"id": int, "key": kind}, "__module__": __name__})
    sql = rows_of(name, [*samples, *samples])

    whole = ordered(reader, sql, by)
    for limit in (1, 2, 3):
        assert walk(reader, model, sql, by, limit) == whole


class Defaults(Model):
    """Takes null, though its annotation does not."""

    id: int
    key: str

    @field_validator("key", mode="before")
    @classmethod
    def _default(cls, value: str | None) -> str:
        return value or "none"


def test_a_model_whose_validator_takes_null_loses_no_row(reader: Reader) -> None:
    sql = rows_of("text", ["'a'", None, "'z'", None])

    for by in (("key", "id"), ("-key", "id"), ("id", "key")):
        assert walk(reader, Defaults, sql, by, 1) == ordered(reader, sql, by)


class Strict(Model):
    """Takes no null."""

    id: int
    a: int
    b: str


NULLS: LiteralString = "select * from (values (1, 1, 'a'), (2, {a}, {b}), (3, 1, 'c'), (4, 2, 'a')) as t (id, a, b)"


@pytest.mark.parametrize("sql", [NULLS.format(a="null", b="'b'"), NULLS.format(a="1", b="null")], ids=["a", "b"])
@pytest.mark.parametrize("by", [("a", "b", "id"), ("-a", "b", "id"), ("a", "-b", "id"), ("-a", "-b", "-id")], ids=str)
@pytest.mark.parametrize("limit", [1, 2, 3, 4])
def test_a_null_that_the_model_refuses_is_never_lost_silently(
    reader: Reader, sql: LiteralString, by: tuple[str, ...], limit: int
) -> None:
    with pytest.raises(StatementError, match="a row does not fit Strict: [ab] "):
        walk(reader, Strict, sql, by, limit)


# --- random lists -----------------------------------------------------------------------------

# A type for each of two columns, with values of it as text.
KINDS = {
    "int4": ["-1", "0", "1", "2"],
    "text": ["", "a", "A", "b", "é"],
    "numeric": ["1", "1.0", "1.00", "2", "NaN"],
    "interval": ["720 hours", "30 days", "31 days"],
    "lab.mood": ["sad", "so, so", "glad"],
    "bool": ["true", "false"],
    "timestamptz": ["2026-01-01 00:00:00.000001+00", "2026-01-01 00:00:00.000002+00"],
    "bpchar": ["a", "a ", "A", "b"],
    "jsonb": ["1", "1.0", "{}"],
}


@st.composite
def lists(draw: st.DrawFn) -> tuple[LiteralString, dict[str, Any]]:
    """A SELECT of random rows with many ties and nulls."""
    kinds = [draw(st.sampled_from(sorted(KINDS))) for _ in "ab"]
    size = draw(st.integers(0, 14))
    values = [draw(st.lists(st.none() | st.sampled_from(KINDS[kind]), min_size=size, max_size=size)) for kind in kinds]
    ids = draw(st.permutations(range(size)))
    casts = [f"{name}::{kind} as {name}" for name, kind in zip("ab", kinds, strict=True)]
    sql = f"select id, {', '.join(casts)} from unnest(%(ids)s::int[], %(a)s::text[], %(b)s::text[]) as t (id, a, b)"
    return sql, {"ids": ids, "a": values[0], "b": values[1]}


def directed(*names: str) -> st.SearchStrategy[tuple[str, ...]]:
    return st.tuples(*[st.sampled_from([name, "-" + name]) for name in names])


SORTS = st.permutations(["a", "b", "id"]).flatmap(lambda names: directed(*names)) | directed("a", "id") | directed("id")
LOOSE = directed("a", "b") | directed("b")


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(made=lists(), by=SORTS, limit=st.integers(1, 16))
def test_the_pages_together_are_the_ordered_list(
    reader: Reader, made: tuple[LiteralString, dict[str, Any]], by: tuple[str, ...], limit: int
) -> None:
    sql, params = made

    assert walk(reader, Rows, sql, by, limit, params) == ordered(reader, sql, by, params)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(made=lists(), by=LOOSE, limit=st.integers(1, 16))
def test_without_a_unique_column_the_pages_are_the_list_or_are_refused(
    reader: Reader, made: tuple[LiteralString, dict[str, Any]], by: tuple[str, ...], limit: int
) -> None:
    sql, params = made

    try:
        found = walk(reader, Rows, sql, by, limit, params)
    except StatementError as error:
        assert "is not unique" in str(error)  # noqa: PT017 # either is right
    else:
        assert sorted(found) == sorted(params["ids"])
