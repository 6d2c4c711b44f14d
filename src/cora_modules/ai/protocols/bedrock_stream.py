"""The stream of ConverseStream: deltas, the end of the answer, and its usage."""

from collections.abc import Generator, Iterator
from typing import Any, NamedTuple

from org_common import Deadline

from cora_modules.ai.local import estimate_tokens
from cora_modules.ai.protocols.bedrock_client import translated
from cora_modules.ai.provider import FinishReason, ProviderError, Reply, Usage

_FINISH_REASONS: dict[str, FinishReason] = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "guardrail_intervened": "filtered",
    "content_filtered": "filtered",
}


def read_answer(stream: Any, reply: Reply, asked: str, deadline: Deadline) -> Generator[str]:
    """The deltas of a stream of ConverseStream. Fills in the rest of the reply.

    A connection that closes before `messageStop`, even inside a frame, ends botocore's loop without an error.
    """
    answered: list[str] = []
    finish: FinishReason | None = None
    try:
        for part in _parts(stream, deadline):
            finish = part.finish or finish
            reply.usage = part.usage or reply.usage
            if part.text:
                answered.append(part.text)
                yield part.text
    except ProviderError:
        # The answer is complete; only what follows it, such as the usage, is missing.
        if finish is None:
            raise
    finally:
        if reply.usage == Usage(0, 0):
            reply.usage = Usage(estimate_tokens(asked), estimate_tokens("".join(answered)))
    if finish is None:
        raise ProviderError("cut", "the stream ended before the answer did")
    reply.finish_reason = finish


class _Part(NamedTuple):
    """What an event says. Events of other kinds say nothing."""

    text: str | None
    finish: FinishReason | None
    usage: Usage | None


def _parts(stream: Any, deadline: Deadline) -> Iterator[_Part]:
    events = iter(stream)
    while True:
        with translated():
            event = next(events, None)
            part = None if event is None else _parse(event)
        if part is None:
            return
        if deadline.left_s() <= 0:
            raise ProviderError("timeout", "the deadline has passed")
        yield part


def _parse(event: dict[str, Any]) -> _Part:
    """Raises `KeyError` for an event without its content: botocore returns one for bad JSON, and raises nothing."""
    text = finish = usage = None
    if "contentBlockDelta" in event:
        text = event["contentBlockDelta"]["delta"].get("text")
    if "messageStop" in event:
        finish = _FINISH_REASONS.get(event["messageStop"]["stopReason"], "stop")
    if "metadata" in event:
        counted = event["metadata"].get("usage", {})
        usage = Usage(int(counted.get("inputTokens", 0)), int(counted.get("outputTokens", 0)))
    return _Part(text, finish, usage)
