"""Answers over a real socket: what arrives when, hang-ups, connections to the database, and a server that stops."""

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from cora_modules.ai.models_in_use import effective_config, resolve_model
from cora_modules.ai.provider import ProviderError
from cora_modules.chat import chats, streaming
from cora_modules.chat.answer import Answering, clean
from cora_modules.chat.models.streaming import Asked
from cora_modules.chat.prompt import HISTORY
from cora_modules.chat.queries.streaming import ASK
from org_common import Database, Deadline, Identity, transaction
from org_common.db.connections.pool import Pooled
from org_common.http.producer import Producer
from tests.cora_modules.access.world import ACME
from tests.cora_modules.ai.protocols.server import Server as ModelServer
from tests.cora_modules.chat.model_server import gated, says
from tests.cora_modules.chat.world import DIARY, HANDBOOK, ChatWorld
from tests.cora_modules.kb.slow_model import connections_in_use, model_of, waiting
from tests.cora_modules.ws.world import PEOPLE
from tests.support.streams import Received, Server, served

pytestmark = pytest.mark.db

STREAMS = 50
ANSWERS = f"chat_id = '{DIARY}' and role = 'assistant' and content <> 'answer vb2 [1]'"
BODY = json.dumps({"content": "What does the engine burn?"}).encode()


def claims() -> str:
    """What `served` takes for a token."""
    person = PEOPLE["frank"]
    assert person is not None
    return person.claims()


@pytest.fixture
def database(world: ChatWorld) -> Iterator[Database]:
    """One connection for all streams."""
    settings = world.local.settings
    with closing(Database(settings, Pooled(settings, size=1))) as database:
        yield database


@pytest.fixture
def http(database: Database) -> Iterator[Server]:
    with served(streaming.app, chats.app, database=database) as running:
        yield running


def ask(http: Server) -> Received:
    path = f"/chats/{DIARY}/stream"
    return http.open(path, "POST", BODY, authorization=claims(), content_type="application/json")


def read(received: Received) -> tuple[str, Any]:
    """The next event: its name and data."""
    lines = dict(line.split(b": ", 1) for line in received.block().splitlines() if b": " in line)
    return lines.get(b"event", b"").decode(), json.loads(lines.get(b"data", b"null"))


def until(received: Received, name: str) -> list[str]:
    """The names of the events up to this one."""
    names = [read(received)[0]]
    while names[-1] != name:
        names.append(read(received)[0])
    return names


def end_of_streams() -> None:
    for producer in [*Producer.running]:
        producer.join(30)
        assert not producer.is_alive()


def test_first_delta_arrives_before_the_last_is_produced(world: ChatWorld, server: ModelServer, http: Server) -> None:
    parts, answer = gated(["Kero"], ["sene"])
    server.answers = [answer]

    received = ask(http)
    first = [read(received) for _ in range(3)]
    parts.rest.set()

    assert [name for name, _ in first] == ["start", "citations", "delta"]
    assert first[2][1] == {"text": "Kero"}
    assert until(received, "done") == ["delta", "done"]


def test_question_is_committed_before_the_first_event(world: ChatWorld, server: ModelServer, http: Server) -> None:
    parts, answer = gated([], ["Kerosene"])
    server.answers = [answer]

    received = ask(http)
    start = read(received)[1]

    [row] = world.chat_rows("messages", f"id = '{start['questionId']}'")
    assert row["content"] == "What does the engine burn?"
    parts.rest.set()
    until(received, "done")


def test_hang_up_stores_the_answer_as_cancelled(world: ChatWorld, server: ModelServer, http: Server) -> None:
    server.answers = [says("Kero", end="silence")]
    received = ask(http)
    until(received, "delta")

    received.hang_up()
    assert Producer.running
    end_of_streams()

    [row] = world.chat_rows("messages", ANSWERS)
    assert (row["content"], row["finish_reason"]) == ("Kero", "cancelled")
    assert [call["error_kind"] for call in world.calls()] == ["cancelled"]


def test_waiting_streams_hold_no_connection(world: ChatWorld, server: ModelServer, http: Server) -> None:
    """All of them are open on one process, whose pool has one connection."""
    parts, answer = gated(["Kero"], ["sene"])
    server.answers = [answer]
    streams = [ask(http) for _ in range(STREAMS)]
    for received in streams:
        until(received, "delta")

    busy = world.admin.execute(
        "select count(*) as n from pg_stat_activity where datname = current_database() "
        "and usename = 'app_login' and (state <> 'idle' or backend_xid is not null)"
    ).fetchone()
    other = http.open(f"/chats/{DIARY}", authorization=claims())

    assert (busy, other.status) == ({"n": 0}, 200)
    parts.rest.set()
    assert {until(received, "done")[-1] for received in streams} == {"done"}
    assert len(world.chat_rows("messages", ANSWERS)) == len(world.calls()) == STREAMS


def test_search_that_waits_for_its_model_holds_no_connection(
    world: ChatWorld, server: ModelServer, http: Server
) -> None:
    with model_of(HANDBOOK, world.admin) as embedding:
        body, answer = waiting()
        embedding.answers = [answer]
        received = ask(http)
        assert body.arrived.acquire(timeout=30)

        held = connections_in_use(world.admin)
        other = http.open(f"/chats/{DIARY}", authorization=claims())

        assert (held, other.status, until(received, "start")) == (0, 200, ["start"])
        body.rest.set()
        assert until(received, "done")[-1] == "done"


def test_lost_connection_to_the_database_loses_no_answer(world: ChatWorld, server: ModelServer, http: Server) -> None:
    parts, answer = gated(["Kero"], ["sene"])
    server.answers = [answer]
    received = ask(http)
    until(received, "delta")

    world.admin.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity "
        "where datname = current_database() and usename = 'app_login'"
    )
    parts.rest.set()

    assert until(received, "done")[-1] == "done"
    assert [row["content"] for row in world.chat_rows("messages", ANSWERS)] == ["Kerosene"]


def test_server_that_stops_stores_what_has_arrived(world: ChatWorld, server: ModelServer) -> None:
    server.answers = [says("Kero", end="silence")]
    settings = world.local.settings
    with served(streaming.app, database=Database(settings, Pooled(settings, size=1)), lifespan="on") as http:
        received = ask(http)
        until(received, "delta")

        # What SIGTERM sets.
        http.uvicorn.should_exit = True
        http.thread.join(30)

    [row] = world.chat_rows("messages", ANSWERS)
    assert (row["content"], row["finish_reason"]) == ("Kero", "cancelled")


@pytest.fixture
def answering(world: ChatWorld, database: Database, server: ModelServer) -> Answering:
    """A stored question of Frank."""
    identity = Identity.from_claims(claims())
    with transaction(identity, database=database) as tx:
        values = {"chat_id": DIARY, "content": "Why?", "history": HISTORY}
        return Answering(
            asked=tx.one(Asked, ASK, values),
            question="Why?",
            bases=[],
            model=resolve_model(tx, ACME, "chat"),
            config=effective_config(tx, ACME),
            identity=identity,
            database=database,
            deadline=Deadline.after(30),
        )


def test_answer_that_is_stored_twice_is_there_once(world: ChatWorld, answering: Answering) -> None:
    list(answering.events())

    answering._store("stop", None)

    assert len(world.chat_rows("messages", ANSWERS)) == len(world.calls()) == 1


def test_answer_to_a_deleted_question_is_charged_and_not_stored(world: ChatWorld, answering: Answering) -> None:
    events = answering.events()
    next(events)
    world.admin.execute("delete from chat.messages where id = %s", [answering.asked.message_id])

    list(events)

    assert (world.chat_rows("messages", ANSWERS), len(world.calls())) == ([], 1)


def test_answer_without_an_end_fails(
    server: ModelServer, answering: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cora_modules.chat.answer.LONGEST", 3)

    with pytest.raises(Exception, match="not an answer") as raised:
        list(answering.events())

    assert isinstance(raised.value.__cause__, ProviderError)


@pytest.mark.parametrize(("text", "cleaned"), [("a\0b", "ab"), ("\ud83d", "?"), ("é\U0001f600", "é\U0001f600")])
def test_clean_text_fits_the_database(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned
