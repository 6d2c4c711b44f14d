from collections.abc import Callable

import psycopg
import pytest

from org_common.tools.prove import catalog
from org_common.tools.prove.declaration import Declaration, DeclarationError
from org_common.tools.prove.rows.links import Links, find

pytestmark = pytest.mark.db


@pytest.fixture
def links(shop: psycopg.Connection, declared: Callable[..., Declaration]) -> Callable[..., Links]:
    def found(change: str = "", *more: str) -> Links:
        shop.execute(f"set local search_path = ''; {change}".encode())
        return find(catalog.read(shop, ["shop"]), declared(*more))

    return found


def test_tenant_and_user_follow_foreign_keys(links: Callable[..., Links]) -> None:
    found = links()

    assert found.tenant == {
        "shop.teams": "id",
        "shop.members": "team_id",
        "shop.orders": "team_id",
        "shop.order_lines": "team_id",
    }
    assert found.user == {"shop.users": "id", "shop.members": "user_id"}
    assert found.shared == frozenset()


def test_parents_come_first_and_a_cycle_is_cut_at_a_nullable_key(links: Callable[..., Links]) -> None:
    found = links(
        "alter table shop.users add column team_id uuid references shop.teams; alter table shop.teams add owner"
        " uuid not null references shop.users"
    )

    names = [table.name for table in found.order]
    assert names.index("shop.users") < names.index("shop.teams") < names.index("shop.orders")


def test_table_without_a_key_is_shared_unless_it_is_declared(links: Callable[..., Links]) -> None:
    change = "create table shop.plans (id uuid primary key, team uuid, author uuid)"

    assert links(change).shared == {"shop.plans"}
    assert links("", "[tables.shop.plans]", 'tenant = "team"', 'own = "author"').tenant["shop.plans"] == "team"


def test_unknown_table_of_tenants(shop: psycopg.Connection, declared: Callable[..., Declaration]) -> None:
    with pytest.raises(DeclarationError, match="tenants: there is no table shop.orgs"):
        find(catalog.read(shop, ["shop"]), declared(whole='tenants = "shop.orgs"'))
    with pytest.raises(DeclarationError, match="tenants: the table with one row per tenant is missing"):
        find(catalog.read(shop, ["shop"]), declared(whole='users = "shop.users"'))
