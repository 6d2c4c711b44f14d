from collections.abc import Callable

import psycopg
import pytest

from org_common.tools.prove import catalog
from org_common.tools.prove.declaration import DeclarationError
from org_common.tools.prove.rows.fill import Filler
from org_common.tools.prove.rows.values import Value

pytestmark = pytest.mark.db

Fill = Callable[..., dict[str, Value]]


@pytest.fixture
def fill(shop: psycopg.Connection) -> Fill:
    """Creates the table shop.t with these columns, and inserts a row."""

    def filled(columns: str, **fixed: Value) -> dict[str, Value]:
        shop.execute(f"set local search_path = ''; create table shop.t ({columns})".encode())
        table = catalog.read(shop, ["shop"]).relations["shop.t"]
        return Filler(shop).insert(table, fixed, {}, "seed")

    return filled


@pytest.mark.parametrize(
    ("columns", "holds"),
    [
        ("a text not null check (length(a) between 2 and 5)", lambda row: 2 <= len(row["a"]) <= 5),
        ("a text not null check (a = lower(a) and position('@' in a) > 1)", lambda row: "@" in row["a"]),
        ("a int not null check (a > 5), b int not null, check (b > a)", lambda row: int(row["b"]) > int(row["a"]) > 5),
        ("a text check ((a is null) = (b is null)), b text not null", lambda row: row["a"] is not None),
        (
            "a text not null, b text, check ((a = 'x') = (b is not null))",
            lambda row: (row["a"] == "x") == bool(row["b"]),
        ),
        ("a jsonb not null check (jsonb_typeof(a) = 'array')", lambda row: row["a"] == "[]"),
        ("a bytea not null check (length(a) = 32)", lambda row: len(row["a"]) == 66),
        ("a text not null check (a ~ '^#[0-9A-F]{6}$')", lambda row: row["a"][0] == "#"),
        ("a numeric(4, 2) not null, b date not null, c inet not null, d int4range not null", lambda row: row["d"]),
        ("a int generated always as identity, b int generated always as (a + 1) stored", lambda row: row["b"] == "2"),
        ("a text[] not null check (cardinality(a) = 1)", lambda row: row["a"].startswith("{")),
    ],
)
def test_row_satisfies_its_constraints(fill: Fill, columns: str, holds: Callable[[dict[str, Value]], bool]) -> None:
    assert holds(fill(columns))


def test_fixed_values_stay(fill: Fill) -> None:
    assert fill("a int not null, b int not null, check (b > a)", a="41")["a"] == "41"


def test_stamped_columns_get_their_values_after_the_triggers(fill: Fill, shop: psycopg.Connection) -> None:
    shop.execute("""
        create function shop.stamp() returns trigger language plpgsql
        as $$ begin new.at := now(); new.a := 2; return new; end $$""")
    fill("id int primary key, a int, at date not null")
    shop.execute("create trigger stamp before insert or update on shop.t for each row execute function shop.stamp()")
    table = catalog.read(shop, ["shop"]).relations["shop.t"]

    row = Filler(shop, ["at"]).insert(table, {"id": "7", "a": "1", "at": "1900-01-01"}, {}, "other")

    assert (row["id"], row["a"], row["at"]) == ("7", "2", "1900-01-01")
    assert shop.execute("select at::text from shop.t where id = 7").fetchone() == ("1900-01-01",)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            "a text not null check (a = md5(a))",
            r"cannot make a row for shop.t.a: no generated value satisfies t_a_check",
        ),
        ("a shop.odd not null", r"cannot make a row for shop.t.a: its type shop.odd is not known to `prove`"),
    ],
)
def test_column_that_cannot_be_filled(fill: Fill, shop: psycopg.Connection, columns: str, message: str) -> None:
    shop.execute("create type shop.odd as (x int, y int)")

    with pytest.raises(DeclarationError, match=message):
        fill(columns)


def test_error_of_a_trigger_names_the_table(fill: Fill, shop: psycopg.Connection) -> None:
    shop.execute("""
        create function shop.no() returns trigger language plpgsql as $$ begin raise 'not today'; end $$""")
    fill("a int")
    shop.execute("create trigger no before insert on shop.t for each row execute function shop.no()")
    table = catalog.read(shop, ["shop"]).relations["shop.t"]

    with pytest.raises(DeclarationError, match="cannot make a row for shop.t: not today"):
        Filler(shop).insert(table, {}, {}, "other")
