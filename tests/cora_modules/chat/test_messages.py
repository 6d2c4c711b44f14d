"""Messages: lists, what callers store, deletion and export."""

import pytest

from tests.cora_modules.access.world import pages
from tests.cora_modules.chat.world import ANSWERS, DIARY, LAUNCH, QUESTIONS, ChatWorld
from tests.cora_modules.ws.world import IDS

pytestmark = pytest.mark.db

MESSAGES = f"/chats/{DIARY}/messages"


def test_newest_message_is_last(world: ChatWorld) -> None:
    for text in ("one", "two", "three"):
        world.as_("carol").post(MESSAGES, {"content": text})

    found = [item["content"] for page in pages(world.as_("dave"), MESSAGES, 2) for item in page]

    assert found[2:] == ["one", "two", "three"]
    assert set(found[:2]) == {"question vb2", "answer vb2 [1]"}


def test_message_has_its_author_and_no_model(world: ChatWorld) -> None:
    response = world.as_("carol").post(MESSAGES, {"content": "Why?", "replyTo": str(ANSWERS[DIARY])})

    message = response.json()
    assert response.headers["location"] == f"{MESSAGES}/{message['id']}"
    assert world.as_("dave").get(response.headers["location"]).json() == message
    assert (message["role"], message["createdBy"], message["replyTo"], message["model"]) == (
        *("user", str(IDS["carol"]), str(ANSWERS[DIARY]), None),
    )


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"content": ""}, 422),
        ({"content": " \n"}, 422),
        ({"content": "x" * 32_001}, 422),
        ({"content": "x", "role": "assistant"}, 422),
        ({"content": "x", "model": "forged"}, 422),
        ({"content": "x\0y"}, 422),
        # A message of another chat that the caller sees.
        ({"content": "x", "replyTo": str(QUESTIONS[LAUNCH])}, 409),
        ({"content": "x", "role": "system"}, 201),
    ],
)
def test_what_can_be_stored(world: ChatWorld, body: dict[str, object], status: int) -> None:
    assert world.as_("carol").post(MESSAGES, body).status == status


def test_answer_has_citations_with_document_page_and_span(readonly_world: ChatWorld) -> None:
    message = readonly_world.as_("dave").get(f"{MESSAGES}/{ANSWERS[DIARY]}").json()

    [citation] = message["citations"]
    assert (citation["title"], citation["page"], citation["start"], citation["end"]) == ("engines.pdf", 3, 10, 42)
    # It was stored before citations had boxes.
    assert citation["box"] is None
    assert (message["model"], message["tokensIn"], message["tokensOut"], message["finishReason"]) == (
        *("some-model", 100, 20, "stop"),
    )


def test_message_of_another_chat_is_not_found(readonly_world: ChatWorld) -> None:
    assert readonly_world.as_("carol").get(f"{MESSAGES}/{QUESTIONS[LAUNCH]}").status == 404


def test_answer_outlives_its_question(world: ChatWorld) -> None:
    assert world.as_("frank").delete(f"{MESSAGES}/{QUESTIONS[DIARY]}").status == 204

    assert world.as_("frank").get(f"{MESSAGES}/{ANSWERS[DIARY]}").json()["replyTo"] is None
    assert world.as_("frank").delete(f"{MESSAGES}/{QUESTIONS[DIARY]}").status == 404


def test_export_as_markdown(readonly_world: ChatWorld) -> None:
    response = readonly_world.as_("dave").get(f"{MESSAGES}/export")

    assert response.headers["content-type"] == "text/markdown; charset=utf-8"
    assert response.headers["content-disposition"] == f'attachment; filename="chat-{DIARY}.md"'
    text = response.body.decode()
    assert text.startswith("# Diary Vb2\n\n## ")
    assert "- [1] engines.pdf, page 3, characters 10-42" in text


def test_export_as_json_has_the_citations(readonly_world: ChatWorld) -> None:
    exported = readonly_world.as_("dave").get(f"{MESSAGES}/export", format="json").json()

    listed = readonly_world.as_("dave").get(MESSAGES).json()["items"]
    assert (exported["title"], exported["messages"]) == ("Diary Vb2", listed)


def test_export_for_the_api_of_openai(readonly_world: ChatWorld) -> None:
    exported = readonly_world.as_("dave").get(f"{MESSAGES}/export", format="openai").json()

    assert sorted(exported["messages"], key=lambda message: message["role"]) == [
        {"role": "assistant", "content": "answer vb2 [1]"},
        {"role": "user", "content": "question vb2"},
    ]
    assert readonly_world.as_("dave").get(f"{MESSAGES}/export", format="pdf").status == 422
