"""The round trips to the database that each request takes, counted on the wire. `pytest -s` prints the table."""

from collections.abc import Iterator
from uuid import UUID

import pytest

from tests.cora_modules.access.world import ACME
from tests.cora_modules.ws import test_cast as cast
from tests.cora_modules.ws.world import IDS, ROCKETS, WsWorld
from tests.support.proxy import Proxy

pytestmark = pytest.mark.db

# A write takes a round trip for each statement, and one for COMMIT.
ROUND_TRIPS = {
    **{route: 1 for route in cast.STATUSES if route[0] == "GET"},
    **{route: 2 for route in cast.STATUSES if route[0] != "GET"},
    # These return what they changed with a second statement.
    ("POST", cast.RESTORE): 3,
    ("POST", f"{cast.WS}/transfer"): 3,
    ("PUT", cast.PLUGIN): 3,
    ("PUT", cast.ORG_CONFIG): 3,
}
CALLERS = {cast.ORG_CONFIG: "dave", cast.SYS_CONFIG: "sam"}


@pytest.fixture
def proxy(world: WsWorld) -> Iterator[Proxy]:
    """A proxy between the apps and the server. The apps are connected."""
    with world.proxied(lambda: world.as_("carol").get(cast.WS)) as proxy:
        yield proxy


@pytest.mark.parametrize("route", ROUND_TRIPS, ids=map(str, range(len(ROUND_TRIPS))))
def test_route_takes_these_round_trips(world: WsWorld, proxy: Proxy, route: tuple[str, str]) -> None:
    method, path = route

    response = world.as_(CALLERS.get(path, "carol")).send(method, path, body=cast.BODIES.get(route))

    template = path.replace(str(ACME), "{orgId}").replace(str(ROCKETS), "{wsId}").replace(str(IDS["frank"]), "{userId}")
    print(f"\n{proxy.round_trips()}  {method:6} {template}")
    begins = [text for text in proxy.statements() if text.lower().startswith("begin")]
    assert response.status < 300
    assert (proxy.round_trips(), len(begins)) == (ROUND_TRIPS[route], 0 if method == "GET" else 1)


@pytest.mark.parametrize(
    ("name", "route"),
    [
        ("alice", ("GET", cast.WS)),
        ("bob", ("GET", cast.LIST)),
        ("carol", ("GET", cast.ORG_CONFIG)),
        ("carol", ("GET", cast.SYS_CONFIG)),
        ("frank", ("DELETE", cast.WS)),
        ("frank", ("PUT", cast.PLUGIN)),
    ],
)
def test_refusal_takes_no_statement_of_the_handler(
    world: WsWorld, proxy: Proxy, name: str, route: tuple[str, str]
) -> None:
    method, path = route

    response = world.as_(name).send(method, path, body=cast.BODIES.get(route))

    # A refused write takes a second one, for ROLLBACK.
    assert (response.status in (403, 404), proxy.round_trips()) == (True, 1 if method == "GET" else 2)


@pytest.mark.parametrize("count", [1, 30])
def test_list_is_one_round_trip_at_any_length(world: WsWorld, proxy: Proxy, count: int) -> None:
    """With members, counts, favorites, activity and plugins."""
    for at in range(count):
        user_id = world.insert("users", email=f"u{at}@zq7.example", full_name="U")
        world.insert("org_members", org_id=ACME, user_id=user_id, org_role="org_user")
        world.add("ws_members", org_id=ACME, ws_id=ROCKETS, user_id=user_id, ws_role="ws_user")
        ws_id: UUID = world.add("workspaces", org_id=ACME, name=f"W{at}", color="#000000")
        world.join(ws_id, "carol")
        world.add("ws_favorites", org_id=ACME, ws_id=ws_id, user_id=IDS["carol"])

    lengths = {}
    for path in (cast.LIST, cast.MEMBERS, f"{cast.WS}/activity", f"{cast.WS}/plugins"):
        proxy.reset()
        lengths[path] = len(world.as_("carol").send("GET", path, query="limit=100").json()["items"])
        assert proxy.round_trips() == 1

    assert list(lengths.values()) == [1 + count, 3 + count, 6 + count, 3]
