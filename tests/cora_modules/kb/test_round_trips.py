"""The round trips to the database that each request takes, counted on the wire. `pytest -s` prints the table."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from org_common import Database
from tests.cora_modules.kb import test_cast as cast
from tests.cora_modules.kb.bucket import Bucket
from tests.cora_modules.kb.world import APPS, KbWorld
from tests.support.proxy import Proxy

pytestmark = pytest.mark.db

# A write takes a round trip for each statement, and one for COMMIT.
ROUND_TRIPS = {
    **{route: 1 for route in cast.STATUSES if route[0] == "GET"},
    **{route: 2 for route in cast.STATUSES if route[0] != "GET"},
    # The document, its new status with the message, and the document again.
    ("POST", f"{cast.ORG_DOC}/complete"): 4,
    ("POST", f"{cast.WS_DOC}/complete"): 4,
}


@pytest.fixture
def proxy(world: KbWorld) -> Iterator[Proxy]:
    """A proxy between the apps and the server. The apps are connected."""
    address = urlsplit(world.local.login_url)
    with Proxy(address.hostname or "", address.port or 0) as proxy:
        local = replace(world.local, login_url=proxy.url(world.local.login_url))
        with closing(Database(local.settings)) as database:
            for app in APPS:
                app.use(database)
            world.as_("dave").get(cast.ORG_BASE)
            proxy.reset()
            yield proxy


@pytest.mark.parametrize("route", ROUND_TRIPS, ids=" ".join)
def test_route_takes_these_round_trips(world: KbWorld, bucket: Bucket, proxy: Proxy, route: tuple[str, str]) -> None:
    method, path = route
    if path.endswith("/complete"):
        cast.let_documents_wait(world, bucket)

    response = world.as_("dave").send(method, path, body=cast.BODIES.get(route))

    print(f"\n{proxy.round_trips()}  {method:6} {path}")
    begins = [text for text in proxy.statements() if text.lower().startswith("begin")]
    assert response.status < 300
    assert (proxy.round_trips(), len(begins)) == (ROUND_TRIPS[route], 0 if method == "GET" else 1)


@pytest.mark.parametrize(
    ("name", "route"),
    [
        ("alice", ("GET", cast.WS_BASE)),
        ("bob", ("GET", cast.ORG)),
        ("frank", ("POST", f"{cast.ORG_BASE}/documents")),
        ("frank", ("POST", f"{cast.WS_DOC}/complete")),
        ("frank", ("DELETE", cast.ORG_DOC)),
    ],
)
def test_refusal_takes_no_statement_of_the_handler(
    world: KbWorld, proxy: Proxy, name: str, route: tuple[str, str]
) -> None:
    method, path = route

    response = world.as_(name).send(method, path, body=cast.BODIES.get(route))

    # A refused write takes a second one, for ROLLBACK.
    assert (response.status in (403, 404), proxy.round_trips()) == (True, 1 if method == "GET" else 2)


@pytest.mark.parametrize("count", [1, 30])
def test_list_is_one_round_trip_at_any_length(world: KbWorld, bucket: Bucket, proxy: Proxy, count: int) -> None:
    dave = world.as_("dave")
    for at in range(count):
        dave.post(cast.ORG, {"name": f"B{at}"})
        dave.post(f"{cast.ORG_BASE}/documents", cast.NEW_DOCUMENT)

    lengths = []
    for path in (cast.ORG, f"{cast.ORG_BASE}/documents"):
        proxy.reset()
        lengths.append(len(dave.send("GET", path, query="limit=100").json()["items"]))
        assert proxy.round_trips() == 1

    assert lengths == [1 + count, 1 + count]
