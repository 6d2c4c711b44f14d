import psycopg
import pytest

from tests.org_common.tools.cost.conftest import PER_TENANT, ROWS, Measured

pytestmark = pytest.mark.db


def count(conn: psycopg.Connection, query: str) -> int:
    row = conn.execute(query.encode()).fetchone()
    return int(row[0]) if row else -1


def test_each_table_has_rows_of_many_tenants(measured: Measured, shop: psycopg.Connection) -> None:
    filled = measured().filled

    assert {name: filled.rows[f"shop.{name}"] >= ROWS for name in ("users", "members", "orders", "order_lines")} == {
        "users": True,
        "members": True,
        "orders": True,
        "order_lines": True,
    }
    assert filled.limited == {"shop.teams"}
    assert filled.failed == {}
    assert count(shop, "select count(distinct team_id) from shop.orders") == ROWS // PER_TENANT + 1  # and team b


def test_copies_refer_to_copies(measured: Measured, shop: psycopg.Connection) -> None:
    measured("alter table shop.members add partner uuid references shop.users")

    lines = "select count(*) from shop.order_lines l join shop.orders o on (o.team_id, o.id) = (l.team_id, l.order_id)"
    members = (
        "select count(*) from shop.members join shop.users u on u.id = user_id join shop.teams t on t.id = team_id"
    )
    assert count(shop, lines) == count(shop, "select count(*) from shop.order_lines")
    assert count(shop, members) == count(shop, "select count(*) from shop.members")


def test_keys_of_all_types(measured: Measured, shop: psycopg.Connection) -> None:
    change = """
        create table shop.tags (
          id bigint generated always as identity primary key,
          team_id uuid not null references shop.teams,
          code text not null unique check (code ~ '^[a-z]+-[0-9]{7}$'),
          email text not null, hash bytea not null unique check (length(hash) = 32),
          at timestamptz not null, unique (team_id, at), label text generated always as (upper(code)) stored
        );
        create unique index on shop.tags (lower(email));
        create table shop.uses (team_id uuid not null references shop.teams, tag_id bigint references shop.tags,
          primary key (team_id, tag_id));
        alter table shop.tags enable row level security, force row level security;
        alter table shop.uses enable row level security, force row level security"""
    filled = measured(change, "[tables.shop.tags]", "[tables.shop.uses]").filled

    assert filled.failed == {}
    assert filled.rows["shop.tags"] >= ROWS
    assert filled.rows["shop.uses"] >= ROWS
    assert count(shop, "select count(*) from shop.uses u join shop.tags t on t.id = tag_id") == filled.rows["shop.uses"]


def test_table_that_cannot_be_filled_says_why(measured: Measured) -> None:
    change = """
        create table shop.codes (team_id uuid not null unique references shop.teams,
          code text not null unique check (code ~ '^[a-z]{3}$'));
        alter table shop.codes enable row level security, force row level security"""
    report = measured(change, "[tables.shop.codes]")

    assert report.filled.failed["shop.codes"].startswith('new row for relation "codes" violates check constraint')
    [cost] = [cost for cost in report.costs if cost.table == "shop.codes"]
    assert cost.skipped.startswith("not filled: new row")


def test_shared_table_is_left_as_it_is(measured: Measured) -> None:
    change = "create table shop.plans (id uuid primary key)"

    assert measured(change, "[tables.shop.plans]").filled.failed == {"shop.plans": "its rows belong to no tenant"}
