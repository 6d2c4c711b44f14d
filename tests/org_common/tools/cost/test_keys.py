from collections.abc import Callable

import psycopg
import pytest

from org_common.tools.cost.keys import Keys, decide, find, limit
from org_common.tools.prove import catalog as catalogs
from org_common.tools.prove.declaration import Declaration
from org_common.tools.prove.rows.builder import build
from org_common.tools.prove.rows.world import Row

pytestmark = pytest.mark.db


@pytest.fixture
def keys(shop: psycopg.Connection, declared: Callable[..., Declaration]) -> Keys:
    shop.execute("create unique index on shop.orders (team_id) where note = 'first'")
    declaration = declared()
    world = build(shop, catalogs.read(shop, declaration.schemas or None), declaration)
    return find(shop, world, tenants=10, rows=100)


def first(keys: Keys, table: str) -> Row:
    return next(row for row in keys.world.rows[table] if row.label == "a")


def test_foreign_keys_group_columns(keys: Keys) -> None:
    assert keys.group("shop.order_lines", "order_id") == keys.group("shop.orders", "id")
    assert keys.is_tenant("shop.order_lines", "team_id")
    assert not keys.is_tenant("shop.orders", "id")


def test_number_of_a_unique_key_differs(keys: Keys, shop: psycopg.Connection) -> None:
    row = first(keys, "shop.orders")

    assert decide(shop, keys, row)
    assert keys.varied == {keys.group("shop.orders", "number")}
    [expression] = keys.expressions(keys.world.catalog.relations["shop.orders"], row, "number")
    assert f"'{row.values['number']}'::numeric + i * {keys.stride}" in expression
    assert keys.stride > int(row.values["number"] or 0)


def test_row_in_a_partial_index_of_the_tenant_is_limited(keys: Keys, shop: psycopg.Connection) -> None:
    row = first(keys, "shop.orders")
    shop.execute("update shop.orders set note = 'first' where team_id = %s", [row.values["team_id"]])
    found = shop.execute("select ctid::text from shop.orders where note = 'first'").fetchone()
    moved = Row(row.table, row.label, row.user_id, row.values, found[0] if found else "")

    assert not decide(shop, keys, moved)
    assert (moved.table, moved.ctid) in keys.per_tenant


def test_id_of_a_limited_row_differs_by_tenant_alone(keys: Keys) -> None:
    row = first(keys, "shop.orders")
    table = keys.world.catalog.relations["shop.orders"]
    [before] = keys.expressions(table, row, "id")
    limit(keys, row)
    [after] = keys.expressions(table, row, "id")

    assert before.startswith("case when i = 0 then")
    assert after.startswith("case when (i % 10) = 0 then")
