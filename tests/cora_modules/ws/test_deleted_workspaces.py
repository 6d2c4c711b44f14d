"""The list of the deleted workspaces that the caller can restore."""

import pytest

from tests.cora_modules.access.world import ACME, pages
from tests.cora_modules.ws.world import IDS, OLD, ROCKETS, WsWorld, expire

pytestmark = pytest.mark.db

LIST = f"/orgs/{ACME}/workspaces"
DELETED = f"{LIST}/deleted"
WS = f"/workspaces/{ROCKETS}"


def deleted(world: WsWorld, name: str) -> list[str]:
    """The names of the deleted workspaces that this user can restore."""
    return [each["name"] for each in world.as_(name).get(DELETED).json()["items"]]


def test_deleted_workspace_is_listed_until_it_is_restored(world: WsWorld) -> None:
    world.as_("carol").delete(WS)

    latest, old = world.as_("carol").get(DELETED).json()["items"]
    (row,) = world.ws_rows("workspaces", f"id = '{ROCKETS}'")
    assert latest == {
        "id": str(ROCKETS),
        "name": "Rockets Qx3",
        "description": "Rocket plans Qx3",
        "color": "#112233",
        "icon": None,
        "deletedAt": row["deleted_at"].isoformat().replace("+00:00", "Z"),
        "deletedBy": str(IDS["carol"]),
        "restorableUntil": row["purge_at"].isoformat().replace("+00:00", "Z"),
    }
    assert world.as_("carol").post(f"/workspaces/{old['id']}/restore").status == 200
    assert deleted(world, "carol") == ["Rockets Qx3"]


def test_only_owners_see_what_was_deleted(world: WsWorld) -> None:
    world.as_("carol").delete(WS)

    seen = {name: deleted(world, name) for name in ("carol", "dave", "frank", "grace", "alice")}
    assert seen == {"carol": ["Rockets Qx3", "Old Qx3"], "dave": [], "frank": [], "grace": [], "alice": []}


def test_owner_who_was_removed_before_the_deletion_does_not_see_it(world: WsWorld) -> None:
    carol = world.as_("carol")
    carol.post(f"{WS}/transfer", {"userId": str(IDS["dave"])})
    world.as_("dave").delete(f"{WS}/members/{IDS['carol']}")
    world.as_("dave").delete(WS)

    assert (deleted(world, "carol"), deleted(world, "dave")) == (["Old Qx3"], ["Rockets Qx3"])


def test_owner_who_left_the_organization_does_not_see_it(world: WsWorld) -> None:
    world.admin.execute("delete from access.org_members where user_id = %s", [IDS["carol"]])
    world.insert("org_members", org_id=ACME, user_id=IDS["carol"], org_role="org_user")

    assert deleted(world, "carol") == []


def test_workspace_past_its_retention_is_not_listed(world: WsWorld) -> None:
    expire(world, OLD)

    assert deleted(world, "carol") == []


def test_pages_of_deleted_workspaces_are_complete(world: WsWorld) -> None:
    names = [f"Gone {at}" for at in range(5)]
    carol = world.as_("carol")
    for name in names:
        carol.delete(carol.post(LIST, {"name": name}).headers["location"])
    # Three of one moment.
    world.admin.execute("update ws.workspaces set deleted_at = now() where name in ('Gone 1', 'Gone 2', 'Gone 3')")

    items = [each for page in pages(carol, DELETED, 2) for each in page]

    assert sorted(each["name"] for each in items) == [*names, "Old Qx3"]
    assert [each["deletedAt"] for each in items] == sorted((each["deletedAt"] for each in items), reverse=True)
