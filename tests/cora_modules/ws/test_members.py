"""The members of a workspace."""

import pytest

from tests.cora_modules.access.world import pages
from tests.cora_modules.ws.world import IDS, ROCKETS, WsWorld

pytestmark = pytest.mark.db

MEMBERS = f"/workspaces/{ROCKETS}/members"


def member(name: str) -> str:
    return f"{MEMBERS}/{IDS[name]}"


def outcome(world: WsWorld, name: str, method: str, path: str, body: object = None) -> tuple[int, str | None]:
    response = world.as_(name).send(method, path, body=body)
    return response.status, response.json()["code"] if response.status >= 400 else None


def test_list_has_the_live_members_with_their_profiles(readonly_world: WsWorld) -> None:
    found = pages(readonly_world.as_("frank"), MEMBERS, 2)

    items = [item for page in found for item in page]
    assert {(item["email"], item["fullName"], item["role"]) for item in items} == {
        ("carol@zq7.example", "Carol", "ws_owner"),
        ("dave@zq7.example", "Dave", "ws_admin"),
        ("frank@zq7.example", "Frank", "ws_user"),
    }
    assert set(items[0]) == {"id", "email", "fullName", "avatarUrl", "role", "addedAt"}


def test_former_member_is_added_again(world: WsWorld) -> None:
    response = world.as_("dave").post(MEMBERS, {"userId": str(IDS["grace"]), "role": "ws_admin"})

    assert response.headers["location"] == member("grace")
    assert (response.json()["id"], response.json()["role"]) == (str(IDS["grace"]), "ws_admin")
    assert world.as_("grace").get(MEMBERS).status == 200


@pytest.mark.parametrize(
    ("name", "user", "role", "expected"),
    [
        ("dave", "grace", "ws_owner", (403, "forbidden")),
        ("dave", "frank", "ws_user", (409, "already_member")),
        # Owners of the organization and of another one: only members of the organization can be added.
        ("dave", "alice", "ws_user", (201, None)),
        ("dave", "bob", "ws_user", (409, "broken_reference")),
        ("dave", "erin", "ws_user", (409, "broken_reference")),
    ],
)
def test_adding_members(world: WsWorld, name: str, user: str, role: str, expected: tuple[int, str | None]) -> None:
    assert outcome(world, name, "POST", MEMBERS, {"userId": str(IDS[user]), "role": role}) == expected


def test_deactivated_user_cannot_be_added(world: WsWorld) -> None:
    world.admin.execute("update access.users set is_active = false where id = %s", [IDS["grace"]])

    added = outcome(world, "dave", "POST", MEMBERS, {"userId": str(IDS["grace"])})

    assert added == (409, "broken_reference")


def test_workspace_has_at_most_as_many_members_as_the_platform_allows(world: WsWorld) -> None:
    world.set_sys(max_members_per_workspace=4)

    added = [outcome(world, "carol", "POST", MEMBERS, {"userId": str(IDS[name])}) for name in ("grace", "alice")]

    assert added == [(201, None), (409, "too_many_members")]


@pytest.mark.parametrize(
    ("name", "user", "role", "expected"),
    [
        ("carol", "frank", "ws_owner", (200, None)),
        ("carol", "carol", "ws_user", (409, "last_owner")),
        ("dave", "frank", "ws_admin", (200, None)),
        ("dave", "frank", "ws_owner", (403, "forbidden")),
        ("dave", "dave", "ws_owner", (403, "forbidden")),
        ("dave", "dave", "ws_user", (200, None)),
        ("dave", "carol", "ws_user", (403, "forbidden")),
        ("dave", "grace", "ws_user", (404, "not_found")),
        ("frank", "frank", "ws_admin", (403, "forbidden")),
    ],
)
def test_changing_roles(world: WsWorld, name: str, user: str, role: str, expected: tuple[int, str | None]) -> None:
    assert outcome(world, name, "PATCH", member(user), {"role": role}) == expected


def test_patch_without_a_role_keeps_it(world: WsWorld) -> None:
    assert world.as_("dave").patch(member("frank"), {}).json()["role"] == "ws_user"


@pytest.mark.parametrize(
    ("name", "user", "expected"),
    [
        ("carol", "dave", (204, None)),
        ("carol", "carol", (409, "last_owner")),
        ("dave", "frank", (204, None)),
        ("dave", "carol", (403, "forbidden")),
        ("dave", "dave", (204, None)),
        ("frank", "frank", (204, None)),
        ("frank", "dave", (403, "forbidden")),
        ("dave", "grace", (404, "not_found")),
        ("grace", "grace", (404, "not_found")),
    ],
)
def test_removing_members(world: WsWorld, name: str, user: str, expected: tuple[int, str | None]) -> None:
    assert outcome(world, name, "DELETE", member(user)) == expected


def test_deactivated_owner_does_not_count(world: WsWorld) -> None:
    world.as_("carol").patch(member("dave"), {"role": "ws_owner"})
    world.admin.execute("update access.users set is_active = false where id = %s", [IDS["dave"]])

    assert outcome(world, "carol", "DELETE", member("carol")) == (409, "last_owner")


def test_removed_member_loses_the_favorite(world: WsWorld) -> None:
    world.as_("carol").delete(member("frank"))
    world.as_("carol").post(MEMBERS, {"userId": str(IDS["frank"])})

    assert world.as_("frank").get(f"/workspaces/{ROCKETS}").json()["isFavorite"] is False
