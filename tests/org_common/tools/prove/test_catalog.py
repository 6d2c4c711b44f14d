import psycopg
import pytest

from org_common.tools.prove import catalog

pytestmark = pytest.mark.db


def test_tables_have_columns_keys_and_checks(shop: psycopg.Connection) -> None:
    shop.execute("set local search_path = ''")
    found = catalog.read(shop, ["shop"])

    orders, lines = found.relations["shop.orders"], found.relations["shop.order_lines"]
    assert [table.name for table in found.tables] == [
        "shop.members",
        "shop.order_lines",
        "shop.orders",
        "shop.teams",
        "shop.users",
    ]
    assert orders.primary == ("team_id", "id")
    assert [key.columns for key in orders.unique] == [("team_id", "id"), ("team_id", "number")]
    assert [(key.columns, key.parent, key.parent_columns) for key in lines.keys] == [
        (("team_id", "order_id"), "shop.orders", ("team_id", "id"))
    ]
    assert [check.columns for check in orders.checks] == [("number",)]
    assert not orders.columns["note"].is_required
    assert orders.columns["id"].has_default


def test_functions_have_parameters_and_no_triggers(shop: psycopg.Connection) -> None:
    shop.execute("""
        create function shop.stamp() returns trigger language plpgsql as $$ begin return new; end $$;
        create function shop.add(a integer, b text) returns void language sql as 'select'""")

    found = {each.name: each for each in catalog.read(shop, ["shop"]).functions}

    assert sorted(found) == ["shop.add", "shop.team_ids"]
    assert found["shop.add"].signature == "shop.add(integer, text)"
    assert found["shop.add"].names == ("a", "b")
    assert found["shop.add"].is_void
    assert found["shop.team_ids"].is_definer


def test_roles_are_those_with_a_right(shop: psycopg.Connection) -> None:
    found = catalog.read(shop, ["shop"])

    assert "authenticated" in found.roles
    assert "postgres" not in found.roles


def test_domain_has_its_base_type_and_checks(shop: psycopg.Connection) -> None:
    shop.execute("""
        create domain shop.level as text not null check (value in ('low', 'high'));
        create table shop.alarms (level shop.level)""")

    column = catalog.read(shop, ["shop"]).relations["shop.alarms"].columns["level"]

    assert (column.type, column.base, column.is_required) == ("shop.level", "text", True)
    assert "'high'" in column.checks[0]
