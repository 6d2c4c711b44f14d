"""The round trips to the database that each route takes, counted on the wire, and the calls to the provider."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from org_common import Database
from tests.cora_modules.access.world import ACME
from tests.cora_modules.ai.protocols.server import Server
from tests.cora_modules.ai.test_cast import BODIES, STATUSES, SYS, answers_of
from tests.cora_modules.ai.world import APPS, REMOTE, REMOTE_CHAT, AiWorld
from tests.support.proxy import Proxy

pytestmark = pytest.mark.db

DISCOVER, TEST = ("POST", f"{SYS}/providers/{REMOTE}/discover"), ("POST", f"{SYS}/providers/{REMOTE}/test")
TEST_MODEL = ("POST", f"{SYS}/models/{REMOTE_CHAT}/test")
# Statements of each route that writes. A write takes one round trip more, for COMMIT.
STATEMENTS = {DISCOVER: 2, TEST_MODEL: 2}
CALLS = {DISCOVER: 1, TEST: 1, TEST_MODEL: 1}


@pytest.fixture
def proxy(world: AiWorld) -> Iterator[Proxy]:
    """A proxy between the apps and the server. The apps are connected."""
    address = urlsplit(world.local.login_url)
    with Proxy(address.hostname or "", address.port or 0) as proxy:
        local = replace(world.local, login_url=proxy.url(world.local.login_url))
        with closing(Database(local.settings)) as database:
            for app in APPS:
                app.use(database)
            world.as_("alice").get(f"/orgs/{ACME}/ai/config")
            yield proxy


def test_round_trips_of_every_route(world: AiWorld, proxy: Proxy, remote: Server) -> None:
    trips, calls = {}, {}
    # What makes the model unavailable comes after its choice.
    for route in sorted(STATUSES, key=lambda route: ("PUT", "GET", "POST", "PATCH", "DELETE").index(route[0])):
        remote.answers = answers_of(route)
        remote.requests.clear()
        proxy.reset()
        name = "alice" if str(ACME) in route[1] else "sam"
        assert world.as_(name).send(*route, body=BODIES.get(route)).status < 300
        trips[route], calls[route] = proxy.round_trips(), len(remote.requests)

    for (method, path), count in trips.items():
        print(f"{method:6} {path.replace(str(ACME), '{orgId}'):70} {count} round trips")
    assert trips == {
        route: 1 if route[0] == "GET" or route == TEST else STATEMENTS.get(route, 1) + 1 for route in STATUSES
    }
    assert {route: count for route, count in calls.items() if count} == CALLS


def test_refusal_ends_with_the_rule(world: AiWorld, proxy: Proxy, remote: Server) -> None:
    trips = {}
    for route in STATUSES:
        proxy.reset()
        assert world.as_("bob").send(*route, body=BODIES.get(route)).status in (403, 404)
        trips[route] = proxy.round_trips()

    # A write is rolled back.
    assert trips == {route: 1 if route[0] == "GET" or route == TEST else 2 for route in STATUSES}
    assert remote.requests == []
