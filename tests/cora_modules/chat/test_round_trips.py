"""The round trips to the database that each route takes, counted on the wire. `pytest -s` prints the table."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from org_common import Database
from tests.cora_modules.access.world import ACME
from tests.cora_modules.chat import test_cast as cast
from tests.cora_modules.chat.world import APPS, DIARY, QUESTIONS, ChatWorld
from tests.cora_modules.ws.world import IDS, ROCKETS
from tests.support.proxy import Proxy

pytestmark = pytest.mark.db

# A write takes a round trip for each statement, and one for COMMIT.
STATEMENTS = {("PUT", cast.BASES): 3, ("POST", cast.RESTORE): 2}
CALLERS = {cast.ORG: "alice", cast.RESTORE: "alice"}


@pytest.fixture
def proxy(world: ChatWorld) -> Iterator[Proxy]:
    """A proxy between the apps and the server. The apps are connected."""
    address = urlsplit(world.local.login_url)
    with Proxy(address.hostname or "", address.port or 0) as proxy:
        local = replace(world.local, login_url=proxy.url(world.local.login_url))
        with closing(Database(local.settings)) as database:
            for app in APPS:
                app.use(database)
            world.as_("frank").get(cast.CHAT)
            proxy.reset()
            yield proxy


@pytest.mark.parametrize("route", cast.STATUSES, ids=map(str, range(len(cast.STATUSES))))
def test_route_takes_these_round_trips(world: ChatWorld, proxy: Proxy, route: tuple[str, str]) -> None:
    method, path = route

    response = world.as_(CALLERS.get(path, "frank")).send(method, path, body=cast.BODIES.get(route))

    for id, name in ((ACME, "orgId"), (ROCKETS, "wsId"), (DIARY, "chatId"), (IDS["dave"], "userId")):
        path = path.replace(str(id), f"{{{name}}}")
    print(f"\n{proxy.round_trips()}  {method:6} {path.replace(str(QUESTIONS[DIARY]), '{messageId}')}")
    begins = [text for text in proxy.statements() if text.lower().startswith("begin")]
    assert response.status < 300
    if route == ("POST", cast.STREAM):
        # The question: 4 statements and COMMIT. The search: 2 reads. The answer: 3 statements and COMMIT.
        expected = (11, 2)
    else:
        expected = (1, 0) if method == "GET" else (STATEMENTS.get(route, 1) + 1, 1)
    assert (proxy.round_trips(), len(begins)) == expected


@pytest.mark.parametrize(
    ("name", "route"),
    [
        ("alice", ("GET", cast.CHAT)),
        ("bob", ("GET", cast.LIST)),
        ("frank", ("GET", cast.ORG)),
        ("dave", ("DELETE", cast.CHAT)),
        ("alice", ("POST", cast.MESSAGES)),
    ],
)
def test_refusal_takes_no_statement_of_the_handler(
    world: ChatWorld, proxy: Proxy, name: str, route: tuple[str, str]
) -> None:
    method, path = route

    response = world.as_(name).send(method, path, body=cast.BODIES.get(route))

    # A refused write takes a second one, for ROLLBACK.
    assert (response.status in (403, 404), proxy.round_trips()) == (True, 1 if method == "GET" else 2)


@pytest.mark.parametrize("count", [1, 30])
def test_list_is_one_round_trip_at_any_length(world: ChatWorld, proxy: Proxy, count: int) -> None:
    for at in range(count):
        user_id = world.insert("users", email=f"u{at}@zq7.example", full_name="U")
        world.insert("org_members", org_id=ACME, user_id=user_id, org_role="org_user")
        world.put("chat.chat_members", org_id=ACME, chat_id=DIARY, user_id=user_id, access="view")
        for ws_id in (ROCKETS, None):
            world.put("chat.chats", org_id=ACME, ws_id=ws_id, owner_id=IDS["carol"], title="More")
        world.put("chat.messages", org_id=ACME, chat_id=DIARY, role="user", content="More")

    lengths = {}
    for path in (cast.LIST, cast.MINE, cast.MEMBERS, cast.MESSAGES):
        proxy.reset()
        lengths[path] = len(world.as_("carol").get(path, limit=100).json()["items"])
        assert proxy.round_trips() == 1

    assert list(lengths.values()) == [2 + count, 1 + count, 2 + count, 2 + count]
