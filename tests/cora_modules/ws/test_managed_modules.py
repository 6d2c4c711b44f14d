"""Plugins under the modules that the module mgmt manages."""

from collections.abc import Iterator

import pytest
from psycopg import sql

from tests.cora_modules.access.world import ACME, GLOBEX
from tests.cora_modules.ws.world import ROCKETS, WsWorld

pytestmark = pytest.mark.db

PLUGINS = f"/workspaces/{ROCKETS}/plugins"


@pytest.fixture
def managed(world: WsWorld) -> Iterator[WsWorld]:
    yield world
    world.admin.execute("delete from mgmt.modules_org")
    world.admin.execute("update mgmt.modules set is_enabled = true")


def states(world: WsWorld) -> dict[str, tuple[bool, str]]:
    items = world.as_("frank").get(PLUGINS).json()["items"]
    return {item["module"]: (item["enabled"], item["enabledFrom"]) for item in items}


def set_org(world: WsWorld, module: str, enabled: bool, org_id: object = ACME) -> None:
    world.admin.execute(
        "insert into mgmt.modules_org (org_id, module, enabled, config) values (%s, %s, %s, '{\"secret\": 1}')",
        [org_id, module, enabled],
    )


def test_functional_modules_are_plugins(managed: WsWorld) -> None:
    assert states(managed) == dict.fromkeys(("ai", "chat", "kb"), (True, "sys"))


@pytest.mark.parametrize(
    "statement", [sql.SQL("update mgmt.modules set is_enabled = false where name = 'chat'"), None], ids=["sys", "org"]
)
def test_module_that_is_off_above_is_off(managed: WsWorld, statement: sql.SQL | None) -> None:
    if statement is None:
        set_org(managed, "chat", enabled=False)
    else:
        managed.admin.execute(statement)

    refused = managed.as_("carol").put(f"{PLUGINS}/chat", {"enabled": True})

    assert (refused.status, refused.json()["code"]) == (409, "parent_disabled")
    assert states(managed)["chat"] == (False, "org" if statement is None else "sys")


def test_module_without_its_dependency_is_off(managed: WsWorld) -> None:
    set_org(managed, "ai", enabled=False)

    assert states(managed) == dict.fromkeys(("ai", "chat", "kb"), (False, "org"))


def test_other_organizations_and_their_settings_do_not_show(managed: WsWorld) -> None:
    set_org(managed, "chat", enabled=False, org_id=GLOBEX)
    set_org(managed, "kb", enabled=True)

    response = managed.as_("frank").get(PLUGINS)

    assert states(managed) == {"ai": (True, "sys"), "chat": (True, "sys"), "kb": (True, "org")}
    assert "secret" not in response.body.decode()
