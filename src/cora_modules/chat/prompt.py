"""What a model is asked: instructions, the conversation and the passages."""

from collections.abc import Sequence

from cora_modules.ai.models.resolved_model import EffectiveConfig
from cora_modules.ai.provider import ChatRequest, Message
from cora_modules.ai.provider import Passage as Source
from cora_modules.chat.models.messages import Citation
from cora_modules.chat.models.streaming import Turn

HISTORY = 40
"""How many earlier messages a model is given, at most."""
HISTORY_CHARACTERS = 24_000
"""How long they are together, at most: the newest."""


def build_request(
    config: EffectiveConfig, conversation: Sequence[Turn], question: str, citations: Sequence[Citation]
) -> ChatRequest:
    """The request to the model. System messages of the chat follow the organization's instructions."""
    instructions = [each.content for each in conversation if each.role == "system"]
    return ChatRequest(
        system="\n\n".join([config.prompt, *instructions]),
        messages=build_messages(conversation, question),
        passages=tuple(Source(_title(citation), citation.content) for citation in citations),
        temperature=config.temperature,
        max_tokens=config.max_tokens,
    )


def build_messages(conversation: Sequence[Turn], question: str) -> tuple[Message, ...]:
    """The newest messages and the question. User and assistant alternate, the user first: some models require it."""
    kept: list[Message] = [Message("user", question)]
    left = HISTORY_CHARACTERS
    for turn in reversed(conversation):
        if turn.role == "system" or not turn.content:
            continue
        left -= len(turn.content)
        if left < 0:
            break
        if kept[-1].role == turn.role:
            kept[-1] = Message(turn.role, f"{turn.content}\n\n{kept[-1].content}")
        else:
            kept.append(Message(turn.role, turn.content))
    if kept[-1].role == "assistant":
        kept.pop()
    return tuple(reversed(kept))


def _title(citation: Citation) -> str:
    return citation.title if citation.heading is None else f"{citation.title}: {citation.heading}"
