"""The database stops and restarts while the app runs."""

from collections.abc import Iterator

import pytest

from cora_modules.access.orgs import app
from org_common.tools.database.local import provision
from org_common.tools.database.migrations import load
from org_common.tools.database.postgres import EmbeddedPostgres
from tests.cora_modules.access.world import ACME, World, is_problem, leaked

pytestmark = [pytest.mark.db, pytest.mark.fault]

ORG = f"/orgs/{ACME}"
CALLS = [
    ("GET", ORG, None),
    ("PATCH", ORG, {"name": "Mine"}),
    ("POST", "/orgs", {"name": "Initech", "slug": "initech"}),
]


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    # Without it, a crash loses the last commits, including the passwords of the logins.
    with EmbeddedPostgres.start(durable=False, settings={"synchronous_commit": "on"}) as server:
        yield server


@pytest.fixture(scope="module")
def world(server: EmbeddedPostgres) -> Iterator[World]:
    """The data on a server that these tests can stop."""
    world = World(provision(server.url, "outage", load(["cora_modules.access"])))
    world.admin.close()
    app.use(world.database)
    yield world
    app.use(None)
    world.close()


@pytest.fixture
def outage(server: EmbeddedPostgres, world: World) -> Iterator[EmbeddedPostgres]:
    """The server is down, and the app holds a connection from before."""
    assert world.as_("alice").get(ORG).status == 200
    server.pause(immediate=True)
    yield server
    server.resume()


@pytest.mark.parametrize(("method", "path", "body"), CALLS)
def test_request_during_the_outage_is_unavailable_with_retry_after(
    world: World, outage: EmbeddedPostgres, method: str, path: str, body: dict[str, str] | None
) -> None:
    response = world.as_("alice").send(method, path, body=body)

    assert (response.status, response.headers["retry-after"]) == (503, "1")
    assert is_problem(response)
    assert leaked(response, {"127.0.0.1", "app_login", "refused", str(outage.port), world.local.name}) == []


@pytest.mark.parametrize("name", ["expired", "anonymous"])
def test_request_without_a_valid_token_needs_no_database(world: World, outage: EmbeddedPostgres, name: str) -> None:
    response = world.as_(name).get(ORG)

    assert response.status == 401


def test_bad_input_needs_no_database(world: World, outage: EmbeddedPostgres) -> None:
    response = world.as_("alice").patch(ORG, {"name": ""})

    assert response.status == 422


def test_first_read_after_the_outage_succeeds(world: World, outage: EmbeddedPostgres) -> None:
    alice = world.as_("alice")
    during = alice.get(ORG)
    outage.resume()

    after = alice.get(ORG)

    assert (during.status, after.status) == (503, 200)


def test_first_write_after_the_outage_runs_once(world: World, outage: EmbeddedPostgres) -> None:
    alice = world.as_("alice")
    during = alice.post("/orgs", {"name": "Initech", "slug": "initech"})
    outage.resume()

    after = alice.post("/orgs", {"name": "Initech", "slug": "initech"})

    assert (during.status, after.status) == (503, 201)
    assert [org["slug"] for org in alice.get("/orgs").json()["items"]] == ["acme-zq7", "initech"]


def test_restart_between_two_requests_is_transparent(world: World, server: EmbeddedPostgres) -> None:
    alice = world.as_("alice")
    before = alice.get(ORG)
    server.restart(immediate=True)

    after = alice.get(ORG)

    assert (before.status, after.status) == (200, 200)
