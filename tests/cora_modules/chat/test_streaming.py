"""Streamed answers: events, what is stored, failures of the provider, and who is refused."""

import json
from typing import Any
from uuid import uuid4

import pytest

from cora_modules.chat import streaming
from org_common import Event
from org_common.testing.client import Answer as Response
from org_common.testing.client import Client
from tests.cora_modules.access.world import ACME
from tests.cora_modules.ai.protocols.frames import DONE, chunk
from tests.cora_modules.ai.protocols.server import Answer, Server
from tests.cora_modules.chat.model_server import EVENTS, says
from tests.cora_modules.chat.world import DIARY, DOCUMENT, HANDBOOK, LAUNCH, PRICES, ChatWorld
from tests.cora_modules.ws.world import IDS, PEOPLE

pytestmark = pytest.mark.db

STREAM = f"/chats/{DIARY}/stream"
QUESTION = {"content": "What does the engine burn?"}


def ask(world: ChatWorld, name: str = "frank", path: str = STREAM, **body: Any) -> list[tuple[str, Any]]:
    """The events of an answer: their names and data."""
    client = Client(streaming.app, person=PEOPLE[name])
    with client.stream("POST", path, body={**QUESTION, **body}) as answer:
        items = [item for item in answer if isinstance(item, Event)]
    return [(item.event or "", json.loads(str(item.data))) for item in items]


def stored(world: ChatWorld) -> dict[str, Any]:
    """The latest answer in Diary."""
    rows = world.chat_rows("messages", f"chat_id = '{DIARY}' and role = 'assistant' and content <> 'answer vb2 [1]'")
    assert len(rows) == 1
    return rows[0]


def questions(world: ChatWorld) -> list[str]:
    rows = world.chat_rows("messages", f"chat_id = '{DIARY}' and role = 'user' and content <> 'question vb2'")
    return [row["content"] for row in rows]


def test_answer_is_streamed_with_citations(world: ChatWorld, server: Server) -> None:
    (start, citations, *deltas, done) = ask(world)

    assert [name for name, _ in (start, citations, *deltas, done)] == ["start", "citations", "delta", "delta", "done"]
    first = citations[1]["items"][0]
    assert (first["number"], first["documentId"], first["baseId"]) == (1, str(DOCUMENT), str(HANDBOOK))
    assert (first["title"], first["page"], first["start"], first["end"]) == ("launch vb2.pdf", 1, 0, 30)
    assert first["box"] == [50, 700.5, 300, 780]
    assert "".join(data["text"] for _, data in deltas) == "Kerosene [1]"
    assert done[1] == {
        "messageId": start[1]["messageId"],
        "finishReason": "stop",
        "usage": {"tokensIn": 12, "tokensOut": 3},
    }


def test_question_answer_and_charge_are_stored_once(world: ChatWorld, server: Server) -> None:
    start = ask(world)[0][1]

    answer = stored(world)
    assert questions(world) == [QUESTION["content"]]
    assert (str(answer["id"]), str(answer["reply_to"])) == (start["messageId"], start["questionId"])
    assert (answer["content"], answer["model"], answer["finish_reason"]) == ("Kerosene [1]", "large", "stop")
    assert answer["citations"][0]["document_id"] == str(DOCUMENT)
    [call] = world.calls()
    assert (call["id"], call["org_id"], call["user_id"]) == (answer["id"], ACME, IDS["frank"])
    assert (call["tokens_in"], call["tokens_out"], str(call["cost"]), call["error_kind"]) == (
        12,
        3,
        "0.01500000000",
        None,
    )
    every = world.admin.execute("select model_id from ai.ai_calls").fetchall()
    # The other one has embedded the question.
    assert len(every) == 2


def test_model_gets_instructions_conversation_and_passages(world: ChatWorld, server: Server) -> None:
    world.put("chat.messages", org_id=ACME, chat_id=DIARY, role="system", content="Answer in rhymes.")

    ask(world)

    [sent] = server.requests
    system, *conversation = sent.body["messages"]
    assert system["content"].endswith("Answer in rhymes.")
    assert [message["role"] for message in conversation] == ["user", "assistant", "user"]
    assert conversation[0]["content"] == "question vb2"
    assert "The engine burns kerosene vb2." in conversation[-1]["content"]


def test_answer_is_one_document_where_the_platform_cannot_stream(world: ChatWorld, server: Server) -> None:
    response = Client(streaming.app, person=PEOPLE["frank"]).post(STREAM, QUESTION)

    answer = response.json()
    assert (response.status, response.headers["content-type"]) == (200, "application/json")
    assert (answer["content"], answer["finishReason"], answer["usage"]) == (
        *("Kerosene [1]", "stop", {"tokensIn": 12, "tokensOut": 3}),
    )
    assert answer["citations"][0]["title"] == "launch vb2.pdf"
    assert str(stored(world)["id"]) == answer["messageId"]


def test_local_model_answers_from_the_passages_and_says_what_it_is(world: ChatWorld) -> None:
    start, citations, *deltas, done = ask(world)

    text = "".join(data["text"] for _, data in deltas)
    assert start[1]["model"] == stored(world)["model"] == "local-extracts-no-language-model"
    assert text.startswith("I am not a language model.")
    assert "The engine burns kerosene vb2. [1]" in text
    assert (done[0], citations[1]["items"][0]["page"]) == ("done", 1)


@pytest.mark.parametrize(
    ("answer", "kind", "content", "code"),
    [
        (says("Kero", end="close"), "cut", "Kero", "model_cut"),
        (says("Kero", end="reset"), None, "Kero", None),
        (says("Kero", finish=[b"data: {not json\n\n"]), "invalid_response", "Kero", "model_invalid_response"),
        (Answer(status=400), "refused", "", "model_refused"),
        (Answer([chunk("x"), chunk("y"), b"\n"], headers=EVENTS), "cut", "xy", "model_cut"),
    ],
)
def test_failing_model_loses_nothing(
    world: ChatWorld, server: Server, answer: Answer, kind: str | None, content: str, code: str | None
) -> None:
    server.answers = [answer]

    *_, (name, problem) = ask(world)

    row = stored(world)
    assert (name, questions(world)) == ("error", [QUESTION["content"]])
    assert row["finish_reason"] == "error"
    if kind is not None:
        assert (row["error"], row["content"], problem["code"]) == (kind, content, code)
    [call] = world.calls()
    assert (call["id"], call["error_kind"]) == (row["id"], row["error"])


def test_error_is_a_problem_where_the_platform_cannot_stream(world: ChatWorld, server: Server) -> None:
    server.answers = [says("Kero", end="close")]

    response = Client(streaming.app, person=PEOPLE["frank"]).post(STREAM, QUESTION)

    assert (response.status, response.json()["code"], stored(world)["content"]) == (503, "model_cut", "Kero")


def test_hang_up_stores_what_has_arrived(world: ChatWorld, server: Server) -> None:
    server.answers = [says("Kero", "sene", end="silence")]
    client = Client(streaming.app, person=PEOPLE["frank"])

    with client.stream("POST", STREAM, body=QUESTION) as answer:
        names = [item.event for _, item in zip(range(4), answer, strict=False) if isinstance(item, Event)]

    row = stored(world)
    assert names == ["start", "citations", "delta", "delta"]
    assert (row["content"], row["finish_reason"], row["error"]) == ("Kerosene", "cancelled", None)
    [call] = world.calls()
    assert (call["error_kind"], call["tokens_out"] > 0, call["tokens_in"] > 10) == ("cancelled", True, True)


def test_hang_up_before_the_model_was_called_calls_none(world: ChatWorld, server: Server) -> None:
    client = Client(streaming.app, person=PEOPLE["frank"])

    with client.stream("POST", STREAM, body=QUESTION) as answer:
        next(iter(answer))

    assert (stored(world)["finish_reason"], server.requests, world.calls()) == ("cancelled", [], [])


def test_text_that_the_database_cannot_hold_is_cleaned(world: ChatWorld, server: Server) -> None:
    broken = b'data: {"choices": [{"delta": {"content": "a\\u0000b"}}]}\n\n'
    server.answers = [Answer([broken, *says().parts], headers=EVENTS)]

    assert ask(world)[-1][0] == "done"
    assert stored(world)["content"] == "ab"


def test_question_without_bases_asks_the_model_alone(world: ChatWorld, server: Server) -> None:
    events = dict(ask(world, baseIds=[]))

    assert (events["citations"], stored(world)["citations"]) == ({"items": []}, [])


def test_bases_of_the_question_replace_those_of_the_chat(world: ChatWorld, server: Server) -> None:
    events = dict(ask(world, "carol", f"/chats/{LAUNCH}/stream", baseIds=[str(HANDBOOK)]))

    assert events["citations"]["items"][0]["documentId"] == str(DOCUMENT)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"baseIds": [str(PRICES)]}, 409, "broken_reference"),
        ({"baseIds": [str(uuid4())]}, 409, "broken_reference"),
        ({"modelId": str(uuid4())}, 409, "no_model"),
        ({"content": " "}, 422, "validation_failed"),
    ],
)
def test_refused_question_is_not_stored_and_calls_no_model(
    world: ChatWorld, server: Server, body: dict[str, Any], status: int, code: str
) -> None:
    response = Client(streaming.app, person=PEOPLE["frank"]).post(STREAM, {**QUESTION, **body})

    assert (response.status, response.json()["code"]) == (status, code)
    assert (questions(world), server.requests, world.calls()) == ([], [], [])


def test_bases_of_another_organization_of_the_caller_stay_there(world: ChatWorld, server: Server) -> None:
    """Bob is a member of both: passages of Globex must not get into a chat of Acme."""
    world.insert("org_members", org_id=ACME, user_id=IDS["bob"], org_role="org_user")
    world.put("chat.chat_members", org_id=ACME, chat_id=DIARY, user_id=IDS["bob"], access="edit")
    world.admin.execute("update access.users set is_active = true where id = %s", [IDS["bob"]])

    response = Client(streaming.app, person=PEOPLE["bob"]).post(STREAM, {**QUESTION, "baseIds": [str(PRICES)]})

    assert (response.status, response.json()["code"], server.requests) == (409, "broken_reference", [])


@pytest.mark.parametrize("name", ["dave", "grace", "alice", "bob", "erin", "root", "stranger", "expired", "anonymous"])
def test_refused_caller_causes_no_call(world: ChatWorld, server: Server, name: str) -> None:
    response: Response = Client(streaming.app, person=PEOPLE[name]).post(STREAM, QUESTION)

    expected = {"dave": 403, "stranger": 403, "expired": 401, "anonymous": 401}.get(name, 404)
    assert (response.status, server.requests, questions(world)) == (expected, [], [])
    assert world.admin.execute("select from ai.ai_calls").rowcount == 0


def test_chat_that_is_deleted_meanwhile_gets_the_answer(world: ChatWorld, server: Server) -> None:
    client = Client(streaming.app, person=PEOPLE["frank"])

    with client.stream("POST", STREAM, body=QUESTION) as answer:
        iterator = iter(answer)
        next(iterator)
        world.admin.execute("update chat.chats set deleted_at = now() where id = %s", [DIARY])
        assert [item.event for item in iterator if isinstance(item, Event)][-1] == "done"

    assert stored(world)["content"] == "Kerosene [1]"


def test_caller_who_leaves_the_organization_meanwhile_is_not_charged(world: ChatWorld, server: Server) -> None:
    client = Client(streaming.app, person=PEOPLE["frank"])

    with client.stream("POST", STREAM, body={**QUESTION, "baseIds": []}) as answer:
        iterator = iter(answer)
        next(iterator)
        world.admin.execute("delete from access.org_members where user_id = %s", [IDS["frank"]])
        assert [item.event for item in iterator if isinstance(item, Event)][-1] == "done"

    assert (stored(world)["content"], world.calls()) == ("Kerosene [1]", [])


def test_answer_ends_at_the_deadline(world: ChatWorld, server: Server) -> None:
    server.answers = [says("Kero", end="silence")]

    response = Client(streaming.app, person=PEOPLE["frank"], timeout_s=4).post(STREAM, QUESTION)

    row = stored(world)
    assert (response.status, response.json()["code"]) == (504, "model_timeout")
    assert (row["content"], row["finish_reason"], row["error"]) == ("Kero", "error", "timeout")


def test_done_without_a_reason_is_complete(world: ChatWorld, server: Server) -> None:
    server.answers = [Answer([chunk("Yes."), DONE], headers=EVENTS)]

    assert ask(world)[-1][1]["finishReason"] == "stop"
