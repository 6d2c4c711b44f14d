"""Messages of the protocols: frames of Amazon's event streams, and server-sent events."""

import json
import struct
import zlib
from collections.abc import Mapping
from typing import Any


def frame(headers: Mapping[str, str], payload: bytes) -> bytes:
    """A frame of `application/vnd.amazon.eventstream`, with its two checksums."""
    head = b"".join(
        struct.pack("!B", len(name)) + name.encode() + struct.pack("!BH", 7, len(value)) + value.encode()
        for name, value in headers.items()
    )
    prelude = struct.pack("!II", 16 + len(head) + len(payload), len(head))
    message = prelude + struct.pack("!I", zlib.crc32(prelude)) + head + payload
    return message + struct.pack("!I", zlib.crc32(message))


def event(name: str, **content: Any) -> bytes:
    """An event of ConverseStream."""
    headers = {":message-type": "event", ":event-type": name, ":content-type": "application/json"}
    return frame(headers, json.dumps(content).encode())


def exception(name: str, message: str = "no") -> bytes:
    """A modeled error in the middle of a stream."""
    headers = {":message-type": "exception", ":exception-type": name, ":content-type": "application/json"}
    return frame(headers, json.dumps({"message": message}).encode())


def unmodeled_error(code: str) -> bytes:
    return frame({":message-type": "error", ":error-code": code, ":error-message": "no"}, b"")


def delta(text: str) -> bytes:
    return event("contentBlockDelta", delta={"text": text}, contentBlockIndex=0)


def stop(reason: str = "end_turn") -> bytes:
    return event("messageStop", stopReason=reason)


def metadata(tokens_in: int = 12, tokens_out: int = 3) -> bytes:
    usage = {"inputTokens": tokens_in, "outputTokens": tokens_out, "totalTokens": tokens_in + tokens_out}
    return event("metadata", usage=usage, metrics={"latencyMs": 5})


def data(content: Any) -> bytes:
    """A server-sent event."""
    return b"data: " + json.dumps(content, ensure_ascii=False).encode() + b"\n\n"


def chunk(text: str | None = None, reason: str | None = None) -> bytes:
    """An event of a stream of chat completions."""
    content = {} if text is None else {"content": text}
    return data(
        {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": content, "finish_reason": reason}]}
    )


def usage(tokens_in: int = 12, tokens_out: int = 3) -> bytes:
    return data({"choices": [], "usage": {"prompt_tokens": tokens_in, "completion_tokens": tokens_out}})


DONE = b"data: [DONE]\n\n"
SSE = {"Content-Type": "text/event-stream"}
EVENT_STREAM = {"Content-Type": "application/vnd.amazon.eventstream"}
JSON = {"Content-Type": "application/json"}
