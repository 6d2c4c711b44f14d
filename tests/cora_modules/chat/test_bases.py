"""The knowledge bases of a chat."""

import pytest

from tests.cora_modules.access.world import ACME
from tests.cora_modules.chat.world import DIARY, HANDBOOK, LAUNCH, MANUALS, PAPERS, PRICES, ChatWorld

pytestmark = pytest.mark.db

BASES = f"/chats/{DIARY}/bases"


def names(world: ChatWorld, name: str, chat: object = DIARY) -> list[str]:
    return [item["scope"] for item in world.as_(name).get(f"/chats/{chat}/bases").json()["items"]]


def test_viewer_sees_those_that_they_may_read(readonly_world: ChatWorld) -> None:
    assert names(readonly_world, "dave") == ["chat", "organization"]
    assert names(readonly_world, "frank", LAUNCH) == ["workspace"]


def test_setting_replaces_them(world: ChatWorld) -> None:
    response = world.as_("frank").put(BASES, {"baseIds": [str(MANUALS), str(MANUALS), str(PAPERS)]})

    assert (response.status, names(world, "frank")) == (200, ["chat", "workspace"])
    assert world.as_("frank").put(BASES, {"baseIds": []}).json() == {"items": []}


@pytest.mark.parametrize("base_id", [PRICES, DIARY])
def test_base_that_the_caller_may_not_read_does_not_exist(world: ChatWorld, base_id: object) -> None:
    response = world.as_("frank").put(BASES, {"baseIds": [str(HANDBOOK), str(base_id)]})

    assert (response.status, response.json()["code"]) == (409, "broken_reference")
    assert names(world, "frank") == ["chat", "organization"]


def test_base_of_another_chat_does_not_exist(world: ChatWorld) -> None:
    """Carol may read it: she is an editor of the chat that it belongs to."""
    assert world.as_("carol").put(f"/chats/{LAUNCH}/bases", {"baseIds": [str(PAPERS)]}).status == 409


def test_bases_that_the_caller_may_not_read_stay(world: ChatWorld) -> None:
    """Another editor added one, of a workspace that Carol does not see."""
    other = world.put("ws.workspaces", org_id=ACME, name="Other", color="#000000")
    hidden = world.put("kb.kb_bases", org_id=ACME, scope="workspace", ws_id=other, name="Hidden")
    world.put("chat.chat_bases", org_id=ACME, chat_id=DIARY, base_id=hidden)

    kept = world.as_("carol").put(BASES, {"baseIds": [str(HANDBOOK)]})
    refused = world.as_("carol").put(BASES, {"baseIds": [str(hidden)]})

    assert [item["id"] for item in kept.json()["items"]] == [str(HANDBOOK)]
    assert (refused.status, refused.json()["code"]) == (409, "broken_reference")
    assert {row["base_id"] for row in world.chat_rows("chat_bases") if row["chat_id"] == DIARY} == {HANDBOOK, hidden}


def test_base_for_the_documents_of_a_chat(world: ChatWorld) -> None:
    response = world.as_("carol").post(BASES, {"name": "Sketches"})

    base = response.json()
    assert (response.status, response.headers["location"], base["scope"]) == (201, f"/kb/{base['id']}", "chat")
    assert names(world, "dave") == ["chat", "organization", "chat"]


def test_chat_has_at_most_twenty_bases(world: ChatWorld) -> None:
    statuses = [world.as_("frank").post(BASES, {"name": f"N{at}"}).status for at in range(19)]

    assert statuses == [201] * 18 + [409]
