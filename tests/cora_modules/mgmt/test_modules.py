"""Modules: core modules stay on, and dependencies hold, for the platform and in an organization."""

from itertools import product
from typing import Any

import pytest

from org_common.testing.client import Answer
from tests.cora_modules.access.world import ACME, GLOBEX, leaked, pages
from tests.cora_modules.mgmt.world import ACME_SECRET, GLOBEX_SECRET, MODULES, SYS_SECRET, MgmtWorld

pytestmark = pytest.mark.db

SYS = "/admin/sys/modules"
ORG = f"/orgs/{ACME}/modules"
NAMES = sorted(name for name, _, _ in MODULES)


def states(world: MgmtWorld, name: str = "alice", path: str = ORG) -> dict[str, Any]:
    """The modules of a list by name."""
    return {item["name"]: item for item in world.as_(name).get(path).json()["items"]}


def outcome(response: Answer) -> object:
    return response.json().get("code", response.status)


def test_platform_lists_its_modules(world: MgmtWorld) -> None:
    modules = states(world, "sam", SYS)

    assert list(modules) == NAMES
    assert modules["kb"] == {
        "name": "kb",
        "kind": "functional",
        "version": "1.0",
        "isEnabled": True,
        "dependencies": ["ws", "ai"],
        "config": {"note": SYS_SECRET},
        "updatedAt": modules["kb"]["updatedAt"],
    }


@pytest.mark.parametrize(("name", "path"), [("sam", SYS), ("alice", ORG)])
def test_lists_are_pages(world: MgmtWorld, name: str, path: str) -> None:
    found = pages(world.as_(name), path, 4)

    assert [[item["name"] for item in page] for page in found] == [NAMES[:4], NAMES[4:]]


@pytest.mark.parametrize("module", ["access", "mgmt"])
def test_core_module_stays_on(world: MgmtWorld, module: str) -> None:
    platform = world.as_("root").patch(f"{SYS}/{module}", {"isEnabled": False})
    organization = world.as_("alice").patch(f"{ORG}/{module}", {"enabled": False})

    assert (outcome(platform), outcome(organization)) == ("core_module", "core_module")


def test_module_that_others_need_stays_on(world: MgmtWorld) -> None:
    response = world.as_("sam").patch(f"{SYS}/ws", {"isEnabled": False})

    assert (response.status, outcome(response)) == (409, "module_needed")
    assert "chat, kb" in response.json()["detail"]


def test_modules_are_turned_off_and_on_in_the_order_of_dependencies(world: MgmtWorld) -> None:
    sam = world.as_("sam")
    off = [outcome(sam.patch(f"{SYS}/{name}", {"isEnabled": False})) for name in ("kb", "chat", "ws")]
    too_soon = outcome(sam.patch(f"{SYS}/kb", {"isEnabled": True}))
    on = [outcome(sam.patch(f"{SYS}/{name}", {"isEnabled": True})) for name in ("ws", "kb")]

    assert (off, too_soon, on) == ([200] * 3, "dependency_off", [200] * 2)


@pytest.mark.parametrize(("path", "name", "field"), [(SYS, "sam", "isEnabled"), (ORG, "alice", "enabled")])
def test_every_sequence_of_changes_keeps_dependencies(world: MgmtWorld, path: str, name: str, field: str) -> None:
    """Each value of each pair of modules, in both orders: a module that is on has all its dependencies on."""
    client = world.as_(name)
    # chat is like kb, and mgmt like access.
    for (first, on), (second, also) in product(product(("access", "ai", "kb", "ws"), (False, True)), repeat=2):
        client.patch(f"{path}/{first}", {field: on})
        client.patch(f"{path}/{second}", {field: also})
        modules = states(world, name, path)
        broken = [
            m
            for m in modules.values()
            if m["isEnabled"] and not all(modules[d]["isEnabled"] for d in m["dependencies"])
        ]
        assert broken == []
        assert modules["access"]["isEnabled"]
        assert modules["mgmt"]["isEnabled"]


@pytest.mark.parametrize("path", [f"{SYS}/nothing", f"{SYS}/x%00", f"/orgs/{ACME}/modules/nothing"])
def test_unknown_module_is_not_found(world: MgmtWorld, path: str) -> None:
    response = world.as_("sam" if "sys" in path else "alice").patch(path, {"config": {}})

    assert response.status in (404, 422)
    assert "nothing" not in path or response.status == 404


# --- in an organization -----------------------------------------------------------------------


def test_organization_inherits_until_it_decides(world: MgmtWorld) -> None:
    alice = world.as_("alice")
    inherited = states(world)["chat"]
    alice.patch(f"{ORG}/chat", {"enabled": False})
    decided = states(world)["chat"]
    back = alice.patch(f"{ORG}/chat", {"enabled": None}).json()

    assert [(m["enabled"], m["isEnabled"], m["decidedBy"]) for m in (inherited, decided, back)] == [
        (None, True, "platform"),
        (False, False, "organization"),
        (None, True, "platform"),
    ]


def test_organization_cannot_turn_on_what_the_platform_has_off(world: MgmtWorld) -> None:
    world.as_("sam").patch(f"{SYS}/chat", {"isEnabled": False})

    response = world.as_("alice").patch(f"{ORG}/chat", {"enabled": True})

    assert outcome(response) == "module_off"
    assert (states(world)["chat"]["isEnabled"], states(world)["chat"]["decidedBy"]) == (False, "platform")


def test_module_is_off_where_its_dependency_is(world: MgmtWorld) -> None:
    """Acme turned ws off while kb and chat were off on the platform, which turns kb on again later."""
    for name in ("kb", "chat"):
        world.as_("sam").patch(f"{SYS}/{name}", {"isEnabled": False})
    world.as_("alice").patch(f"{ORG}/ws", {"enabled": False})
    world.as_("sam").patch(f"{SYS}/kb", {"isEnabled": True})

    kb = states(world)["kb"]
    assert (kb["platformEnabled"], kb["isEnabled"], kb["decidedBy"]) == (True, False, "dependency")
    assert outcome(world.as_("alice").patch(f"{ORG}/kb", {"config": {"a": 1}})) == 200


def test_change_is_the_organizations_own(world: MgmtWorld) -> None:
    world.as_("alice").patch(f"{ORG}/chat", {"enabled": False, "config": {"a": 1}})

    theirs = states(world, "bob", f"/orgs/{GLOBEX}/modules")["chat"]
    assert (theirs["isEnabled"], theirs["config"]) == (True, {})
    assert states(world, "sam", SYS)["chat"]["isEnabled"]


def test_admin_does_not_see_the_configuration_of_others(world: MgmtWorld) -> None:
    response = world.as_("alice").get(ORG)

    assert leaked(response, {ACME_SECRET}) == [ACME_SECRET]
    assert leaked(response, {SYS_SECRET, GLOBEX_SECRET}) == []


# --- configuration ----------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "name"), [(SYS, "sam"), (ORG, "alice")])
def test_configuration_is_merged(world: MgmtWorld, path: str, name: str) -> None:
    client = world.as_(name)
    client.patch(f"{path}/ws", {"config": {"a": {"b": 1, "c": 2}, "note": None}})
    response = client.patch(f"{path}/ws", {"config": {"a": {"b": None}, "d": [1]}})

    assert (response.status, response.json()["config"]) == (200, {"a": {"c": 2}, "d": [1]})


@pytest.mark.parametrize(("path", "name"), [(SYS, "sam"), (ORG, "alice")])
@pytest.mark.parametrize(("size", "status"), [(15_900, 200), (16_001, 422)])
def test_configuration_is_limited(world: MgmtWorld, path: str, name: str, size: int, status: int) -> None:
    response = world.as_(name).patch(f"{path}/chat", {"config": {"a": "x" * size}})

    assert response.status == status
    assert status == 200 or outcome(response) == "config_too_large"


def test_configuration_is_limited_after_the_merge(world: MgmtWorld) -> None:
    alice = world.as_("alice")
    statuses = [alice.patch(f"{ORG}/chat", {"config": {key: "x" * 9_000}}).status for key in "ab"]

    assert statuses == [200, 422]


@pytest.mark.parametrize(
    "body", [{"isEnabled": None}, {"isEnabled": "perhaps"}, {"config": None}, {"config": []}, {"kind": "core"}, []]
)
def test_wrong_value_is_refused(world: MgmtWorld, body: object) -> None:
    before = world.snapshot()

    assert world.as_("sam").patch(f"{SYS}/chat", body).status == 422
    assert world.snapshot() == before


def test_audit_columns_name_the_caller(world: MgmtWorld) -> None:
    world.as_("alice").patch(f"{ORG}/chat", {"enabled": False})

    (row,) = [row for row in world.read("modules_org") if row["module"] == "chat"]
    assert (row["created_by"], row["updated_by"]) == (world.users["alice"],) * 2
