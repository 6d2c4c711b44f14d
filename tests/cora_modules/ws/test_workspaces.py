"""The life of a workspace."""

import psycopg
import pytest

from org_common.testing.client import Client
from tests.cora_modules.access.world import ACME, GLOBEX, pages, pointers
from tests.cora_modules.ws.world import IDS, OLD, PLANS, ROCKETS, WsWorld, expire

pytestmark = pytest.mark.db

LIST = f"/orgs/{ACME}/workspaces"
WS = f"/workspaces/{ROCKETS}"
RESTORE = f"/workspaces/{OLD}/restore"


def create(client: Client, name: str = "New", **more: object) -> str:
    response = client.post(LIST, {"name": name, **more})
    assert response.status == 201, response.body
    id: str = response.json()["id"]
    return id


def code(client: Client, method: str, path: str, body: object = None) -> tuple[int, str]:
    response = client.send(method, path, body=body)
    return response.status, response.json()["code"]


# --- creating and reading ---------------------------------------------------------------------


def test_new_workspace_has_the_defaults_of_the_platform(world: WsWorld) -> None:
    world.admin.execute("update ws.ws_config_sys set default_color = '#0A0B0C', default_icon = 'star'")

    response = world.as_("grace").post(LIST, {"name": " New "})

    created = response.json()
    assert response.headers["location"] == f"/workspaces/{created['id']}"
    assert world.as_("grace").get(response.headers["location"]).json() == created
    ids = {created.pop(name) for name in ("id", "createdAt", "updatedAt")}
    assert len(ids) >= 2
    assert created == {
        "orgId": str(ACME),
        "name": "New",
        "description": None,
        "color": "#0A0B0C",
        "icon": "star",
        "tags": [],
        "status": "active",
        "retentionDays": None,
        "myRole": "ws_owner",
        "isFavorite": False,
        "memberCount": 1,
    }


def test_new_workspace_keeps_what_was_sent(world: WsWorld) -> None:
    sent = {"name": "N", "description": "d", "color": "#aabbcc", "icon": "i", "tags": ["a", "b"], "retentionDays": 365}

    created = world.as_("grace").post(LIST, sent).json()

    assert {name: created[name] for name in sent} == {**sent, "color": "#AABBCC"}


def test_list_has_the_callers_workspaces_with_role_count_and_favorite(world: WsWorld) -> None:
    create(world.as_("frank"), "Another")

    items = world.as_("frank").get(LIST).json()["items"]

    assert [(item["name"], item["myRole"], item["memberCount"], item["isFavorite"]) for item in items] == [
        ("Another", "ws_owner", 1, False),
        ("Rockets Qx3", "ws_user", 3, True),
    ]
    assert world.as_("alice").get(LIST).json()["items"] == []


def test_list_has_pages_by_name(world: WsWorld) -> None:
    for name in ("B", "C", "A"):
        create(world.as_("grace"), name)

    found = pages(world.as_("grace"), LIST, 2)

    assert [[item["name"] for item in page] for page in found] == [["A", "B"], ["C"]]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"name": ""}, "#/name"),
        ({"name": "n" * 201}, "#/name"),
        ({"name": "n", "color": "red"}, "#/color"),
        ({"name": "n", "color": "#12345"}, "#/color"),
        ({"name": "n", "retentionDays": 0}, "#/retentionDays"),
        ({"name": "n", "retentionDays": 366}, "#/retentionDays"),
        ({"name": "n", "tags": ["t"] * 21}, "#/tags"),
        ({"name": "n", "tags": [None]}, "#/tags/0"),
        ({"name": "n", "tags": ["t" * 51]}, "#/tags/0"),
        ({"name": "n", "status": "archived"}, "#/status"),
        ({"name": "n", "orgId": str(GLOBEX)}, "#/orgId"),
    ],
)
def test_invalid_workspace_is_rejected_with_a_pointer(
    readonly_world: WsWorld, body: dict[str, object], pointer: str
) -> None:
    response = readonly_world.as_("grace").post(LIST, body)

    assert (response.status, pointers(response)) == (422, [("body", pointer)])


def test_name_is_unique_among_the_live_workspaces_of_an_organization(world: WsWorld) -> None:
    carol = world.as_("carol")

    assert code(carol, "POST", LIST, {"name": "Rockets Qx3"}) == (409, "duplicate")
    # The name of a deleted workspace, and that of another organization's.
    create(carol, "Old Qx3")
    create(carol, "Plans Lm9")
    # Its name is in use now.
    assert code(carol, "POST", RESTORE) == (409, "duplicate")


def test_repeated_creation_creates_one(world: WsWorld) -> None:
    sent = {"method": "POST", "path": LIST, "body": {"name": "New"}, "headers": {"idempotency-key": "k1"}}

    first, again = (world.as_("grace").send(**sent) for _ in range(2))  # type: ignore[arg-type]

    assert first.json() == again.json()
    assert again.headers["idempotent-replayed"] == "true"


# --- changing ---------------------------------------------------------------------------------


def test_patch_changes_what_is_sent(world: WsWorld) -> None:
    before = world.as_("dave").get(WS).json()

    after = world.as_("dave").patch(WS, {"description": None, "tags": ["x"], "status": "archived"}).json()

    changed = {"description": None, "tags": ["x"], "status": "archived", "updatedAt": after["updatedAt"]}
    assert after == {**before, **changed}


def test_renamed_workspace_is_listed_under_its_new_name(world: WsWorld) -> None:
    create(world.as_("frank"), "Between")
    world.as_("carol").patch(WS, {"name": "A new name"})

    assert [item["name"] for item in world.as_("frank").get(LIST).json()["items"]] == ["A new name", "Between"]
    # Grace was removed before, and is told nothing more.
    names = {row["user_id"]: row["ws_name"] for row in world.ws_rows("ws_members", f"ws_id = '{ROCKETS}'")}
    assert names.pop(IDS["grace"]) == "Rockets Qx3"
    assert set(names.values()) == {"A new name"}


def test_former_member_who_returns_sees_the_new_name(world: WsWorld) -> None:
    world.as_("carol").patch(WS, {"name": "A new name"})

    world.as_("carol").post(f"{WS}/members", {"userId": str(IDS["grace"])})

    assert [item["name"] for item in world.as_("grace").get(LIST).json()["items"]] == ["A new name"]


@pytest.mark.parametrize("name", ["deletedAt", "orgId", "createdBy", "purgeAt", "myRole"])
def test_patch_rejects_fields_that_are_fixed(readonly_world: WsWorld, name: str) -> None:
    response = readonly_world.as_("carol").patch(WS, {name: None})

    assert (response.status, pointers(response)) == (422, [("body", f"#/{name}")])


def test_favorites_are_the_callers_own(world: WsWorld) -> None:
    assert [world.as_(name).get(WS).json()["isFavorite"] for name in ("carol", "frank")] == [False, True]
    for _ in range(2):
        assert world.as_("carol").put(f"{WS}/favorite").status == 204
        assert world.as_("frank").delete(f"{WS}/favorite").status == 204

    assert [world.as_(name).get(WS).json()["isFavorite"] for name in ("carol", "frank")] == [True, False]


# --- transfer ---------------------------------------------------------------------------------


def test_transfer_makes_another_member_the_owner(world: WsWorld) -> None:
    response = world.as_("carol").post(f"{WS}/transfer", {"userId": str(IDS["frank"])})

    assert response.json()["myRole"] == "ws_admin"
    assert world.roles(ROCKETS) == {"carol": "ws_admin", "dave": "ws_admin", "frank": "ws_owner"}


@pytest.mark.parametrize(
    ("name", "expected"), [("carol", "already_owner"), ("grace", "broken_reference"), ("bob", "broken_reference")]
)
def test_transfer_needs_another_member(readonly_world: WsWorld, name: str, expected: str) -> None:
    carol = readonly_world.as_("carol")

    assert code(carol, "POST", f"{WS}/transfer", {"userId": str(IDS[name])}) == (409, expected)


def test_transfer_to_a_deactivated_member_is_refused(world: WsWorld) -> None:
    world.admin.execute("update access.users set is_active = false where id = %s", [IDS["frank"]])

    outcome = code(world.as_("carol"), "POST", f"{WS}/transfer", {"userId": str(IDS["frank"])})

    assert outcome == (409, "broken_reference")


# --- deleting and restoring -------------------------------------------------------------------


def test_deleted_workspace_is_gone_for_its_members(world: WsWorld) -> None:
    assert world.as_("carol").delete(WS).status == 204

    paths = [WS, f"{WS}/members", f"{WS}/activity", f"{WS}/plugins"]
    assert {world.as_(name).get(path).status for name in ("carol", "dave", "frank") for path in paths} == {404}
    assert world.as_("frank").get(LIST).json()["items"] == []


def test_restoring_brings_back_what_the_deletion_removed_and_no_more(world: WsWorld) -> None:
    carol, before = world.as_("carol"), world.as_("frank").get(WS).json()
    roles = world.roles(ROCKETS)
    carol.delete(WS)

    restored = carol.post(f"{WS}/restore")

    assert (restored.status, restored.json()["memberCount"], restored.json()["myRole"]) == (200, 3, "ws_owner")
    after = world.as_("frank").get(WS).json()
    assert {**after, "updatedAt": before["updatedAt"]} == before
    # Grace had been removed before.
    assert world.roles(ROCKETS) == roles
    assert world.as_("grace").get(WS).status == 404


def test_member_removed_between_two_deletions_stays_removed(world: WsWorld) -> None:
    carol = world.as_("carol")
    carol.delete(WS)
    carol.post(f"{WS}/restore")
    carol.delete(f"{WS}/members/{IDS['frank']}")
    carol.delete(WS)
    carol.post(f"{WS}/restore")

    assert world.roles(ROCKETS) == {"carol": "ws_owner", "dave": "ws_admin"}


def test_member_who_left_the_organization_is_not_restored(world: WsWorld) -> None:
    world.as_("carol").delete(WS)
    world.admin.execute("delete from access.org_members where user_id = %s", [IDS["frank"]])

    world.as_("carol").post(f"{WS}/restore")

    assert world.roles(ROCKETS) == {"carol": "ws_owner", "dave": "ws_admin"}


def test_live_workspace_cannot_be_restored(readonly_world: WsWorld) -> None:
    assert code(readonly_world.as_("carol"), "POST", f"{WS}/restore") == (409, "not_deleted")


def test_workspace_past_its_retention_cannot_be_restored(world: WsWorld) -> None:
    expire(world, OLD)

    assert code(world.as_("carol"), "POST", RESTORE) == (410, "retention_over")


@pytest.mark.parametrize(("own", "days"), [(None, 30), (7, 7)])
def test_retention_is_the_workspaces_or_the_platforms(world: WsWorld, own: int | None, days: int) -> None:
    world.as_("carol").patch(WS, {"retentionDays": own})

    world.as_("carol").delete(WS)

    (row,) = world.ws_rows("workspaces", f"id = '{ROCKETS}'")
    assert ((row["purge_at"] - row["deleted_at"]).days, row["deleted_by"]) == (days, IDS["carol"])


# --- leaving the organization -----------------------------------------------------------------


def test_last_owner_cannot_leave_the_organization(world: WsWorld) -> None:
    with pytest.raises(psycopg.Error, match="last_ws_owner"), world.admin.transaction():
        leave(world, "carol", by="carol")

    assert world.roles(ROCKETS)["carol"] == "ws_owner"


def test_workspace_of_a_removed_member_passes_to_the_admin_who_removes_them(world: WsWorld) -> None:
    leave(world, "carol", by="alice")

    assert world.roles(ROCKETS) == {"alice": "ws_owner", "dave": "ws_admin", "frank": "ws_user"}
    assert world.as_("alice").get(WS).json()["myRole"] == "ws_owner"


def test_admin_who_is_a_member_already_becomes_the_owner(world: WsWorld) -> None:
    leave(world, "carol", by="dave")

    assert world.roles(ROCKETS) == {"dave": "ws_owner", "frank": "ws_user"}


def test_workspace_of_a_deleted_user_passes_to_the_owner_of_the_organization(world: WsWorld) -> None:
    world.admin.execute("delete from access.users where id = %s", [IDS["carol"]])

    assert world.roles(ROCKETS)["alice"] == "ws_owner"


def test_second_owner_may_leave_the_organization(world: WsWorld) -> None:
    world.as_("carol").patch(f"{WS}/members/{IDS['dave']}", {"role": "ws_owner"})

    leave(world, "carol", by="carol")

    assert world.roles(ROCKETS) == {"dave": "ws_owner", "frank": "ws_user"}


def test_deleting_an_organization_deletes_its_workspaces(world: WsWorld) -> None:
    world.admin.execute("delete from access.orgs where id = %s", [ACME])

    assert {row["id"] for row in world.ws_rows("workspaces")} == {PLANS}
    assert {row["org_id"] for row in world.ws_rows("ws_activity")} == {GLOBEX}


def leave(world: WsWorld, name: str, *, by: str) -> None:
    """Remove a member of the organization as the module access does, on behalf of a user."""
    with world.admin.transaction():
        world.admin.execute(
            "select set_config('request.jwt.claims', json_build_object('sub', %s::uuid)::text, true)", [IDS[by]]
        )
        world.admin.execute("select access.remove_member(%s, %s)", [ACME, IDS[name]])


# --- activity ---------------------------------------------------------------------------------


def test_activity_says_who_did_what(world: WsWorld) -> None:
    carol = world.as_("carol")
    path = f"/workspaces/{create(carol)}"
    carol.patch(path, {"name": "Renamed", "tags": ["x"]})
    carol.patch(path, {"name": "Renamed"})
    carol.post(f"{path}/members", {"userId": str(IDS["dave"])})
    carol.patch(f"{path}/members/{IDS['dave']}", {"role": "ws_admin"})
    world.as_("dave").put(f"{path}/plugins/chat", {"enabled": False})
    world.as_("dave").delete(f"{path}/members/{IDS['dave']}")
    carol.delete(path)
    carol.post(f"{path}/restore")

    found = [item for page in pages(carol, f"{path}/activity", 4) for item in page]

    names = {str(id): name for name, id in IDS.items()}
    dave = str(IDS["dave"])
    # The two of the creation have the same time.
    assert [(item["event"], names[item["actorId"]], item["detail"]) for item in found[:-2]] == [
        ("restored", "carol", {}),
        ("deleted", "carol", {}),
        ("member_removed", "dave", {"user_id": dave}),
        ("plugin_changed", "dave", {"module": "chat", "from": None, "to": False}),
        ("role_changed", "carol", {"user_id": dave, "from": "ws_user", "to": "ws_admin"}),
        ("member_added", "carol", {"user_id": dave, "role": "ws_user"}),
        ("updated", "carol", {"fields": ["name", "tags"]}),
    ]
    assert {item["event"] for item in found[-2:]} == {"created", "member_added"}
