"""No connection to the database is held while an embedding model is awaited."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from uuid import UUID

import pytest

from cora_modules.kb import search
from org_common import Database
from org_common.db.connections.pool import Pooled
from tests.cora_modules.ai.protocols.server import Server as ModelServer
from tests.cora_modules.kb.slow_model import MODEL, connections_in_use, model_of, waiting
from tests.cora_modules.kb.test_vectors import work
from tests.cora_modules.kb.world import GLOBEX_BASE, HANDBOOK, PEOPLE, KbWorld
from tests.support.streams import Received, Server, served

pytestmark = pytest.mark.db

SEARCHES = 8


@pytest.fixture
def model(world: KbWorld) -> Iterator[ModelServer]:
    """A model on a real server. The handbook is searched with it, and has one passage."""
    with model_of(HANDBOOK, world.admin) as server:
        world.add_chunk(HANDBOOK, "secret text qx3", model_id=MODEL)
        yield server


@pytest.fixture
def unused_model(world: KbWorld) -> Iterator[ModelServer]:
    """A model that no base is searched with."""
    with model_of(None, world.admin) as server:
        yield server


@pytest.fixture
def http(world: KbWorld) -> Iterator[Server]:
    """The search on a real server, whose pool has one connection."""
    settings = world.local.settings
    with (
        closing(Database(settings, Pooled(settings, size=1))) as database,
        served(search.app, database=database, threads=4 * (SEARCHES + 1)) as running,
    ):
        yield running


def ask(http: Server, mode: str = "hybrid", *, name: str = "dave", base_id: UUID = HANDBOOK) -> Received:
    person = PEOPLE[name]
    assert person is not None
    body = json.dumps({"query": "secret", "baseIds": [str(base_id)], "mode": mode}).encode()
    return http.open("/kb/search", "POST", body, authorization=person.claims(), content_type="application/json")


def test_searches_that_wait_for_a_model_hold_no_connection(world: KbWorld, model: ModelServer, http: Server) -> None:
    body, answer = waiting()
    model.answers = [answer]
    with ThreadPoolExecutor(SEARCHES) as threads:
        searches = [threads.submit(ask, http) for _ in range(SEARCHES)]
        try:
            assert all(body.arrived.acquire(timeout=30) for _ in range(SEARCHES))
            held = connections_in_use(world.admin)
            other = ask(http, "text")
        finally:
            body.rest.set()
        answers = [found.result() for found in searches]

    assert (held, other.status, json.loads(other.read())["passages"][0]["similarity"]) == (0, 200, None)
    assert [each.status for each in answers] == [200] * SEARCHES
    assert all(json.loads(each.read())["passages"][0]["content"] == "secret text qx3" for each in answers)
    assert [(call["model_id"], call["tokens_in"]) for call in world.calls()] == [(MODEL, 7)] * SEARCHES


def test_refused_search_calls_no_model(world: KbWorld, model: ModelServer, http: Server) -> None:

    statuses = [
        ask(http, name=name, base_id=base_id).status for name, base_id in (("bob", HANDBOOK), ("dave", GLOBEX_BASE))
    ]

    assert (statuses, model.requests, world.calls()) == ([404, 404], [], [])


def test_access_that_ends_while_a_model_is_awaited_finds_nothing(
    world: KbWorld, model: ModelServer, http: Server
) -> None:
    """Each statement is authorized anew."""
    body, answer = waiting()
    model.answers = [answer]
    with ThreadPoolExecutor(1) as threads:
        asked = threads.submit(ask, http)
        assert body.arrived.acquire(timeout=30)
        world.admin.execute("delete from access.org_members where user_id = %s", [world.users["dave"]])
        body.rest.set()
        received = asked.result()

    assert (received.status in (403, 404), b"qx3" in received.read()) == (True, False)


def test_vectors_that_are_built_hold_no_connection(world: KbWorld, unused_model: ModelServer) -> None:
    body, answer = waiting()
    unused_model.answers = [answer]
    path = f"/kb/{HANDBOOK}/vectors/reindex"
    assert world.as_("dave").post(path, {"modelId": str(MODEL)}).status == 202
    with ThreadPoolExecutor(1) as threads:
        delivery = threads.submit(work, world)
        try:
            assert body.arrived.acquire(timeout=30)
            held = connections_in_use(world.admin)
        finally:
            body.rest.set()

    assert (held, delivery.result().handled) == (0, 1)
    assert [call["tokens_in"] for call in world.calls()] == [7]
    [active] = world.kb_rows("kb_indexes", f"base_id = '{HANDBOOK}' and state = 'active'")
    assert active["model_id"] == MODEL
