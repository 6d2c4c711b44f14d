"""The members of a chat."""

import pytest

from tests.cora_modules.access.world import pages
from tests.cora_modules.chat.world import DIARY, NOTES, ChatWorld
from tests.cora_modules.ws.world import IDS

pytestmark = pytest.mark.db

MEMBERS = f"/chats/{DIARY}/members"


def test_list_has_the_members_with_their_profiles(readonly_world: ChatWorld) -> None:
    items = [item for page in pages(readonly_world.as_("dave"), MEMBERS, 1) for item in page]

    assert {(item["email"], item["access"]) for item in items} == {
        ("carol@zq7.example", "edit"),
        ("dave@zq7.example", "view"),
    }
    assert set(items[0]) == {"id", "email", "fullName", "avatarUrl", "access", "createdAt"}


def test_new_member_sees_the_chat(world: ChatWorld) -> None:
    response = world.as_("carol").post(MEMBERS, {"userId": str(IDS["grace"])})

    assert (response.status, response.headers["location"]) == (201, f"{MEMBERS}/{IDS['grace']}")
    assert world.as_("grace").get(f"/chats/{DIARY}").json()["myAccess"] == "view"


@pytest.mark.parametrize(
    ("chat", "user", "expected"),
    [
        (DIARY, "frank", "already_member"),
        (DIARY, "dave", "already_member"),
        (DIARY, "bob", "broken_reference"),
        (DIARY, "erin", "broken_reference"),
        # Of the organization, and not of the workspace.
        (NOTES, "alice", "broken_reference"),
    ],
)
def test_who_cannot_become_a_member(world: ChatWorld, chat: object, user: str, expected: str) -> None:
    response = world.as_("carol").post(f"/chats/{chat}/members", {"userId": str(IDS[user])})

    assert (response.status, response.json()["code"]) == (409, expected)


def test_deactivated_user_cannot_be_added(world: ChatWorld) -> None:
    world.admin.execute("update access.users set is_active = false where id = %s", [IDS["grace"]])

    assert world.as_("frank").post(MEMBERS, {"userId": str(IDS["grace"])}).json()["code"] == "broken_reference"


def test_chat_has_at_most_200_members(world: ChatWorld) -> None:
    for at in range(198):
        user_id = world.insert("users", email=f"u{at}@zq7.example", full_name="U")
        org_id = world.chat_rows("chats", f"id = '{DIARY}'")[0]["org_id"]
        world.insert("org_members", org_id=org_id, user_id=user_id, org_role="org_user")
        world.put("chat.chat_members", org_id=org_id, chat_id=DIARY, user_id=user_id, access="view")

    assert world.as_("frank").post(MEMBERS, {"userId": str(IDS["grace"])}).json()["code"] == "too_many_members"


def test_removed_member_loses_the_chat_and_the_favorite(world: ChatWorld) -> None:
    assert world.as_("frank").delete(f"{MEMBERS}/{IDS['carol']}").status == 204

    assert world.as_("carol").get(f"/chats/{DIARY}").status == 404
    assert [row for row in world.chat_rows("chat_favorites") if row["chat_id"] == DIARY] == []


def test_owner_is_no_member_to_remove(world: ChatWorld) -> None:
    assert world.as_("carol").delete(f"{MEMBERS}/{IDS['frank']}").status == 404
