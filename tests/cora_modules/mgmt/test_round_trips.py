"""The round trips to the database that each route takes, counted on the wire, and the calls to AWS."""

from collections.abc import Iterator

import pytest

from tests.cora_modules.access.world import ACME
from tests.cora_modules.mgmt.cloud import Cloud
from tests.cora_modules.mgmt.recorder import Recorder
from tests.cora_modules.mgmt.test_cast import BODIES, STATUSES
from tests.cora_modules.mgmt.world import FUNCTION, MgmtWorld
from tests.support.proxy import Proxy

pytestmark = pytest.mark.db

SYNC = ("POST", "/admin/sys/lambda-config/sync")
# Statements of each route that writes. A write takes one round trip more, for COMMIT.
STATEMENTS = {SYNC: 2}
# Two functions: four lists, and three calls for each. A sync of one of them also changes its memory.
CALLS = {
    ("GET", "/admin/sys/lambda-config"): 3 + 2 * 3,
    SYNC: 3 + 3 + 4,
    ("GET", "/admin/sys/monitoring/functions"): 1 + 1 + 2,
}


@pytest.fixture
def proxy(world: MgmtWorld) -> Iterator[Proxy]:
    """A proxy between the apps and the server. The apps are connected."""
    with world.proxied(lambda: world.as_("alice").get(f"/orgs/{ACME}/modules")) as proxy:
        yield proxy


def test_round_trips_of_every_route(world: MgmtWorld, cloud: Cloud, calls: Recorder, proxy: Proxy) -> None:
    for name in (FUNCTION, "access-users"):
        cloud.create_function(name)
    world.admin.execute("update mgmt.lambda_settings set memory_mb = 1024")
    rows = []
    for route in STATUSES:
        proxy.reset()
        calls.first_attempts = 0
        name = "alice" if str(ACME) in route[1] else "sam"
        assert world.as_(name).send(*route, body=BODIES.get(route)).status == 200
        rows.append((*route, proxy.round_trips(), calls.first_attempts))

    for method, path, trips, called in rows:
        print(f"{method:5} {path.replace(str(ACME), '{orgId}'):40} {trips} round trips {called:3} calls to AWS")
    assert {row[:2]: row[2] for row in rows} == {
        route: 1 if route[0] == "GET" else STATEMENTS.get(route, 1) + 1 for route in STATUSES
    }
    assert {row[:2]: row[3] for row in rows if row[3]} == CALLS


@pytest.mark.parametrize("route", STATUSES, ids=lambda route: route[1].replace(str(ACME), "acme"))
def test_refusal_ends_with_the_rule(world: MgmtWorld, proxy: Proxy, calls: Recorder, route: tuple[str, str]) -> None:
    proxy.reset()
    response = world.as_("carol").send(*route, body=BODIES.get(route))

    # A write is rolled back.
    assert (response.status, proxy.round_trips(), calls.calls) == (403, 1 if route[0] == "GET" else 2, [])
