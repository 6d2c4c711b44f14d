import pytest

from cora_modules.ai.local import CHAT_MODEL, INTRODUCTION, LEXICAL, NOTHING_FOUND, WORD_VECTORS, Local
from cora_modules.ai.provider import ChatRequest, Message, Passage, ProviderError
from org_common import Deadline

PASSAGES = (
    Passage("leave.md", "Every employee has 25 days of leave. Leave is approved by the manager."),
    Passage("travel.md", "Trains are booked in second class."),
)


def ask(question: str, *passages: Passage, max_tokens: int = 1000) -> ChatRequest:
    return ChatRequest("Answer.", (Message("user", question),), passages, max_tokens=max_tokens)


def test_answer_says_what_it_is_and_cites() -> None:
    reply = Local(CHAT_MODEL).chat(ask("Who approves leave?", *PASSAGES), Deadline.after(5))

    deltas = list(reply.deltas)

    assert deltas[0] == INTRODUCTION
    assert "\n- Leave is approved by the manager. [1]" in deltas
    assert reply.finish_reason == "stop"
    assert reply.usage.tokens_in > 0
    assert reply.usage.tokens_out >= len("".join(deltas)) // 4


def test_answer_arrives_sentence_by_sentence() -> None:
    reply = Local(CHAT_MODEL).chat(ask("Who approves leave, and which class are trains?", *PASSAGES), Deadline.after(5))

    next(reply.deltas)

    assert reply.finish_reason is None
    assert len(list(reply.deltas)) >= 2


def test_no_passage_no_answer() -> None:
    reply = Local(CHAT_MODEL).chat(ask("Who?"), Deadline.after(5))

    assert "".join(reply.deltas) == NOTHING_FOUND


@pytest.mark.parametrize("max_tokens", [1, 5, 30])
def test_answer_ends_at_max_tokens(max_tokens: int) -> None:
    reply = Local(CHAT_MODEL).chat(ask("Who approves leave?", *PASSAGES, max_tokens=max_tokens), Deadline.after(5))

    text = "".join(reply.deltas)

    assert len(text) <= max_tokens * 4
    assert (reply.finish_reason, reply.usage.tokens_out) == ("length", max_tokens)


@pytest.mark.parametrize("model_id", [WORD_VECTORS, LEXICAL, "large"])
def test_embedding_model_does_not_chat(model_id: str) -> None:
    with pytest.raises(ProviderError) as caught:
        Local(model_id).chat(ask("Who?"), Deadline.after(5))
    assert caught.value.kind == "refused"


@pytest.mark.parametrize("model_id", [CHAT_MODEL, "large"])
def test_chat_model_does_not_embed(model_id: str) -> None:
    with pytest.raises(ProviderError) as caught:
        Local(model_id).embed(["text"], Deadline.after(5))
    assert caught.value.kind == "refused"
