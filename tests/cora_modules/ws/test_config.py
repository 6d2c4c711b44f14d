"""The settings of workspaces, enforced by the database."""

import logging

import pytest

from tests.cora_modules.access.world import ACME, pointers
from tests.cora_modules.ws.test_cast import SYS_VALUES
from tests.cora_modules.ws.world import IDS, OLD, ROCKETS, WsWorld

pytestmark = pytest.mark.db

LIST = f"/orgs/{ACME}/workspaces"
ORG_CONFIG = f"/orgs/{ACME}/ws/config"
SYS_CONFIG = "/admin/sys/ws/config"
WS = f"/workspaces/{ROCKETS}"


def create(world: WsWorld, name: str, title: str) -> tuple[int, str | None]:
    response = world.as_(name).post(LIST, {"name": title})
    return response.status, response.json().get("code")


def limit(world: WsWorld, count: int | None, *, allow: bool = True) -> None:
    body = {"allowUserCreation": allow, "maxWorkspacesPerUser": count}
    assert world.as_("alice").put(ORG_CONFIG, body).status == 200


def test_settings_of_the_platform_are_replaced(world: WsWorld) -> None:
    changed = world.as_("sam").put(SYS_CONFIG, SYS_VALUES)

    assert changed.json() == SYS_VALUES == world.as_("root").get(SYS_CONFIG).json()


@pytest.mark.parametrize("name", SYS_VALUES)
def test_replacement_is_complete(readonly_world: WsWorld, name: str) -> None:
    body = {key: value for key, value in SYS_VALUES.items() if key != name}

    response = readonly_world.as_("sam").put(SYS_CONFIG, body)

    assert (response.status, pointers(response)) == (422, [("body", f"#/{name}")])


@pytest.mark.parametrize(
    ("name", "value"),
    [("retentionDays", 0), ("retentionDays", 366), ("maxWorkspacesPerUser", 0), ("defaultColor", "red")],
)
def test_value_out_of_range_is_rejected(readonly_world: WsWorld, name: str, value: object) -> None:
    response = readonly_world.as_("sam").put(SYS_CONFIG, {**SYS_VALUES, name: value})

    assert (response.status, pointers(response)) == (422, [("body", f"#/{name}")])


def test_read_of_the_platforms_settings_is_logged(readonly_world: WsWorld, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "org_common.audit"):
        readonly_world.as_("sam").get(SYS_CONFIG)

    assert [record.__dict__["sys_read"]["what"] for record in caplog.records if record.msg == "sys_read"] == [
        "ws/config"
    ]


def test_organization_without_settings_has_the_defaults(world: WsWorld) -> None:
    world.admin.execute("delete from ws.ws_config_org")

    assert world.as_("alice").get(ORG_CONFIG).json() == {
        "allowUserCreation": True,
        "maxWorkspacesPerUser": None,
        "effectiveMaxWorkspacesPerUser": 100,
    }


@pytest.mark.parametrize(("own", "platform", "effective"), [(None, 5, 5), (3, 5, 3), (9, 5, 5)])
def test_lower_limit_holds(world: WsWorld, own: int | None, platform: int, effective: int) -> None:
    world.set_sys(max_workspaces_per_user=platform)

    limit(world, own)

    assert world.as_("alice").get(ORG_CONFIG).json()["effectiveMaxWorkspacesPerUser"] == effective


def test_only_admins_create_workspaces_if_the_organization_says_so(world: WsWorld) -> None:
    limit(world, None, allow=False)

    outcomes = {name: create(world, name, f"Of {name}") for name in ("grace", "dave", "alice")}

    assert outcomes == {"grace": (403, "creation_disabled"), "dave": (201, None), "alice": (201, None)}


def test_user_owns_at_most_as_many_workspaces_as_allowed(world: WsWorld) -> None:
    limit(world, 2)

    outcomes = [create(world, "carol", f"Of carol {at}") for at in range(2)]

    # She owns one already, and the deleted one does not count.
    assert outcomes == [(201, None), (403, "too_many_workspaces")]


def test_every_way_to_own_a_workspace_is_limited(world: WsWorld) -> None:
    limit(world, 1)
    create(world, "frank", "Of frank")
    frank = {"userId": str(IDS["frank"])}
    carol = world.as_("carol")

    responses = [
        carol.post(f"{WS}/transfer", frank),
        carol.patch(f"{WS}/members/{IDS['frank']}", {"role": "ws_owner"}),
        carol.post(f"/workspaces/{OLD}/restore"),
    ]
    create(world, "grace", "Of grace")
    responses.append(carol.post(f"{WS}/members", {"userId": str(IDS["grace"]), "role": "ws_owner"}))

    assert [(each.status, each.json()["code"]) for each in responses] == [(403, "too_many_workspaces")] * 4


def test_lower_limit_keeps_what_exists(world: WsWorld) -> None:
    create(world, "carol", "Second")

    limit(world, 1)

    assert len(world.as_("carol").get(LIST).json()["items"]) == 2
