"""The plugins of a workspace."""

from collections.abc import Iterator
from typing import Any

import pytest
from psycopg import sql

from tests.cora_modules.access.world import ACME
from tests.cora_modules.ws.world import ROCKETS, WsWorld

pytestmark = pytest.mark.db

PLUGINS = f"/workspaces/{ROCKETS}/plugins"


class Modules:
    """What the platform and the organization have set. The module that manages them is not part of these tests."""

    def __init__(self, world: WsWorld) -> None:
        self._world = world
        row = world.admin.execute(
            "select pg_get_functiondef('ws.find_modules(uuid)'::regprocedure) as source"
        ).fetchone()
        assert row is not None
        self._source: str = row["source"]

    def set(self, *, sys: bool = True, org: bool | None = None) -> None:
        self._world.admin.execute(
            sql.SQL(
                "create or replace function ws.find_modules(wanted_org_id uuid) returns table (module text, "
                "sys_enabled boolean, org_enabled boolean) language plpgsql stable set search_path = '' as "
                "$$ begin return query values ('chat'::text, {}::boolean, {}::boolean); end $$"
            ).format(sql.Literal(sys), sql.Literal(org))
        )

    def restore(self) -> None:
        self._world.admin.execute(self._source.encode())


@pytest.fixture
def modules(world: WsWorld) -> Iterator[Modules]:
    modules = Modules(world)
    yield modules
    modules.restore()


def chat(world: WsWorld, name: str = "frank") -> dict[str, Any]:
    items: list[dict[str, Any]] = world.as_(name).get(PLUGINS).json()["items"]
    return next(item for item in items if item["module"] == "chat")


# Platform, organization, workspace; the result and who decides it.
RESOLUTION = [
    (True, None, None, True, "sys"),
    (True, None, True, True, "ws"),
    (True, None, False, False, "ws"),
    (True, True, None, True, "org"),
    (True, True, True, True, "ws"),
    (True, True, False, False, "ws"),
    (True, False, None, False, "org"),
    (True, False, True, False, "org"),
    (True, False, False, False, "org"),
    (False, None, None, False, "sys"),
    (False, None, True, False, "sys"),
    (False, None, False, False, "sys"),
    (False, True, None, False, "sys"),
    (False, True, True, False, "sys"),
    (False, True, False, False, "sys"),
    (False, False, None, False, "sys"),
    (False, False, True, False, "sys"),
    (False, False, False, False, "sys"),
]


@pytest.mark.parametrize(("sys", "org", "ws", "enabled", "source"), RESOLUTION)
def test_module_is_on_if_all_levels_have_it_on(
    world: WsWorld, modules: Modules, sys: bool, org: bool | None, ws: bool | None, enabled: bool, source: str
) -> None:
    world.as_("carol").put(f"{PLUGINS}/chat", {"enabled": ws})
    modules.set(sys=sys, org=org)

    found = chat(world)

    levels = (found["sysEnabled"], found["orgEnabled"], found["wsEnabled"])
    assert (levels, found["enabled"], found["enabledFrom"]) == ((sys, org, ws), enabled, source)


def test_settings_are_replaced(world: WsWorld) -> None:
    for config in ({"a": 1, "b": {"c": [None]}}, {"b": 2}, {}):
        world.as_("dave").put(f"{PLUGINS}/chat", {"enabled": True, "config": config})

        assert chat(world)["config"] == config


@pytest.mark.parametrize(("sys", "org"), [(False, None), (False, True), (True, False)])
def test_module_that_is_off_above_cannot_be_turned_on(
    world: WsWorld, modules: Modules, sys: bool, org: bool | None
) -> None:
    modules.set(sys=sys, org=org)
    carol = world.as_("carol")

    refused = carol.put(f"{PLUGINS}/chat", {"enabled": True})

    assert (refused.status, refused.json()["code"]) == (409, "parent_disabled")
    assert carol.put(f"{PLUGINS}/chat", {"enabled": None}).status == 200
    assert carol.put(f"{PLUGINS}/chat", {"enabled": False}).status == 200


def test_unknown_module_is_not_found(world: WsWorld) -> None:
    assert world.as_("carol").put(f"{PLUGINS}/nothing", {"enabled": False}).status == 404


def test_put_returns_what_the_list_has(world: WsWorld) -> None:
    response = world.as_("dave").put(f"{PLUGINS}/chat", {"enabled": False, "config": {"x": 1}})

    assert response.json() == chat(world)


def test_settings_that_are_too_large_are_rejected(world: WsWorld) -> None:
    response = world.as_("dave").put(f"{PLUGINS}/chat", {"enabled": False, "config": {"x": "y" * 16_000}})

    assert (response.status, response.json()["code"]) == (422, "invalid_value")


def test_plugins_are_those_of_the_organization(readonly_world: WsWorld) -> None:
    found = readonly_world.as_("frank").get(PLUGINS).json()["items"]

    assert [(item["module"], item["config"]) for item in found] == [
        ("ai", {}),
        ("chat", {}),
        ("kb", {"key": "qx3-setting"}),
    ]
    assert str(ACME) not in str(found)
