"""Every route of the module, called by every type of user."""

from uuid import uuid4

import pytest

from org_common.testing.client import Answer
from tests.cora_modules.access.world import ACME, leaked
from tests.cora_modules.kb.bucket import Bucket
from tests.cora_modules.kb.world import (
    APPS,
    CONTENT,
    ENGINES,
    HANDBOOK,
    PEOPLE,
    ROCKET_BASE,
    RULES,
    KbWorld,
)
from tests.cora_modules.ws.world import ROCKETS

pytestmark = pytest.mark.db

ORG = f"/orgs/{ACME}/kb"
WS = f"/workspaces/{ROCKETS}/kb"
ORG_BASE = f"/kb/{HANDBOOK}"
WS_BASE = f"/kb/{ROCKET_BASE}"
ORG_DOC = f"{ORG_BASE}/documents/{RULES}"
WS_DOC = f"{WS_BASE}/documents/{ENGINES}"

# The workspace's owner, its admin, who is an admin of the organization too, and its user; a former member and the
# owner of the organization, who are not members of the workspace; the owner of another organization; a user without an
# organization; the platform's admin and its owner; tokens of unknown users; an expired token; no token.
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


def of_org(read: int, write: int | None = None) -> tuple[int, ...]:
    """Members of the organization read, its admins write."""
    if write is None:
        return (read, read, read, read, read, *OUTSIDE)
    return (403, write, 403, 403, write, *OUTSIDE)


def of_ws(read: int, write: int | None = None) -> tuple[int, ...]:
    """Members of the workspace read, its admins write."""
    if write is None:
        return (read, read, read, 404, 404, *OUTSIDE)
    return (write, write, 403, 404, 404, *OUTSIDE)


STATUSES = {
    ("GET", ORG): of_org(200),
    ("POST", ORG): of_org(0, 201),
    ("GET", WS): of_ws(200),
    ("POST", WS): of_ws(0, 201),
    ("GET", ORG_BASE): of_org(200),
    ("PATCH", ORG_BASE): of_org(0, 200),
    ("DELETE", ORG_BASE): of_org(0, 204),
    ("GET", WS_BASE): of_ws(200),
    ("PATCH", WS_BASE): of_ws(0, 200),
    ("DELETE", WS_BASE): of_ws(0, 204),
    ("GET", f"{ORG_BASE}/documents"): of_org(200),
    ("POST", f"{ORG_BASE}/documents"): of_org(0, 201),
    ("GET", f"{WS_BASE}/documents"): of_ws(200),
    ("POST", f"{WS_BASE}/documents"): of_ws(0, 201),
    ("GET", ORG_DOC): of_org(200),
    ("GET", WS_DOC): of_ws(200),
    ("GET", f"{ORG_DOC}/download"): of_org(200),
    ("GET", f"{WS_DOC}/download"): of_ws(200),
    ("GET", f"{ORG_DOC}/text"): of_org(200),
    ("GET", f"{WS_DOC}/text"): of_ws(200),
    ("POST", f"{ORG_DOC}/complete"): of_org(0, 200),
    ("POST", f"{WS_DOC}/complete"): of_ws(0, 200),
    ("DELETE", ORG_DOC): of_org(0, 204),
    ("DELETE", WS_DOC): of_ws(0, 204),
}
NEW_DOCUMENT = {"filename": "new.txt", "mediaType": "text/plain", "sizeBytes": 3, "sha256": "0" * 64}
BODIES: dict[tuple[str, str], dict[str, object]] = {
    ("POST", ORG): {"name": "New"},
    ("POST", WS): {"name": "New"},
    ("PATCH", ORG_BASE): {"name": "Renamed"},
    ("PATCH", WS_BASE): {"name": "Renamed"},
    ("POST", f"{ORG_BASE}/documents"): NEW_DOCUMENT,
    ("POST", f"{WS_BASE}/documents"): NEW_DOCUMENT,
}
CASES = [
    (route, name, status) for route, statuses in STATUSES.items() for name, status in zip(CAST, statuses, strict=True)
]
SUCCESSES = [case for case in CASES if case[2] < 400]
READS = [case for case in SUCCESSES if case[0][0] == "GET"]
WRITES = [case for case in SUCCESSES if case[0][0] != "GET"]


def _case_id(case: tuple[tuple[str, str], str, int]) -> str:
    (method, path), name, status = case
    for id, what in ((ACME, "acme"), (ROCKETS, "rockets"), (HANDBOOK, "org"), (ROCKET_BASE, "ws")):
        path = path.replace(str(id), what)
    return f"{method} {path.replace(str(RULES), 'doc').replace(str(ENGINES), 'doc')} {name} {status}"


def call(world: KbWorld, route: tuple[str, str], name: str) -> Answer:
    method, path = route
    return world.as_(name).send(method, path, body=BODIES.get(route))


def let_documents_wait(world: KbWorld, bucket: Bucket) -> None:
    """The documents of Acme are uploaded, and wait for `complete`."""
    world.admin.execute("update kb.kb_documents set status = 'pending'")
    for document_id in (RULES, ENGINES):
        bucket.put(world.document(document_id)["storage_key"], CONTENT)


def test_cast_is_complete() -> None:
    assert set(CAST) == set(PEOPLE)


def test_table_has_every_route() -> None:
    ids = {"org_id": ACME, "ws_id": ROCKETS}
    of_org, of_ws = {"base_id": HANDBOOK, "document_id": RULES}, {"base_id": ROCKET_BASE, "document_id": ENGINES}
    routes = [(route.method, route.path) for app in APPS for route in app.routes]
    declared = {(method, path.format(**ids, **more)) for method, path in routes for more in (of_org, of_ws)}

    assert declared == set(STATUSES)


@pytest.mark.parametrize(("route", "name", "status"), READS, ids=map(_case_id, READS))
def test_read_succeeds(readonly_world: KbWorld, bucket: Bucket, route: tuple[str, str], name: str, status: int) -> None:
    response = call(readonly_world, route, name)

    assert response.status == status, response.body


@pytest.mark.parametrize(("route", "name", "status"), WRITES, ids=map(_case_id, WRITES))
def test_write_changes_something(
    world: KbWorld, bucket: Bucket, route: tuple[str, str], name: str, status: int
) -> None:
    if route[1].endswith("/complete"):
        let_documents_wait(world, bucket)
    before = world.snapshot()

    response = call(world, route, name)

    assert response.status == status, response.body
    assert world.snapshot() != before


@pytest.mark.parametrize("route", STATUSES, ids=" ".join)
def test_refused_request_changes_nothing_and_leaks_nothing(readonly_world: KbWorld, route: tuple[str, str]) -> None:
    """No bucket is configured: a refused caller who reached S3, or the signing of a URL, would get a 500."""
    before = readonly_world.everything()
    # The instance of a problem is the path that the caller sent.
    secrets = readonly_world.secrets() - {str(id) for id in (HANDBOOK, ROCKET_BASE, RULES, ENGINES)}
    refused = {name: status for each, name, status in CASES if each == route and status >= 400}

    responses = {name: call(readonly_world, route, name) for name in refused}

    assert {name: response.status for name, response in responses.items()} == refused
    assert {response.headers["content-type"] for response in responses.values()} == {"application/problem+json"}
    assert readonly_world.everything() == before
    assert [name for name, response in responses.items() if leaked(response, secrets)] == []


@pytest.mark.parametrize("route", [route for route in STATUSES if route[1].startswith(WS_BASE)], ids=" ".join)
@pytest.mark.parametrize("name", ["alice", "grace", "bob"])
def test_hidden_base_looks_absent(readonly_world: KbWorld, route: tuple[str, str], name: str) -> None:
    method, path = route
    client, absent_id = readonly_world.as_(name), str(uuid4())

    hidden = client.send(method, path, body=BODIES.get(route))
    absent = client.send(method, path.replace(str(ROCKET_BASE), absent_id), body=BODIES.get(route))

    # The instance is the path.
    assert (hidden.status, hidden.headers) == (absent.status, absent.headers)
    assert hidden.body.decode().replace(str(ROCKET_BASE), absent_id) == absent.body.decode()
