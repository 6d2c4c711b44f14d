"""Every route of the module, called by every type of user."""

from uuid import uuid4

import pytest

from org_common.testing.client import Answer
from tests.cora_modules.access.world import ACME, leaked
from tests.cora_modules.ws.world import APPS, IDS, OLD, PEOPLE, ROCKETS, WsWorld

pytestmark = pytest.mark.db

LIST = f"/orgs/{ACME}/workspaces"
ORG_CONFIG = f"/orgs/{ACME}/ws/config"
SYS_CONFIG = "/admin/sys/ws/config"
DELETED = f"{LIST}/deleted"
WS = f"/workspaces/{ROCKETS}"
MEMBERS = f"{WS}/members"
FRANK = f"{MEMBERS}/{IDS['frank']}"
RESTORE = f"/workspaces/{OLD}/restore"
PLUGIN = f"{WS}/plugins/chat"

# The workspace's owner, who is the least member of its organization, its admin and its user; a former member and the
# owner of the organization, who are not members; the owner of another organization; a user without an organization; the
# platform's admin and its owner; tokens of unknown users; an expired token; no token.
CAST = (
    "carol",
    "dave",
    "frank",
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
STATUSES = {
    ("GET", LIST): (200, 200, 200, 200, 200, *OUTSIDE),
    ("GET", DELETED): (200, 200, 200, 200, 200, *OUTSIDE),
    ("POST", LIST): (201, 201, 201, 201, 201, *OUTSIDE),
    ("GET", WS): (200, 200, 200, 404, 404, *OUTSIDE),
    ("PATCH", WS): (200, 200, 403, 404, 404, *OUTSIDE),
    ("DELETE", WS): (204, 403, 403, 404, 404, *OUTSIDE),
    # Dave and grace were not members when it was deleted.
    ("POST", RESTORE): (200, 404, 403, 404, 404, *OUTSIDE),
    ("POST", f"{WS}/transfer"): (200, 403, 403, 404, 404, *OUTSIDE),
    ("PUT", f"{WS}/favorite"): (204, 204, 204, 404, 404, *OUTSIDE),
    ("DELETE", f"{WS}/favorite"): (204, 204, 204, 404, 404, *OUTSIDE),
    ("GET", f"{WS}/activity"): (200, 200, 200, 404, 404, *OUTSIDE),
    ("GET", MEMBERS): (200, 200, 200, 404, 404, *OUTSIDE),
    ("POST", MEMBERS): (201, 201, 403, 404, 404, *OUTSIDE),
    ("PATCH", FRANK): (200, 200, 403, 404, 404, *OUTSIDE),
    # Frank leaves.
    ("DELETE", FRANK): (204, 204, 204, 404, 404, *OUTSIDE),
    ("GET", f"{WS}/plugins"): (200, 200, 200, 404, 404, *OUTSIDE),
    ("PUT", PLUGIN): (200, 200, 403, 404, 404, *OUTSIDE),
    ("GET", ORG_CONFIG): (403, 200, 403, 403, 200, *OUTSIDE),
    ("PUT", ORG_CONFIG): (403, 200, 403, 403, 200, *OUTSIDE),
    ("GET", SYS_CONFIG): (*[403] * 7, 200, 200, *UNKNOWN),
    ("PUT", SYS_CONFIG): (*[403] * 7, 200, 200, *UNKNOWN),
}
SYS_VALUES: dict[str, object] = {
    "labelSingular": "Room",
    "labelPlural": "Rooms",
    "defaultColor": "#AABBCC",
    "defaultIcon": None,
    "maxWorkspacesPerUser": 20,
    "maxMembersPerWorkspace": 200,
    "retentionDays": 7,
}
BODIES: dict[tuple[str, str], dict[str, object]] = {
    ("POST", LIST): {"name": "New"},
    ("PATCH", WS): {"name": "Renamed"},
    ("POST", f"{WS}/transfer"): {"userId": str(IDS["dave"])},
    ("POST", MEMBERS): {"userId": str(IDS["grace"])},
    ("PATCH", FRANK): {"role": "ws_admin"},
    ("PUT", PLUGIN): {"enabled": False},
    ("PUT", ORG_CONFIG): {"allowUserCreation": False, "maxWorkspacesPerUser": 3},
    ("PUT", SYS_CONFIG): SYS_VALUES,
}
# What is so already: Frank's favorite, and favorites that the others do not have.
UNCHANGED = {
    ("PUT", f"{WS}/favorite", "frank"),
    ("DELETE", f"{WS}/favorite", "carol"),
    ("DELETE", f"{WS}/favorite", "dave"),
}
CASES = [
    (route, name, status) for route, statuses in STATUSES.items() for name, status in zip(CAST, statuses, strict=True)
]
SUCCESSES = [case for case in CASES if case[2] < 400]
READS = [case for case in SUCCESSES if case[0][0] == "GET" or (*case[0], case[1]) in UNCHANGED]
WRITES = [case for case in SUCCESSES if case not in READS]
REFUSED = [case for case in CASES if case[2] >= 400]


def _case_id(case: tuple[tuple[str, str], str, int]) -> str:
    (method, path), name, status = case
    for id, what in ((ACME, "acme"), (ROCKETS, "rockets"), (OLD, "old"), (IDS["frank"], "frank")):
        path = path.replace(str(id), what)
    return f"{method} {path} {name} {status}"


def call(world: WsWorld, route: tuple[str, str], name: str) -> Answer:
    method, path = route
    return world.as_(name).send(method, path, body=BODIES.get(route))


def test_cast_is_complete() -> None:
    assert set(CAST) == set(PEOPLE)


def test_table_has_every_route() -> None:
    ids = {"org_id": ACME, "ws_id": ROCKETS, "user_id": IDS["frank"], "module": "chat"}
    declared = {(route.method, route.path.format(**ids)) for app in APPS for route in app.routes}

    assert declared == {(method, path.replace(str(OLD), str(ROCKETS))) for method, path in STATUSES}


@pytest.mark.parametrize(("route", "name", "status"), READS, ids=map(_case_id, READS))
def test_read_succeeds(readonly_world: WsWorld, route: tuple[str, str], name: str, status: int) -> None:
    response = call(readonly_world, route, name)

    assert response.status == status


@pytest.mark.parametrize(("route", "name", "status"), WRITES, ids=map(_case_id, WRITES))
def test_write_changes_something(world: WsWorld, route: tuple[str, str], name: str, status: int) -> None:
    before = world.snapshot()

    response = call(world, route, name)

    assert response.status == status, response.body
    assert world.snapshot() != before


@pytest.mark.parametrize(("route", "name", "status"), REFUSED, ids=map(_case_id, REFUSED))
def test_refused_request_changes_nothing_and_leaks_nothing(
    readonly_world: WsWorld, route: tuple[str, str], name: str, status: int
) -> None:
    before = readonly_world.everything()

    response = call(readonly_world, route, name)

    assert response.status == status
    assert response.headers["content-type"] == "application/problem+json"
    assert readonly_world.everything() == before
    # The instance of a problem is the path that the caller sent.
    assert leaked(response, readonly_world.secrets() - {str(ROCKETS), str(OLD)}) == []


@pytest.mark.parametrize("route", [route for route in STATUSES if "workspaces/" in route[1]], ids=" ".join)
@pytest.mark.parametrize("name", ["alice", "grace", "bob"])
def test_hidden_workspace_looks_absent(readonly_world: WsWorld, route: tuple[str, str], name: str) -> None:
    method, path = route
    client, absent_id = readonly_world.as_(name), str(uuid4())

    hidden = client.send(method, path, body=BODIES.get(route))
    absent = client.send(
        method, path.replace(str(ROCKETS), absent_id).replace(str(OLD), absent_id), body=BODIES.get(route)
    )

    assert (hidden.status, hidden.headers, hidden.body) == (absent.status, absent.headers, absent.body)
