"""Providers and their models: requests of the platform's administrators."""

import json
import logging
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.cora_modules.access.world import ACME, pages, pointers
from tests.cora_modules.ai.protocols.frames import DONE, JSON, SSE, chunk
from tests.cora_modules.ai.protocols.server import Answer, Server
from tests.cora_modules.ai.world import (
    EXTRACTS,
    LEXICAL,
    LOCAL,
    REMOTE,
    REMOTE_CHAT,
    REMOTE_EMBEDDING,
    WORD_VECTORS,
    AiWorld,
)

pytestmark = pytest.mark.db

PROVIDERS, MODELS = "/admin/sys/ai/providers", "/admin/sys/ai/models"
NEW: dict[str, Any] = {
    "name": "Ours",
    "kind": "openai",
    "auth": "secret",
    "secretRef": "ai/ours#key",
    "baseUrl": "https://models.example/v1",
}


def listing(*names: str) -> Answer:
    return Answer([json.dumps({"data": [{"id": name} for name in names]}).encode()], headers=JSON)


def of_remote(world: AiWorld) -> dict[str, str]:
    """The status of each model of the provider."""
    return {row["model_id"]: row["status"] for row in world.read("ai_models") if row["provider_id"] == REMOTE}


# --- providers --------------------------------------------------------------------------------


def test_provider_is_created_read_changed_and_removed(world: AiWorld) -> None:
    sam = world.as_("sam")

    created = sam.post(PROVIDERS, NEW)
    path = created.headers["location"]
    assert created.status == 201
    assert path == f"{PROVIDERS}/{created.json()['id']}"
    assert sam.get(path).json() == created.json()
    assert created.json() | NEW == created.json()
    assert (created.json()["isActive"], created.json()["modelCount"]) == (True, 0)

    changed = sam.patch(path, {"baseUrl": "https://other.example/v1", "isActive": False})
    assert (changed.json()["baseUrl"], changed.json()["isActive"], changed.json()["name"]) == (
        "https://other.example/v1",
        False,
        "Ours",
    )
    assert sam.send("DELETE", path).status == 204
    assert sam.get(path).status == 404


def test_providers_are_paged_by_name(world: AiWorld) -> None:
    found = pages(world.as_("sam"), PROVIDERS, 1)

    assert [[each["name"] for each in page] for page in found] == [["local"], ["remote"]]
    assert [page[0]["modelCount"] for page in found] == [3, 2]


@pytest.mark.parametrize(
    ("path", "what"),
    [
        (PROVIDERS, "ai/providers"),
        (f"{PROVIDERS}/{REMOTE}", "ai/providers"),
        (MODELS, "ai/models"),
        ("/admin/sys/ai/config", "ai/config"),
    ],
)
def test_reads_of_administrators_are_logged(
    world: AiWorld, caplog: pytest.LogCaptureFixture, path: str, what: str
) -> None:
    with caplog.at_level(logging.INFO, "org_common.audit"):
        world.as_("sam").get(path)

    (read,) = (record.__dict__["sys_read"] for record in caplog.records if "sys_read" in record.__dict__)
    assert (read["what"], read["sub"]) == (what, "local|sam")


@pytest.mark.parametrize(
    ("values", "pointer"),
    [
        ({"secretRef": "sk-proj-k3y"}, "#/secretRef"),
        ({"secretRef": "prod/database#password"}, "#/secretRef"),
        ({"secretRef": "Bearer k3y"}, "#/secretRef"),
        ({"secretRef": None}, "#/secretRef"),
        ({"auth": "iam_role"}, "#/secretRef"),
        ({"apiKey": "sk-proj-k3y"}, "#/apiKey"),
        ({"key": "k3y"}, "#/key"),
        ({"baseUrl": "https://user:k3y@models.example/v1"}, "#/baseUrl"),
        ({"baseUrl": "https://models.example/v1?key=k3y"}, "#/baseUrl"),
        ({"baseUrl": "https://models.example/v1#k3y"}, "#/baseUrl"),
        ({"baseUrl": "file:///etc/k3y"}, "#/baseUrl"),
        ({"baseUrl": "https://models.example:99999/k3y"}, "#/baseUrl"),
        ({"baseUrl": "https://models.example/k3y\r\nHost: other"}, "#/baseUrl"),
        ({"baseUrl": None}, "#/baseUrl"),
        ({"kind": "k3y"}, "#/kind"),
        ({"kind": "bedrock"}, "#/auth"),
        ({"region": "k3y"}, "#/region"),
        ({"name": ""}, "#/name"),
    ],
)
def test_key_or_wrong_value_in_the_body_is_refused_and_not_repeated(
    world: AiWorld, caplog: pytest.LogCaptureFixture, values: dict[str, Any], pointer: str
) -> None:
    before = world.snapshot()

    response = world.as_("sam").post(PROVIDERS, NEW | values)

    assert response.status == 422
    assert ("body", pointer) in pointers(response)
    assert "k3y" not in response.body.decode().replace(pointer, "")
    assert "k3y" not in caplog.text
    assert world.snapshot() == before


@pytest.mark.parametrize("missing", ["secretRef", "baseUrl"])
def test_field_that_another_one_requires_is_missing(world: AiWorld, missing: str) -> None:
    response = world.as_("sam").post(PROVIDERS, {name: value for name, value in NEW.items() if name != missing})

    assert (response.status, response.json()["code"]) == (422, "invalid_value")


@pytest.mark.parametrize("values", [{"secretRef": "sk-proj-k3y"}, {"apiKey": "k3y"}, {"kind": "local"}])
def test_key_in_a_change_is_refused_too(world: AiWorld, values: dict[str, Any]) -> None:
    assert world.as_("sam").patch(f"{PROVIDERS}/{REMOTE}", values).status == 422


@pytest.mark.parametrize("values", [{"auth": "iam_role"}, {"secretRef": None}, {"baseUrl": None}])
def test_change_that_contradicts_other_columns_is_refused(world: AiWorld, values: dict[str, Any]) -> None:
    response = world.as_("sam").patch(f"{PROVIDERS}/{REMOTE}", values)

    assert (response.status, response.json()["code"]) == (422, "invalid_value")


def test_second_provider_of_a_name_is_a_duplicate(world: AiWorld) -> None:
    assert world.as_("sam").post(PROVIDERS, NEW | {"name": "remote"}).status == 409


def test_provider_of_the_platforms_model_cannot_be_removed(world: AiWorld) -> None:
    response = world.as_("sam").send("DELETE", f"{PROVIDERS}/{LOCAL}")

    assert (response.status, response.json()["code"]) == (409, "broken_reference")


def test_removed_provider_leaves_organizations_the_platforms_model_and_calls_their_cost(world: AiWorld) -> None:
    world.admin.execute("update ai.ai_config_org set chat_model_id = %s", [REMOTE_CHAT])

    assert world.as_("sam").send("DELETE", f"{PROVIDERS}/{REMOTE}").status == 204

    assert {row["chat_model_id"] for row in world.read("ai_config_org")} == {None}
    assert [(row["model_id"], row["cost"]) for row in world.read("ai_calls")] == [(None, Decimal("0.006"))] * 2
    effective = world.as_("carol").get(f"/orgs/{ACME}/ai/config/effective").json()
    assert effective["chatModelId"] == str(EXTRACTS)


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_unknown_provider_is_not_found(world: AiWorld, method: str) -> None:
    assert world.as_("sam").send(method, f"{PROVIDERS}/{uuid4()}", body={} if method == "PATCH" else None).status == 404


# --- discovery --------------------------------------------------------------------------------


def test_discovery_stores_new_models_and_keeps_what_administrators_decided(world: AiWorld, remote: Server) -> None:
    world.change("ai_models", REMOTE_CHAT, status="deprecated")
    remote.answers = [listing("large", "new", "new-embed-3", "new", "", "x" * 201)]

    found = world.as_("sam").post(f"{PROVIDERS}/{REMOTE}/discover", None)

    assert (found.status, found.json()) == (200, {"found": 3, "added": 2, "gone": 1})
    assert of_remote(world) == {
        "large": "deprecated",
        "small-vectors": "unavailable",
        "new": "discovered",
        "new-embed-3": "discovered",
    }
    rows = {row["model_id"]: row for row in world.read("ai_models")}
    assert (rows["large"]["cost_in"], rows["new"]["kind"], rows["new-embed-3"]["kind"]) == (
        Decimal("0.003"),
        "chat",
        "embedding",
    )
    assert rows["large"]["last_checked_at"] is not None
    assert remote.requests[0].headers["authorization"] == "Bearer sk-secret-vx3"


def test_discovery_can_be_repeated(world: AiWorld, remote: Server) -> None:
    remote.answers = [listing("large", "new")]
    sam = world.as_("sam")

    results = [sam.post(f"{PROVIDERS}/{REMOTE}/discover", None).json() for _ in range(2)]

    assert results == [{"found": 2, "added": 1, "gone": 1}, {"found": 2, "added": 0, "gone": 0}]


def test_model_that_is_listed_again_can_be_tested_again(world: AiWorld, remote: Server) -> None:
    remote.answers = [listing(), listing("large", "small-vectors")]
    for _ in range(2):
        world.as_("sam").post(f"{PROVIDERS}/{REMOTE}/discover", None)

    assert of_remote(world) == {"large": "discovered", "small-vectors": "discovered"}


def test_discovery_of_the_embedded_provider_needs_no_network(world: AiWorld) -> None:
    found = world.as_("sam").post(f"{PROVIDERS}/{LOCAL}/discover", None)

    assert found.json() == {"found": 4, "added": 1, "gone": 0}


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        (Answer(status=503), 503, "provider_unavailable"),
        (Answer(status=429), 503, "provider_unavailable"),
        (Answer(status=401), 409, "provider_refused"),
        (Answer([b"{}"], headers=JSON), 409, "provider_refused"),
    ],
)
def test_provider_that_does_not_list_its_models_changes_nothing(
    world: AiWorld, remote: Server, answer: Answer, status: int, code: str
) -> None:
    remote.answers = [answer]
    before = world.snapshot()

    response = world.as_("sam").post(f"{PROVIDERS}/{REMOTE}/discover", None)

    assert (response.status, response.json()["code"]) == (status, code)
    assert world.snapshot() == before


# --- tests ------------------------------------------------------------------------------------


def test_test_of_a_provider(world: AiWorld, remote: Server) -> None:
    remote.answers = [listing("large"), Answer(status=401)]
    sam = world.as_("sam")

    good, bad = (sam.post(f"{PROVIDERS}/{REMOTE}/test", None).json() for _ in range(2))

    assert (good["ok"], good["errorKind"], good["detail"]) == (True, None, None)
    assert (bad["ok"], bad["errorKind"], "401" in bad["detail"]) == (False, "refused", True)


ANSWERED = Answer([chunk("Yes"), chunk(reason="stop"), DONE], headers=SSE)
EMBEDDED = Answer([b'{"data": [{"index": 0, "embedding": [1, 0, 0, 0, 0, 0, 0, 0]}]}'], headers=JSON)


@pytest.mark.parametrize(
    ("model_id", "answer", "kind", "before", "after"),
    [
        (REMOTE_CHAT, ANSWERED, None, "discovered", "available"),
        (REMOTE_CHAT, ANSWERED, None, "unavailable", "available"),
        (REMOTE_CHAT, ANSWERED, None, "deprecated", "deprecated"),
        (REMOTE_CHAT, Answer(status=404), "refused", "available", "unavailable"),
        (REMOTE_CHAT, Answer(status=404), "refused", "deprecated", "deprecated"),
        (REMOTE_CHAT, Answer(status=503), "unavailable", "available", "available"),
        (REMOTE_CHAT, Answer(status=503), "unavailable", "discovered", "discovered"),
        (REMOTE_CHAT, Answer([chunk("Yes")], headers=SSE), "cut", "available", "available"),
        (REMOTE_EMBEDDING, EMBEDDED, None, "discovered", "available"),
        (REMOTE_EMBEDDING, Answer([b"{}"], headers=JSON), "invalid_response", "available", "unavailable"),
    ],
)
def test_test_of_a_model_decides_whether_it_is_used(
    world: AiWorld, remote: Server, model_id: UUID, answer: Answer, kind: str | None, before: str, after: str
) -> None:
    world.change("ai_models", model_id, status=before)
    remote.answers = [answer]

    tried = world.as_("sam").post(f"{MODELS}/{model_id}/test", None).json()

    row = world.read_one("ai_models", model_id)
    assert (tried["ok"], tried["errorKind"], row["status"]) == (kind is None, kind, after)
    assert row["last_checked_at"] is not None


def test_test_finds_the_dimensions(world: AiWorld, remote: Server) -> None:
    world.change("ai_models", REMOTE_EMBEDDING, dimensions=None)
    remote.answers = [EMBEDDED]

    world.as_("sam").post(f"{MODELS}/{REMOTE_EMBEDDING}/test", None)

    assert world.read_one("ai_models", REMOTE_EMBEDDING)["dimensions"] == 8


def test_model_with_other_dimensions_is_unavailable(world: AiWorld, remote: Server) -> None:
    world.change("ai_models", REMOTE_EMBEDDING, dimensions=3)
    remote.answers = [EMBEDDED]

    tried = world.as_("sam").post(f"{MODELS}/{REMOTE_EMBEDDING}/test", None).json()

    assert tried["detail"] == "a vector has 8 dimensions instead of 3"
    assert world.read_one("ai_models", REMOTE_EMBEDDING)["status"] == "unavailable"


def test_embedded_model_answers_its_test(world: AiWorld) -> None:
    assert world.as_("sam").post(f"{MODELS}/{EXTRACTS}/test", None).json()["ok"] is True


# --- models -----------------------------------------------------------------------------------


def test_models_are_paged_by_name(world: AiWorld) -> None:
    names = [each["modelId"] for page in pages(world.as_("sam"), MODELS, 2) for each in page]

    assert names == sorted(names)
    assert len(names) == 5


def test_prices_are_exact(world: AiWorld) -> None:
    changed = world.as_("sam").patch(f"{MODELS}/{REMOTE_CHAT}", {"costIn": "0.00000001", "costOut": 9999.5})

    assert Decimal(changed.json()["costIn"]) == Decimal("0.00000001")
    row = world.read_one("ai_models", REMOTE_CHAT)
    assert (row["cost_in"], row["cost_out"]) == (Decimal("0.00000001"), Decimal("9999.5"))


@pytest.mark.parametrize(
    ("patch", "pointer"),
    [
        ({"costIn": "-1"}, "#/costIn"),
        ({"costIn": "0.000000001"}, "#/costIn"),
        ({"costOut": None}, "#/costOut"),
        ({"status": "new"}, "#/status"),
        ({"dimensions": 0}, "#/dimensions"),
        ({"modelId": "other"}, "#/modelId"),
    ],
)
def test_wrong_value_of_a_model_is_refused(world: AiWorld, patch: dict[str, Any], pointer: str) -> None:
    response = world.as_("sam").patch(f"{MODELS}/{REMOTE_CHAT}", patch)

    assert (response.status, pointers(response)[0]) == (422, ("body", pointer))


def test_kind_of_the_platforms_model_cannot_change(world: AiWorld) -> None:
    response = world.as_("sam").patch(f"{MODELS}/{EXTRACTS}", {"kind": "embedding"})

    assert (response.status, response.json()["code"]) == (409, "broken_reference")


@pytest.mark.parametrize("model_id", [LEXICAL, WORD_VECTORS])
def test_dimensions_belong_to_vectors(world: AiWorld, model_id: UUID) -> None:
    response = world.as_("sam").patch(f"{MODELS}/{REMOTE_CHAT}", {"dimensions": 8})

    assert response.status == 422
