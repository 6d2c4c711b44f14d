"""Chats: creation, lists, changes, deletion and restoration."""

from typing import Any

import pytest

from tests.cora_modules.access.world import ACME, GLOBEX, pages
from tests.cora_modules.chat.world import DIARY, GONE, LAUNCH, NOTES, ChatWorld
from tests.cora_modules.ws.world import IDS, OLD, PLANS, ROCKETS

pytestmark = pytest.mark.db

IN_ROCKETS = f"/workspaces/{ROCKETS}/chats"


def titles(world: ChatWorld, name: str, path: str, **query: Any) -> list[str]:
    return [item["title"] for item in world.as_(name).get(path, **query).json()["items"]]


@pytest.mark.parametrize(
    ("name", "filter", "expected"),
    [
        ("carol", "all", {"Launch Vb2", "Notes Vb2"}),
        ("carol", "mine", {"Launch Vb2", "Notes Vb2"}),
        ("carol", "shared", set()),
        ("dave", "all", {"Launch Vb2", "Notes Vb2"}),
        ("dave", "shared", {"Launch Vb2", "Notes Vb2"}),
        ("dave", "mine", set()),
        ("frank", "all", {"Launch Vb2"}),
    ],
)
def test_workspace_lists_what_the_caller_sees(
    readonly_world: ChatWorld, name: str, filter: str, expected: set[str]
) -> None:
    assert set(titles(readonly_world, name, IN_ROCKETS, filter=filter)) == expected


def test_unknown_filter_is_refused_with_a_pointer(readonly_world: ChatWorld) -> None:
    response = readonly_world.as_("carol").get(IN_ROCKETS, filter="theirs")

    assert (response.status, response.json()["errors"][0]["pointer"]) == (422, "#/filter")


def test_chat_with_the_latest_message_is_first(world: ChatWorld) -> None:
    before = titles(world, "carol", IN_ROCKETS)
    world.as_("carol").post(f"/chats/{LAUNCH if before[-1] == 'Launch Vb2' else NOTES}/messages", {"content": "Hello"})

    assert titles(world, "carol", IN_ROCKETS) == before[::-1]
    assert [page[0]["title"] for page in pages(world.as_("carol"), IN_ROCKETS, 1)] == before[::-1]


def test_new_chat_is_of_the_caller_alone(world: ChatWorld) -> None:
    response = world.as_("frank").post(IN_ROCKETS, {})

    chat = response.json()
    assert response.headers["location"] == f"/chats/{chat['id']}"
    assert (chat["title"], chat["myAccess"], chat["isShared"], chat["wsId"]) == (
        *("New chat", "owner", False, str(ROCKETS)),
    )
    assert world.as_("carol").get(f"/chats/{chat['id']}").status == 404


def test_sharing_shows_it_to_the_workspace_for_reading(world: ChatWorld) -> None:
    chat = world.as_("frank").post(IN_ROCKETS, {}).json()["id"]
    world.as_("frank").patch(f"/chats/{chat}", {"isShared": True})

    assert world.as_("carol").get(f"/chats/{chat}").json()["myAccess"] == "view"
    assert world.as_("carol").patch(f"/chats/{chat}", {"title": "Mine"}).status == 403


def test_personal_chat_cannot_be_shared_with_a_workspace(world: ChatWorld) -> None:
    response = world.as_("frank").patch(f"/chats/{DIARY}", {"isShared": True})

    assert (response.status, response.json()["errors"][0]["pointer"]) == (422, "#/isShared")


def test_personal_chat_is_of_an_organization_of_the_caller(world: ChatWorld) -> None:
    assert world.as_("frank").post("/users/me/chats", {"orgId": str(GLOBEX)}).status == 409
    assert world.as_("frank").post("/users/me/chats", {}).status == 422


def test_repeated_request_creates_one_chat(world: ChatWorld) -> None:
    body, key = {"orgId": str(ACME), "title": "Once"}, {"idempotency-key": "k1"}

    first, second = (world.as_("alice").post("/users/me/chats", body, headers=key) for _ in range(2))

    assert first.json() == second.json()
    assert titles(world, "alice", "/users/me/chats") == ["Once"]


def test_patch_changes_what_is_sent(world: ChatWorld) -> None:
    changed = world.as_("dave").patch(f"/chats/{NOTES}", {"title": " Better "}).json()

    assert (changed["title"], changed["isShared"], changed["myAccess"]) == ("Better", False, "edit")
    assert world.as_("dave").patch(f"/chats/{NOTES}", {"title": None}).status == 422


def test_deleted_chat_is_gone_until_an_administrator_restores_it(world: ChatWorld) -> None:
    world.as_("carol").delete(f"/chats/{DIARY}")

    assert world.as_("frank").get(f"/chats/{DIARY}").status == 404
    assert titles(world, "frank", "/users/me/chats") == []
    restored = world.as_("alice").post(f"/orgs/{ACME}/chats/{DIARY}/restore")
    assert (restored.status, restored.json()["deletedAt"]) == (200, None)
    assert len(world.as_("frank").get(f"/chats/{DIARY}/messages").json()["items"]) == 2
    assert world.as_("alice").get(f"/chats/{DIARY}").status == 404


def test_restoring_what_is_not_deleted_is_a_conflict(world: ChatWorld) -> None:
    response = world.as_("alice").post(f"/orgs/{ACME}/chats/{DIARY}/restore")

    assert (response.status, response.json()["code"]) == (409, "not_deleted")


def test_chat_of_another_organization_is_not_restored(world: ChatWorld) -> None:
    assert world.as_("bob").post(f"/orgs/{GLOBEX}/chats/{GONE}/restore").status == 404


def test_who_leaves_the_workspace_loses_its_chats(world: ChatWorld) -> None:
    world.admin.execute(
        "update ws.ws_members set deleted_at = now(), purge_at = now() where user_id = %s and ws_id = %s",
        [IDS["dave"], ROCKETS],
    )

    assert {world.as_("dave").get(f"/chats/{chat}").status for chat in (LAUNCH, NOTES)} == {404}


def test_owner_who_leaves_the_organization_loses_the_chat(world: ChatWorld) -> None:
    world.admin.execute("delete from access.org_members where user_id = %s", [IDS["frank"]])

    assert world.as_("frank").get(f"/chats/{DIARY}").status == 404
    assert world.as_("carol").get(f"/chats/{DIARY}").status == 200


@pytest.mark.parametrize("ws_id", [OLD, PLANS])
def test_no_chat_in_a_workspace_that_the_caller_does_not_see(world: ChatWorld, ws_id: object) -> None:
    assert world.as_("carol").post(f"/workspaces/{ws_id}/chats", {}).status == 404


def test_favorite_is_of_the_caller(world: ChatWorld) -> None:
    for _ in range(2):
        assert world.as_("dave").put(f"/chats/{DIARY}/favorite").status == 204

    marked = {name: world.as_(name).get(f"/chats/{DIARY}").json()["isFavorite"] for name in ("frank", "carol", "dave")}
    assert marked == {"frank": False, "carol": True, "dave": True}
