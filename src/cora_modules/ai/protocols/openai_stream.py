"""The stream of an OpenAI-compatible server: deltas, the end of the answer, and its usage."""

from collections.abc import Generator, Iterable
from typing import Any

from cora_modules.ai.local import estimate_tokens
from cora_modules.ai.protocols.json_object import parse_object
from cora_modules.ai.protocols.openai_error import kind_of, name_of
from cora_modules.ai.protocols.sse import read_data
from cora_modules.ai.provider import FinishReason, ProviderError, Reply, Usage

_FINISH_REASONS: dict[str, FinishReason] = {"length": "length", "content_filter": "filtered"}
_MAX_COUNT = 2**40


def read_answer(chunks: Iterable[bytes], reply: Reply, asked: str) -> Generator[str]:
    """The deltas of a stream of chat completions. Fills in the rest of the reply.

    An answer without an end was cut, however the connection closed.
    """
    answered: list[str] = []
    finish: FinishReason | None = None
    try:
        for data in read_data(chunks):
            if data.strip() == "[DONE]":
                finish = finish or "stop"
                break
            event = parse_object(data.encode())
            if event.get("error"):
                raise ProviderError(kind_of(event), f"the answer ended with the error {name_of(event)}")
            text, reason = _delta_of(event)
            if reason is not None:
                finish = _FINISH_REASONS.get(reason, "stop")
            if event.get("usage"):
                reply.usage = usage_of(event, asked, "".join(answered))
            if text:
                answered.append(text)
                yield text
    except ProviderError:
        # The answer is complete; only what follows it, such as the usage, is missing.
        if finish is None:
            _estimate(reply, asked, answered)
            raise
    _estimate(reply, asked, answered)
    if finish is None:
        raise ProviderError("cut", "the stream ended before the answer did")
    reply.finish_reason = finish


def _estimate(reply: Reply, asked: str, answered: list[str]) -> None:
    if reply.usage == Usage(0, 0):
        reply.usage = Usage(estimate_tokens(asked), estimate_tokens("".join(answered)))


def _delta_of(event: dict[str, Any]) -> tuple[str, str | None]:
    """The text of an event, and the reason if it ends the answer. Events of other kinds have neither."""
    try:
        for choice in event.get("choices") or ():
            text = (choice.get("delta") or {}).get("content") or ""
            reason = choice.get("finish_reason")
            if isinstance(text, str) and isinstance(reason, str | None):
                return text, reason
            raise ProviderError("invalid_response", "an event of the stream has an unknown form")
    except (AttributeError, TypeError) as error:
        raise ProviderError("invalid_response", "an event of the stream has an unknown form") from error
    return "", None


def usage_of(content: dict[str, Any], asked: str, answered: str) -> Usage:
    """The tokens that the server counted, or an estimate."""
    usage = content.get("usage")
    counted = usage if isinstance(usage, dict) else {}
    tokens_in, tokens_out = _count(counted.get("prompt_tokens")), _count(counted.get("completion_tokens"))
    return Usage(
        estimate_tokens(asked) if tokens_in is None else tokens_in,
        estimate_tokens(answered) if tokens_out is None else tokens_out,
    )


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MAX_COUNT else None
