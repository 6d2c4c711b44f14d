"""Every route of the module, called by every type of user."""

from uuid import uuid4

import pytest

from org_common.testing.client import Answer
from tests.cora_modules.access.world import ACME, leaked
from tests.cora_modules.chat.world import APPS, DIARY, GONE, PAPERS, QUESTIONS, ChatWorld
from tests.cora_modules.ws.world import IDS, PEOPLE, ROCKETS

pytestmark = pytest.mark.db

LIST = f"/workspaces/{ROCKETS}/chats"
MINE = "/users/me/chats"
CHAT = f"/chats/{DIARY}"
MEMBERS = f"{CHAT}/members"
DAVE = f"{MEMBERS}/{IDS['dave']}"
BASES = f"{CHAT}/bases"
MESSAGES = f"{CHAT}/messages"
STREAM = f"{CHAT}/stream"
MESSAGE = f"{MESSAGES}/{QUESTIONS[DIARY]}"
ORG = f"/orgs/{ACME}/chats"
RESTORE = f"{ORG}/{GONE}/restore"

# The owner of the chat, its editor, its viewer, who is also an admin of the organization; a former member of the
# workspace and the owner of the organization, who do not see the chat; the owner of another organization; a user
# without an organization; the platform's admin and its owner; tokens of unknown users; an expired token; no token.
CAST = (
    "frank",
    "carol",
    "dave",
    "grace",
    "alice",
    "bob",
    "erin",
    "sam",
    "root",
    "stranger",
    "guest",
    "expired",
    "anonymous",
)
UNKNOWN = (403, 403, 401, 401)
OUTSIDE = (404, 404, 404, 404, *UNKNOWN)
HIDDEN = (404, 404, *OUTSIDE)
STATUSES = {
    ("GET", LIST): (200, 200, 200, *HIDDEN),
    ("POST", LIST): (201, 201, 201, *HIDDEN),
    ("GET", MINE): (*[200] * 9, *UNKNOWN),
    ("POST", MINE): (*[201] * 5, *[409] * 4, *UNKNOWN),
    ("GET", CHAT): (200, 200, 200, *HIDDEN),
    ("PATCH", CHAT): (200, 200, 403, *HIDDEN),
    ("DELETE", CHAT): (204, 204, 403, *HIDDEN),
    ("PUT", f"{CHAT}/favorite"): (204, 204, 204, *HIDDEN),
    ("DELETE", f"{CHAT}/favorite"): (204, 204, 204, *HIDDEN),
    ("GET", MEMBERS): (200, 200, 200, *HIDDEN),
    ("POST", MEMBERS): (201, 201, 403, *HIDDEN),
    # Dave leaves.
    ("DELETE", DAVE): (204, 204, 204, *HIDDEN),
    ("GET", BASES): (200, 200, 200, *HIDDEN),
    ("PUT", BASES): (200, 200, 403, *HIDDEN),
    ("POST", BASES): (201, 201, 403, *HIDDEN),
    ("GET", MESSAGES): (200, 200, 200, *HIDDEN),
    ("POST", MESSAGES): (201, 201, 403, *HIDDEN),
    ("GET", f"{MESSAGES}/export"): (200, 200, 200, *HIDDEN),
    ("GET", MESSAGE): (200, 200, 200, *HIDDEN),
    ("DELETE", MESSAGE): (204, 204, 403, *HIDDEN),
    ("POST", STREAM): (200, 200, 403, *HIDDEN),
    ("GET", ORG): (403, 403, 200, 403, 200, *OUTSIDE),
    ("POST", RESTORE): (403, 403, 200, 403, 200, *OUTSIDE),
}
BODIES: dict[tuple[str, str], dict[str, object]] = {
    ("POST", LIST): {"title": "New", "isShared": True},
    ("POST", MINE): {"title": "New", "orgId": str(ACME)},
    ("PATCH", CHAT): {"title": "Renamed"},
    ("POST", MEMBERS): {"userId": str(IDS["grace"]), "access": "edit"},
    ("PUT", BASES): {"baseIds": [str(PAPERS)]},
    ("POST", BASES): {"name": "More"},
    ("POST", MESSAGES): {"content": "Noted."},
    ("POST", STREAM): {"content": "What does the engine burn?"},
}
# What is so already: Carol's favorite, and favorites that the others do not have.
UNCHANGED = {
    ("PUT", f"{CHAT}/favorite", "carol"),
    ("DELETE", f"{CHAT}/favorite", "frank"),
    ("DELETE", f"{CHAT}/favorite", "dave"),
}
CASES = [
    (route, name, status) for route, statuses in STATUSES.items() for name, status in zip(CAST, statuses, strict=True)
]
SUCCESSES = [case for case in CASES if case[2] < 400]
READS = [case for case in SUCCESSES if case[0][0] == "GET" or (*case[0], case[1]) in UNCHANGED]
WRITES = [case for case in SUCCESSES if case not in READS]


def _case_id(case: tuple[tuple[str, str], str, int]) -> str:
    (method, path), name, status = case
    for id, what in ((ACME, "acme"), (ROCKETS, "rockets"), (DIARY, "diary"), (GONE, "gone"), (IDS["dave"], "dave")):
        path = path.replace(str(id), what)
    return f"{method} {path} {name} {status}"


def call(world: ChatWorld, route: tuple[str, str], name: str) -> Answer:
    method, path = route
    return world.as_(name).send(method, path, body=BODIES.get(route))


def test_cast_is_complete() -> None:
    assert set(CAST) == set(PEOPLE)


def test_table_has_every_route() -> None:
    ids = {"org_id": ACME, "ws_id": ROCKETS, "chat_id": DIARY, "user_id": IDS["dave"], "message_id": QUESTIONS[DIARY]}
    declared = {(route.method, route.path.format(**ids)) for app in APPS for route in app.routes}

    assert declared == {(method, path.replace(str(GONE), str(DIARY))) for method, path in STATUSES}


@pytest.mark.parametrize(("route", "name", "status"), READS, ids=map(_case_id, READS))
def test_read_succeeds(readonly_world: ChatWorld, route: tuple[str, str], name: str, status: int) -> None:
    assert call(readonly_world, route, name).status == status


@pytest.mark.parametrize(("route", "name", "status"), WRITES, ids=map(_case_id, WRITES))
def test_write_changes_something(world: ChatWorld, route: tuple[str, str], name: str, status: int) -> None:
    before = world.snapshot()

    response = call(world, route, name)

    assert response.status == status, response.body
    assert world.snapshot() != before


@pytest.mark.parametrize("route", STATUSES, ids=[_case_id((route, "", 0)) for route in STATUSES])
def test_refused_request_changes_nothing_and_leaks_nothing(readonly_world: ChatWorld, route: tuple[str, str]) -> None:
    refused = {name: status for name, status in zip(CAST, STATUSES[route], strict=True) if status >= 400}
    before = readonly_world.everything()

    responses = {name: call(readonly_world, route, name) for name in refused}

    assert {name: response.status for name, response in responses.items()} == refused
    assert {each.headers["content-type"] for each in responses.values()} == {"application/problem+json"}
    assert readonly_world.everything() == before
    # The instance of a problem is the path that the caller sent.
    secrets = readonly_world.secrets() - {str(QUESTIONS[DIARY])}
    assert [leaked(response, secrets) for response in responses.values()] == [[]] * len(responses)


@pytest.mark.parametrize("route", [route for route in STATUSES if CHAT in route[1]], ids=" ".join)
@pytest.mark.parametrize("name", ["alice", "grace", "bob"])
def test_hidden_chat_looks_absent(readonly_world: ChatWorld, route: tuple[str, str], name: str) -> None:
    method, path = route
    client, absent_id = readonly_world.as_(name), str(uuid4())

    hidden = client.send(method, path, body=BODIES.get(route))
    absent = client.send(method, path.replace(str(DIARY), absent_id), body=BODIES.get(route))

    assert (hidden.status, hidden.headers, hidden.body) == (absent.status, absent.headers, absent.body)


def test_personal_chats_of_others_are_not_listed(readonly_world: ChatWorld) -> None:
    bodies = {name: readonly_world.as_(name).get(MINE).json()["items"] for name in ("frank", "dave", "alice", "bob")}

    seen = {name: [item["id"] for item in items] for name, items in bodies.items()}
    assert seen == {"frank": [str(DIARY)], "dave": [str(DIARY)], "alice": [], "bob": []}


def test_administrator_learns_no_message(readonly_world: ChatWorld) -> None:
    response = readonly_world.as_("alice").get(ORG)

    assert leaked(response, {"question vb2", "answer vb2", "kerosene vb2"}) == []
    assert len(response.json()["items"]) == 4
