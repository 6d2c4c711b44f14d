"""Settings of answers: of the platform, of an organization, and both merged."""

from typing import Any
from uuid import uuid4

import pytest

from tests.cora_modules.access.world import ACME, GLOBEX, pointers
from tests.cora_modules.ai.test_cast import ORG_CONFIG, SYS_CONFIG
from tests.cora_modules.ai.world import EXTRACTS, LEXICAL, REMOTE, REMOTE_CHAT, REMOTE_EMBEDDING, AiWorld

pytestmark = pytest.mark.db

SYS, ORG = "/admin/sys/ai/config", f"/orgs/{ACME}/ai/config"


def test_settings_of_the_platform_are_replaced(world: AiWorld) -> None:
    sam = world.as_("sam")

    assert sam.send("PUT", SYS, body=SYS_CONFIG).json() == SYS_CONFIG
    assert sam.get(SYS).json() == SYS_CONFIG
    assert len(world.read("ai_config_sys")) == 1


def test_settings_of_an_organization_are_replaced(world: AiWorld) -> None:
    alice = world.as_("alice")

    assert alice.send("PUT", ORG, body=ORG_CONFIG).json() == ORG_CONFIG
    assert alice.get(ORG).json() == ORG_CONFIG
    assert world.as_("bob").get(f"/orgs/{GLOBEX}/ai/config").json()["mission"] == "globex-kw4-mission"


def test_organization_without_settings_has_the_defaults(world: AiWorld) -> None:
    world.admin.execute("delete from ai.ai_config_org")

    assert world.as_("alice").get(ORG).json() == {
        "mission": None,
        "customPrompts": [],
        "citationStyle": "numbers",
        "tone": "neutral",
        "maxResponseTokens": None,
        "chatModelId": None,
    }
    assert world.as_("alice").send("PUT", ORG, body=ORG_CONFIG).status == 200


def test_member_sees_the_merged_settings(world: AiWorld) -> None:
    world.as_("sam").send("PUT", SYS, body=SYS_CONFIG)
    world.as_("alice").send("PUT", ORG, body=ORG_CONFIG)

    effective = world.as_("carol").get(f"{ORG}/effective").json()

    assert effective.pop("prompt").split("\n\n") == [
        "Answer.",
        "The mission of the organization: To build rockets.",
        "Be kind.",
        "Answer in as few words as possible.",
        "Cite passages by number, as in [1], and end the answer with a list of the numbers and their titles.",
    ]
    assert effective == {
        "citationStyle": "footnotes",
        "tone": "concise",
        "temperature": 0.5,
        "maxTokens": 400,
        "topK": 4,
        "similarity": 0.25,
        "chatModelId": str(REMOTE_CHAT),
        "embeddingModelId": str(LEXICAL),
    }


@pytest.mark.parametrize(
    ("values", "pointer"),
    [
        ({"systemPrompt": ""}, "#/systemPrompt"),
        ({"temperature": 2.1}, "#/temperature"),
        ({"maxTokens": 0}, "#/maxTokens"),
        ({"topK": 101}, "#/topK"),
        ({"similarity": -0.1}, "#/similarity"),
        ({"chatModelId": "large"}, "#/chatModelId"),
    ],
)
def test_wrong_value_of_the_platform_is_refused(world: AiWorld, values: dict[str, Any], pointer: str) -> None:
    response = world.as_("sam").send("PUT", SYS, body=SYS_CONFIG | values)

    assert (response.status, pointers(response)) == (422, [("body", pointer)])


@pytest.mark.parametrize(
    ("values", "pointer"),
    [
        ({"mission": ""}, "#/mission"),
        ({"customPrompts": ["x"] * 21}, "#/customPrompts"),
        ({"customPrompts": [None]}, "#/customPrompts/0"),
        ({"citationStyle": "apa"}, "#/citationStyle"),
        ({"tone": "rude"}, "#/tone"),
        ({"maxResponseTokens": 0}, "#/maxResponseTokens"),
    ],
)
def test_wrong_value_of_an_organization_is_refused(world: AiWorld, values: dict[str, Any], pointer: str) -> None:
    response = world.as_("alice").send("PUT", ORG, body=ORG_CONFIG | values)

    assert (response.status, pointers(response)) == (422, [("body", pointer)])


def test_prompts_that_are_too_long_together_are_refused(world: AiWorld) -> None:
    response = world.as_("alice").send("PUT", ORG, body=ORG_CONFIG | {"customPrompts": ["x" * 9000] * 2})

    assert (response.status, response.json()["code"]) == (422, "invalid_value")


@pytest.mark.parametrize("path", [SYS, ORG])
def test_model_that_is_not_available_cannot_be_chosen(world: AiWorld, path: str) -> None:
    world.change("ai_providers", REMOTE, is_active=False)
    name, body = ("sam", SYS_CONFIG) if path == SYS else ("alice", ORG_CONFIG)

    response = world.as_(name).send("PUT", path, body=body | {"chatModelId": str(REMOTE_CHAT)})

    assert (response.status, response.json()["code"]) == (409, "no_model")


def test_other_settings_can_change_while_the_chosen_model_is_unavailable(world: AiWorld) -> None:
    alice = world.as_("alice")
    alice.send("PUT", ORG, body=ORG_CONFIG)
    world.change("ai_models", REMOTE_CHAT, status="unavailable")

    assert alice.send("PUT", ORG, body=ORG_CONFIG | {"tone": "formal"}).status == 200


@pytest.mark.parametrize("model_id", [REMOTE_EMBEDDING, uuid4()])
@pytest.mark.parametrize("path", [SYS, ORG])
def test_model_of_another_kind_or_none_is_a_broken_reference(world: AiWorld, path: str, model_id: object) -> None:
    name, body = ("sam", SYS_CONFIG) if path == SYS else ("alice", ORG_CONFIG)

    response = world.as_(name).send("PUT", path, body=body | {"chatModelId": str(model_id)})

    assert (response.status, response.json()["code"]) == (409, "broken_reference")


def test_embedding_model_must_embed(world: AiWorld) -> None:
    assert world.as_("sam").send("PUT", SYS, body=SYS_CONFIG | {"embeddingModelId": str(EXTRACTS)}).status == 409
