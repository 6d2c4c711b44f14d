"""A value is stored as what it is: each Python and model type through each PostgreSQL type that the guide lists.

Written and read back it is equal, of the same type, and stored the same when it is written again: as a parameter of a
mapping and of a model, in a `Patch`, and within a jsonb column.
"""

import datetime as dt
import enum
import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal
from typing import Any, Literal, LiteralString, NamedTuple
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql
from pydantic import Field, HttpUrl, JsonValue, SecretBytes, SecretStr, create_model

from org_common.db.database import Database, transaction
from org_common.db.protocol.statement import StatementError
from org_common.db.transaction import Transaction
from org_common.values.jsonb import Json
from org_common.values.model import Model, Patch
from org_common.values.secret import Secret
from tests.support.lab import ALICE, Lab

pytestmark = pytest.mark.db


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Mood(enum.StrEnum):
    SAD = "sad"
    GLAD = "glad"


class Shade(str, enum.Enum):  # noqa: UP042  # the older spelling, which psycopg adapts another way
    LIGHT = "light"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 40_000


class Step(enum.Enum):
    FIRST = 1


class Part(Model):
    size_mm: int
    digest: bytes
    life: dt.timedelta
    made: dt.datetime
    price: Decimal
    color: Color | None
    labels: dict[str, bytes]
    parts: list["Part"] = Field(default_factory=list)


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
INT32 = st.integers(-(2**31), 2**31 - 1)
INT64 = st.integers(-(2**63), 2**63 - 1)
DECIMALS = st.decimals(-(10**30), 10**30, allow_nan=False, allow_infinity=False, places=9)
# numeric, and so jsonb, has no negative zero.
FLOATS = st.floats(allow_nan=False, allow_infinity=False).map(lambda number: number + 0.0)
# PostgreSQL's real keeps six digits.
SHORT_FLOATS = st.integers(-999_999, 999_999).map(lambda number: number / 1000)
DATES = st.dates()
TIMES = st.times()
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: dt.timezone(dt.timedelta(minutes=minutes)))
NAIVE = st.datetimes()
MOMENTS = st.builds(dt.datetime.replace, NAIVE.filter(lambda moment: 1 < moment.year < 9999), tzinfo=ZONES)
SPANS = st.timedeltas(dt.timedelta(days=-(10**7)), dt.timedelta(days=10**7))
JSON = st.recursive(
    st.none() | st.booleans() | INT64 | FLOATS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
PARTS: st.SearchStrategy[list[Part]] = st.recursive(
    st.just([]),
    lambda inner: st.lists(
        st.builds(
            Part,
            size_mm=INT64,
            digest=st.binary(max_size=6),
            life=SPANS,
            made=MOMENTS,
            price=DECIMALS,
            color=st.none() | st.sampled_from(Color),
            labels=st.dictionaries(TEXT, st.binary(max_size=3), max_size=2),
            parts=inner,
        ),
        max_size=2,
    ),
    max_leaves=3,
)
URLS = st.from_regex(r"https://[a-z]{1,8}\.example/[a-z%]{0,5}", fullmatch=True).map(HttpUrl)


def lists(items: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(items, max_size=4)


class Pair(NamedTuple):
    """A Python type, a PostgreSQL type, and values of both."""

    annotation: Any
    column: LiteralString
    values: st.SearchStrategy[Any]


PAIRS = [
    Pair(bool, "boolean", st.booleans()),
    Pair(int, "smallint", st.integers(-(2**15), 2**15 - 1)),
    Pair(int, "integer", INT32),
    Pair(int, "bigint", INT64),
    Pair(int, "numeric", st.integers(-(2**200), 2**200)),
    Pair(float, "double precision", FLOATS),
    Pair(float, "real", SHORT_FLOATS),
    Pair(Decimal, "numeric", DECIMALS),
    Pair(str, "text", TEXT),
    Pair(str, "varchar", TEXT),
    Pair(str, "lab.mood", st.sampled_from(["sad", "glad"])),
    Pair(str, "lab.short", st.text("ab", max_size=8)),
    Pair(bytes, "bytea", st.binary(max_size=12)),
    Pair(UUID, "uuid", st.uuids()),
    Pair(dt.date, "date", DATES),
    Pair(dt.time, "time", TIMES),
    Pair(dt.time, "timetz", st.times(timezones=ZONES)),
    Pair(dt.datetime, "timestamptz", MOMENTS),
    Pair(dt.datetime, "timestamp", NAIVE),
    Pair(dt.timedelta, "interval", SPANS),
    Pair(Color, "text", st.sampled_from(Color)),
    Pair(Mood, "text", st.sampled_from(Mood)),
    Pair(Mood, "lab.mood", st.sampled_from(Mood)),
    Pair(Shade, "text", st.sampled_from(Shade)),
    Pair(Level, "integer", st.sampled_from(Level)),
    Pair(Step, "integer", st.sampled_from(Step)),
    Pair(Literal["a", "b"], "text", st.sampled_from(["a", "b"])),
    Pair(ipaddress.IPv4Address, "inet", st.ip_addresses(v=4)),
    Pair(HttpUrl, "text", URLS),
    Pair(list[bool], "boolean[]", lists(st.booleans())),
    Pair(list[int], "integer[]", lists(INT32)),
    Pair(list[int], "bigint[]", lists(INT64)),
    Pair(list[int | None], "bigint[]", lists(st.none() | INT64)),
    Pair(list[int | float], "double precision[]", lists(st.integers(-(2**53), 2**53) | FLOATS)),
    Pair(list[float], "double precision[]", lists(FLOATS)),
    Pair(list[Decimal], "numeric[]", lists(DECIMALS)),
    Pair(list[str], "text[]", lists(TEXT)),
    Pair(list[str], "lab.short[]", lists(st.text('a{}",\\ ', max_size=8))),
    Pair(list[str | None], "text[]", lists(st.none() | TEXT)),
    Pair(list[bytes], "bytea[]", lists(st.binary(max_size=4))),
    Pair(list[UUID], "uuid[]", lists(st.uuids())),
    Pair(list[dt.date], "date[]", lists(DATES)),
    Pair(list[dt.datetime], "timestamptz[]", lists(MOMENTS)),
    Pair(list[dt.timedelta], "interval[]", lists(SPANS)),
    Pair(list[Color], "text[]", lists(st.sampled_from(Color))),
    Pair(list[Mood], "lab.mood[]", lists(st.sampled_from(Mood))),
    Pair(list[Level], "integer[]", lists(st.sampled_from(Level))),
    Pair(set[str], "text[]", st.sets(TEXT, max_size=3)),
    Pair(frozenset[int], "integer[]", st.frozensets(st.integers(0, 9), max_size=3)),
    Pair(tuple[int, ...], "integer[]", lists(st.integers(0, 9)).map(tuple)),
    Pair(
        list[list[int]],
        "integer[]",
        st.integers(1, 3).flatmap(lambda n: lists(st.lists(INT32, min_size=n, max_size=n))),
    ),
    Pair(dict[str, Any], "jsonb", st.dictionaries(TEXT, JSON, max_size=3)),
    Pair(dict[str, Any], "json", st.dictionaries(TEXT, JSON, max_size=3)),
    Pair(dict[str, Decimal], "jsonb", st.dictionaries(TEXT, DECIMALS, max_size=3)),
    Pair(dict[int, dt.timedelta], "jsonb", st.dictionaries(st.integers(0, 9), SPANS, max_size=3)),
    Pair(Any, "jsonb", JSON),
    Pair(JsonValue, "jsonb", JSON),
    Pair(list[Any], "jsonb", lists(JSON)),
    Pair(str | dict[str, int], "jsonb", TEXT | st.dictionaries(TEXT, st.integers(0, 9), max_size=2)),
    Pair(Part, "jsonb", PARTS.filter(bool).map(lambda parts: parts[0])),
    Pair(list[Part], "jsonb", PARTS),
    Pair(list[dict[str, int]], "jsonb", lists(st.dictionaries(TEXT, st.integers(0, 9), max_size=2))),
]
JSON_COLUMNS = ("json", "jsonb")
SCHEMA = """
create type lab.mood as enum ('sad', 'glad');
create domain lab.short as text check (length(value) < 9);
create type lab.address as (street text, city text);
grant usage on type lab.mood, lab.short, lab.address to authenticated;
"""


class Stage:
    """A table for each pair, and one of jsonb documents; each round trip is rolled back."""

    def __init__(self, lab: Lab) -> None:
        self.database = Database(lab.settings)
        with psycopg.connect(lab.local.admin_url) as admin:
            admin.execute(SCHEMA)
            for name, column in [*((table(pair), pair.column) for pair in PAIRS), (DOCS, "jsonb")]:
                admin.execute(sql.SQL("create table {} (v {})").format(name, sql.SQL(column)))
                admin.execute(sql.SQL("grant select, insert, update on {} to authenticated").format(name))

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        with suppress(RollBack), transaction(ALICE, database=self.database) as tx:
            yield tx
            raise RollBack


class RollBack(Exception):
    """Undo it all."""


DOCS = sql.Identifier("lab", "docs")


def table(pair: Pair) -> sql.Identifier:
    return sql.Identifier("lab", f"pair_{PAIRS.index(pair)}")


def row_of(annotation: Any, base: type[Model] = Model) -> Any:
    """A model with one field, v."""
    return create_model("Row", __base__=base, v=(annotation, ...))


@pytest.fixture(scope="module")
def stage(shared_lab: Lab) -> Iterator[Stage]:
    stage = Stage(shared_lab)
    yield stage
    stage.database.close()


def same(value: Any, other: Any) -> bool:
    """Equal and of one type; a whole float in JSON may come back as an integer."""
    if {type(value), type(other)} == {int, float}:
        return float(value) == float(other)
    if isinstance(value, (list, tuple)):
        return type(value) is type(other) and len(value) == len(other) and all(map(same, value, other))
    if isinstance(value, dict):
        return value.keys() == other.keys() and all(same(value[key], other[key]) for key in value)
    return bool(value == other) and type(value) is type(other)


each_pair = pytest.mark.parametrize("pair", PAIRS, ids=[f"{pair.annotation}-{pair.column}" for pair in PAIRS])
examples = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@each_pair
@examples
@given(data=st.data())
def test_what_is_written_is_read_and_written_again(stage: Stage, pair: Pair, data: st.DataObject) -> None:
    value = data.draw(pair.values)
    row = row_of(pair.annotation)
    insert = sql.SQL("insert into {} (v) values (%(v)s) returning v").format(table(pair))

    with stage.transaction() as tx:
        of_json = {"v": Json(value)} if pair.annotation != dict[int, dt.timedelta] else row(v=value)
        first = tx.one(row, insert, of_json if pair.column in JSON_COLUMNS else {"v": value})
        second = tx.one(row, insert, first)
        stored = tx.value(sql.SQL("select count(distinct v::text) from {}").format(table(pair)))

    assert same(first.v, row(v=value).v)
    assert same(second.v, first.v)
    # A set has no order to keep.
    assert stored == 1 or isinstance(value, (set, frozenset))


@each_pair
@examples
@given(data=st.data())
def test_a_patch_stores_the_same(stage: Stage, pair: Pair, data: st.DataObject) -> None:
    value = data.draw(pair.values)
    row, patch = row_of(pair.annotation), row_of(pair.annotation, Patch)
    record = "select p.v from jsonb_populate_record(null::{0}, app.merge_patch(jsonb_build_object(), %(patch)s)) p"
    whole = "select %(patch)s -> 'v'"
    taken = sql.SQL(whole if pair.column in JSON_COLUMNS else record).format(table(pair))
    merge = sql.SQL("insert into {} (v) {} returning v").format(table(pair), taken)
    plain = sql.SQL("insert into {} (v) values (%(v)s) returning v").format(table(pair))

    with stage.transaction() as tx:
        if isinstance(value, int) and not -(2**63) <= value < 2**64:
            with pytest.raises(StatementError, match=r"%\(patch\)s .*v: Integer exceeds"):
                tx.one(row, merge, {"patch": patch(v=value)})
            return
        first = tx.one(row, merge, {"patch": patch(v=value)})
        tx.one(row, plain, row(v=value))
        # Equal by the type's own operator: an interval below zero has hours where the other has days.
        kind = sql.SQL("interval" if pair.column == "interval" else "text")
        stored = tx.value(sql.SQL("select count(distinct v::text::{}) from {}").format(kind, table(pair)))

    assert same(first.v, row(v=value).v)
    assert stored == 1 or pair.column == "interval[]" or isinstance(value, (set, frozenset))


@each_pair
@examples
@given(data=st.data())
def test_within_jsonb_it_is_the_same_or_refused_by_name(stage: Stage, pair: Pair, data: st.DataObject) -> None:
    value = data.draw(pair.values)
    document = row_of(pair.annotation)
    row = row_of(document)
    insert = sql.SQL("insert into {} (v) values (%(doc)s) returning v").format(DOCS)

    with stage.transaction() as tx:
        if isinstance(value, int) and not -(2**63) <= value < 2**64:
            with pytest.raises(StatementError, match=r"%\(doc\)s .*v: Integer exceeds"):
                tx.one(row, insert, {"doc": document(v=value)})
            return
        first = tx.one(row, insert, {"doc": document(v=value)})
        second = tx.one(row, insert, {"doc": first.v})
        stored = tx.value(sql.SQL("select count(distinct v) from {}").format(DOCS))

    assert same(first.v.v, document(v=value).v)
    assert same(second.v.v, first.v.v)
    # A set has no order to keep.
    assert stored == 1 or isinstance(value, (set, frozenset))


@each_pair
def test_none_is_null(stage: Stage, pair: Pair) -> None:
    row, patch = row_of(pair.annotation | None), row_of(pair.annotation | None, Patch)
    insert = sql.SQL("insert into {} (v) values (%(v)s) returning v").format(table(pair))
    merge = sql.SQL(
        "insert into {0} (v) select p.v from jsonb_populate_record(null::{0}, %(patch)s::jsonb) p returning v"
    )

    with stage.transaction() as tx:
        assert tx.one(row, insert, {"v": None}).v is None
        assert tx.one(row, insert, row(v=None)).v is None
        assert tx.one(row, merge.format(table(pair)), {"patch": patch(v=None)}).v is None
        nulls = tx.value(sql.SQL("select count(*) from {} where v is null").format(table(pair)))

    assert nulls == 3


def test_jsons_null_and_sqls(stage: Stage) -> None:
    """A field of any JSON value has JSON's null, `… | None` has SQL's, and `Json(None)` is JSON's."""
    insert = sql.SQL("insert into {} (v) values (%(v)s) returning coalesce(jsonb_typeof(v), 'SQL')").format(DOCS)

    with stage.transaction() as tx:
        for annotation, null in (
            (Any, "null"),
            (JsonValue, "null"),
            (JsonValue | None, "SQL"),
            (dict[str, int] | None, "SQL"),
        ):
            assert tx.value(insert, row_of(annotation)(v=None)) == null
        assert tx.value(insert, {"v": Json(None)}) == "null"
        assert tx.value(insert, {"v": None}) == "SQL"


@pytest.mark.parametrize(
    "sent", ["123", "null", "true", "hello", "", '"', 5, 1.5, True, [], [1, 2], {"a": 1}, [{}]], ids=repr
)
def test_a_json_value_keeps_its_kind(stage: Stage, sent: Any) -> None:
    kinds = {str: "string", int: "number", float: "number", bool: "boolean", list: "array", dict: "object"}
    insert = sql.SQL("insert into {} (v) values (%(v)s) returning jsonb_typeof(v)").format(DOCS)

    with stage.transaction() as tx:
        for params in ({"v": Json(sent)}, row_of(Any)(v=sent), row_of(JsonValue)(v=sent)):
            assert tx.value(insert, params) == kinds[type(sent)]


class Vault(Model):
    key: SecretStr | None = None
    keys: list[SecretStr] = Field(default_factory=list)
    own: Secret | None = None
    open: Any = None


VAULTS = [
    (Vault(key=SecretStr("swordfish")), "key"),
    (Vault(keys=[SecretStr("swordfish")]), "keys"),
    (Vault(own=Secret("swordfish")), "own"),
    (Vault(open={"deep": [SecretBytes(b"swordfish")]}), "open.deep"),
]


@pytest.mark.parametrize(("vault", "field"), VAULTS, ids=[field for _, field in VAULTS])
def test_a_secret_is_never_stored_as_its_mask(stage: Stage, vault: Vault, field: str) -> None:
    with stage.transaction() as tx:
        with pytest.raises(StatementError, match=rf"%\(vault\)s cannot be sent .* field {field} is a Secret"):
            tx.value("select %(vault)s", {"vault": vault})
        with pytest.raises(StatementError, match=rf"%\({field.partition('.')[0]}\)s cannot be sent .*Secret"):
            tx.value(sql.SQL("select {}").format(sql.Placeholder(field.partition(".")[0])), vault)


@pytest.mark.parametrize("secret", [Secret("swordfish"), SecretStr("swordfish"), SecretBytes(b"swordfish")], ids=repr)
@pytest.mark.parametrize(
    "wrap", [lambda s: s, lambda s: [s], lambda s: {"a": s}, lambda s: Json([s])], ids=["", "list", "dict", "Json"]
)
def test_a_secret_parameter_is_refused_by_name(stage: Stage, secret: Any, wrap: Any) -> None:
    with stage.transaction() as tx, pytest.raises(StatementError, match=r"%\(s\)s cannot be sent.*Secret") as raised:
        tx.value("select %(s)s", {"s": wrap(secret)})

    assert "swordfish" not in str(raised.value)


UNREADABLE: list[tuple[Any, LiteralString]] = [
    (dt.timedelta, "interval '1 month'"),
    (dt.timedelta, "interval '-2 years 3 days'"),
    (list[dt.timedelta], "array[interval '1 day', interval '1 month']"),
    (dt.datetime, "'infinity'::timestamptz"),
    (dt.date, "'-infinity'::date"),
    (dt.date, "'0044-03-15 BC'::date"),
    (dt.time, "'24:00:00'::time"),
    (Any, "'12345678901234567890123'::jsonb"),
    (Any, "'[0.12345678901234567890123]'::jsonb"),
    (Any, '\'{"a": {"b": 1e400}}\'::jsonb'),
    (Any, "'1e400'::json"),
    (Any, "'-18446744073709551616.5'::jsonb"),
    (float, "'NaN'::float8"),
    (Decimal, "'Infinity'::numeric"),
    (int, "1.5"),
    (list[int], "row(1, 'a')::lab.address"),
    (list[int], "array['sad']::lab.mood[]"),
    (Model, "row('a', 'b')::lab.address"),
    (str, "1"),
    (bytes, "'abc'"),
    (bytes | None, "'abc'::lab.short"),
]


@pytest.mark.parametrize(("annotation", "value"), UNREADABLE, ids=[value for _, value in UNREADABLE])
def test_what_has_no_python_value_is_refused_and_names_the_column(
    stage: Stage, annotation: Any, value: LiteralString
) -> None:
    row = create_model("Row", __base__=Model, id=(int, ...), v=(annotation, ...))

    with stage.transaction() as tx, pytest.raises(StatementError, match=r"(column v |a row does not fit Row: v)"):
        tx.all(row, "select 1 as id, null as v where false union all select 1 as id, " + value + " as v")


@pytest.mark.parametrize("value", ["interval '1 month'", "'infinity'::timestamptz", "'[1e400]'::json"])
def test_value_says_so_too(stage: Stage, value: LiteralString) -> None:
    with stage.transaction() as tx, pytest.raises(StatementError, match="the column v has a value that cannot be read"):
        tx.value("select " + value + " as v")


def test_value_gives_arrays_as_lists(stage: Stage) -> None:
    with stage.transaction() as tx:
        assert tx.value("select array['glad', 'sad']::lab.mood[]") == ["glad", "sad"]
        assert tx.value("select array['a{', null]::lab.short[]") == ["a{", None]
        assert tx.value("select 'glad'::lab.mood") == "glad"
        assert tx.value("select '{glad}'") == "{glad}"


@pytest.mark.parametrize(
    ("number", "read"),
    [("18446744073709551615", 2**64 - 1), ("-9223372036854775808", -(2**63)), ("1e300", 1e300), ("5e-324", 5e-324)],
)
def test_numbers_of_json_that_a_double_or_64_bits_hold_are_read(stage: Stage, number: str, read: float) -> None:
    with stage.transaction() as tx:
        assert tx.value("select %(text)s::text::jsonb", {"text": f"[{number}]"}) == [read]
