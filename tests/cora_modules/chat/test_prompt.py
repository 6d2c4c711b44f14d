from typing import Literal
from uuid import UUID

import pytest

from cora_modules.ai.models.resolved_model import EffectiveConfig
from cora_modules.ai.provider import Message, Passage
from cora_modules.chat.models.messages import Citation
from cora_modules.chat.models.streaming import Turn
from cora_modules.chat.prompt import HISTORY_CHARACTERS, build_messages, build_request

ID = UUID("0198a000-aaaa-7000-8000-00000000c001")
CONFIG = EffectiveConfig(
    prompt="Be brief.",
    citation_style="numbers",
    tone="neutral",
    temperature=0.5,
    max_tokens=100,
    top_k=8,
    similarity=0,
    chat_model_id=None,
    embedding_model_id=None,
)


def turns(*said: tuple[Literal["user", "assistant", "system"], str]) -> list[Turn]:
    return [Turn(role=role, content=content) for role, content in said]


def test_request_has_instructions_settings_and_passages() -> None:
    citation = Citation(
        number=1,
        document_id=ID,
        base_id=ID,
        title="a.pdf",
        page=1,
        heading="Engines",
        start=0,
        end=4,
        content="Text",
        score=1.0,
    )

    request = build_request(CONFIG, turns(("system", "In rhymes.")), "Why?", [citation])

    assert (request.system, request.temperature, request.max_tokens) == ("Be brief.\n\nIn rhymes.", 0.5, 100)
    assert (request.messages, request.passages) == ((Message("user", "Why?"),), (Passage("a.pdf: Engines", "Text"),))


@pytest.mark.parametrize(
    ("said", "roles"),
    [
        (turns(), ["user"]),
        (turns(("user", "a"), ("assistant", "b")), ["user", "assistant", "user"]),
        # A question without an answer: the model sees both questions as one.
        (turns(("user", "a")), ["user"]),
        (turns(("assistant", "a")), ["user"]),
        # An answer that failed before its first word.
        (turns(("user", "a"), ("assistant", "")), ["user"]),
        (turns(("user", "a"), ("system", "b"), ("assistant", "c"), ("assistant", "d")), ["user", "assistant", "user"]),
    ],
)
def test_roles_alternate(said: list[Turn], roles: list[str]) -> None:
    messages = build_messages(said, "q")

    assert [message.role for message in messages] == roles
    assert messages[-1].content.endswith("q")


def test_oldest_messages_are_left_out() -> None:
    long = "x" * (HISTORY_CHARACTERS // 2)

    messages = build_messages(turns(("user", "old"), ("assistant", long), ("user", long), ("assistant", "")), "q")

    assert [message.content for message in messages] == [f"{long}\n\nq"]
