import json

import pytest

from org_common.tools.prove.rows.world import World
from tests.org_common.tools.prove.conftest import Prove

pytestmark = pytest.mark.db


def owners(world: World, table: str) -> list[tuple[str, str | None]]:
    names = {person.user_id: person.name for person in world.people if person.user_id}
    return sorted((row.label, names.get(row.user_id or "")) for row in world.rows[table])


def test_each_tenant_has_its_people_and_rows(prepared: Prove) -> None:
    world = prepared().world

    people = [("a", "admin"), ("a", "viewer"), ("b", "admin"), ("b", "viewer")]
    assert owners(world, "shop.members") == people
    assert owners(world, "shop.users") == [("-", "outsider"), *people]
    assert [row.label for row in world.rows["shop.order_lines"]] == ["a", "b"]


def test_runs_have_the_same_rows(prepared: Prove) -> None:
    first, second = prepared().world, prepared().world

    assert [row.values for rows in first.rows.values() for row in rows] == [
        row.values for rows in second.rows.values() for row in rows
    ]


def test_claims_name_user_and_role_and_anonymous_callers_have_none(prepared: Prove) -> None:
    world = prepared().world
    admin, anonymous = world.person("admin", "a"), world.person("anonymous", "-")

    assert admin is not None
    assert anonymous is not None
    assert json.loads(admin.settings["request.jwt.claims"]) == {"sub": admin.user_id, "role": "authenticated"}
    assert (anonymous.role, anonymous.settings) == ("anon", {"request.jwt.claims": ""})


def test_declared_values_and_more_rows(prepared: Prove) -> None:
    email = ("[tables.shop.users]", 'values = { email = "{user}@example.com" }')
    more = ("[tables.shop.orders]", 'rows = [{ number = 70, note = "{admin} {shop.orders.number}" }]')

    world = prepared("", *email, *more).world

    orders = [row for row in world.rows["shop.orders"] if row.label == "a"]
    admin = world.person("admin", "a")
    assert admin is not None
    assert all(row.values["email"] == f"{row.user_id}@example.com" for row in world.rows["shop.users"])
    assert [row.values["number"] == "70" for row in orders] == [False, True]
    assert orders[1].values["note"] == f"{admin.user_id} {orders[0].values['number']}"
