"""Every route of the module, called by every type of user."""

import json

import pytest

from tests.cora_modules.access.world import ACME, PEOPLE, is_problem, leaked
from tests.cora_modules.ai.protocols.frames import DONE, JSON, SSE, chunk
from tests.cora_modules.ai.protocols.server import Answer, Server
from tests.cora_modules.ai.world import ACME_SECRET, APPS, EXTRACTS, LEXICAL, REMOTE, REMOTE_CHAT, SYS_SECRET, AiWorld

pytestmark = pytest.mark.db

# Owner, admin and user of Acme; Globex's owner; a user without an organization; the platform's admin and its owner; two
# valid tokens of unknown users; alice's expired token; no token.
CAST = ("alice", "dave", "carol", "bob", "erin", "sam", "root", "stranger", "guest", "expired", "anonymous")


def platform(status: int = 200) -> tuple[int, ...]:
    return (403, 403, 403, 403, 403, status, status, 403, 403, 401, 401)


ORG_ADMIN = (200, 200, 403, 404, 404, 404, 404, 403, 403, 401, 401)
ORG_USER = (200, 200, 200, 404, 404, 404, 404, 403, 403, 401, 401)
SYS = "/admin/sys/ai"
STATUSES = {
    ("GET", f"{SYS}/providers"): platform(),
    ("POST", f"{SYS}/providers"): platform(201),
    ("GET", f"{SYS}/providers/{REMOTE}"): platform(),
    ("PATCH", f"{SYS}/providers/{REMOTE}"): platform(),
    ("DELETE", f"{SYS}/providers/{REMOTE}"): platform(204),
    ("POST", f"{SYS}/providers/{REMOTE}/discover"): platform(),
    ("POST", f"{SYS}/providers/{REMOTE}/test"): platform(),
    ("GET", f"{SYS}/models"): platform(),
    ("PATCH", f"{SYS}/models/{REMOTE_CHAT}"): platform(),
    ("POST", f"{SYS}/models/{REMOTE_CHAT}/test"): platform(),
    ("GET", f"{SYS}/config"): platform(),
    ("PUT", f"{SYS}/config"): platform(),
    ("GET", f"/orgs/{ACME}/ai/config"): ORG_ADMIN,
    ("PUT", f"/orgs/{ACME}/ai/config"): ORG_ADMIN,
    ("GET", f"/orgs/{ACME}/ai/config/effective"): ORG_USER,
}
SYS_CONFIG: dict[str, object] = {
    "chatModelId": str(EXTRACTS),
    "embeddingModelId": str(LEXICAL),
    "systemPrompt": "Answer.",
    "temperature": 0.5,
    "maxTokens": 900,
    "topK": 4,
    "similarity": 0.25,
}
ORG_CONFIG: dict[str, object] = {
    "mission": "To build rockets.",
    "customPrompts": ["Be kind."],
    "citationStyle": "footnotes",
    "tone": "concise",
    "maxResponseTokens": 400,
    "chatModelId": str(REMOTE_CHAT),
}
BODIES: dict[tuple[str, str], dict[str, object]] = {
    ("POST", f"{SYS}/providers"): {"name": "Ours", "kind": "openai", "baseUrl": "http://models.internal:8000/v1"},
    ("PATCH", f"{SYS}/providers/{REMOTE}"): {"isActive": False},
    ("PATCH", f"{SYS}/models/{REMOTE_CHAT}"): {"costIn": "0.25"},
    ("PUT", f"{SYS}/config"): SYS_CONFIG,
    ("PUT", f"/orgs/{ACME}/ai/config"): ORG_CONFIG,
}
# They call the provider, and change nothing.
UNCHANGED = {("POST", f"{SYS}/providers/{REMOTE}/test")}
SUCCESSES = [
    (route, name, status)
    for route, statuses in STATUSES.items()
    for name, status in zip(CAST, statuses, strict=True)
    if status < 400
]


def answers_of(route: tuple[str, str]) -> list[Answer]:
    """What the provider answers to the call that the route makes."""
    if route[1].endswith(f"{REMOTE_CHAT}/test"):
        return [Answer([chunk("Yes"), chunk(reason="stop"), DONE], headers=SSE)]
    return [Answer([json.dumps({"data": [{"id": "large"}, {"id": "new"}]}).encode()], headers=JSON)]


def _id(case: tuple[tuple[str, str], str, int]) -> str:
    (method, path), name, status = case
    return f"{method} {path.replace(str(ACME), 'acme')} {name} {status}"


def test_cast_is_complete() -> None:
    assert set(CAST) == set(PEOPLE)


def test_table_has_every_route() -> None:
    ids = {"org_id": ACME, "provider_id": REMOTE, "model_id": REMOTE_CHAT}
    declared = {(route.method, route.path.format(**ids)) for app in APPS for route in app.routes}

    assert declared == set(STATUSES)


@pytest.mark.parametrize(("route", "name", "status"), SUCCESSES, ids=map(_id, SUCCESSES))
def test_allowed_request_succeeds(
    world: AiWorld, remote: Server, route: tuple[str, str], name: str, status: int
) -> None:
    remote.answers = answers_of(route)
    before = world.snapshot()

    response = world.as_(name).send(*route, body=BODIES.get(route))

    assert response.status == status
    assert (world.snapshot() == before) is (route[0] == "GET" or route in UNCHANGED)
    assert "sk-secret-vx3" not in response.body.decode()


@pytest.mark.parametrize("route", STATUSES, ids=lambda route: " ".join(route).replace(str(ACME), "acme"))
def test_refused_requests_change_nothing_call_no_provider_and_leak_nothing(
    world: AiWorld, remote: Server, route: tuple[str, str]
) -> None:
    remote.answers = answers_of(route)
    refused = {name: status for name, status in zip(CAST, STATUSES[route], strict=True) if status >= 400}
    before = world.snapshot()

    responses = {name: world.as_(name).send(*route, body=BODIES.get(route)) for name in refused}

    assert {name: response.status for name, response in responses.items()} == refused
    assert (world.snapshot() == before, remote.requests) == (True, [])
    secrets = {ACME_SECRET, SYS_SECRET, "sk-secret-vx3", *world.secrets()}
    for response in responses.values():
        assert is_problem(response)
        assert leaked(response, secrets - {str(ACME)}) == []
