"""Sends a captured request once more, as another person, and sets both responses side by side."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from org_common.tools.openapi.explorer import Application
from org_common.tools.project.project import ToolError
from org_common.tools.serve.console.capture import MARK, MAX_BYTES, Capture

TIMEOUT_S = 30.0
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_METHODS = SAFE | {"POST", "PUT", "PATCH", "DELETE"}
# Those of the other person, those of a response that a browser has, and those that this request gets anew.
_DROPPED = frozenset({
    *("authorization", "cookie", "idempotency-key", "if-none-match", "if-modified-since", "accept-encoding"),
    *("content-length", "transfer-encoding", "connection", "origin", "referer", MARK),
})  # fmt: skip
_UNRESERVED = "/:@!$&'()*+,;=~"


@dataclass
class SentResponse:
    """A response, as far as two of them are compared."""

    status: int = 0
    """0 if none arrived in time."""
    content_type: str = ""
    body: str | None = None
    """None for one that is binary, too long, or no longer in memory."""
    mark: str = field(default="", repr=False)
    """The value of the header `MARK` in its request."""

    @classmethod
    def of(cls, capture: Capture) -> SentResponse:
        """The response that a captured request had."""
        return cls(capture.status, capture.response_type, _text(capture.response))


def check_repeatable(capture: Capture, *, is_confirmed: bool) -> None:
    """Raise `ToolError` for a message of a queue, a body that is gone, and a write that was not confirmed."""
    if capture.method not in _METHODS:
        raise ToolError("only an HTTP request can be sent again")
    if capture.body is None:
        raise ToolError("the body of this request is no longer in memory")
    if capture.method not in SAFE and not is_confirmed:
        raise ToolError(f"confirm that {capture.method} may write once more")


async def send_again(application: Application, capture: Capture, token: str | None) -> SentResponse:
    """The response to the same request with this token, or without one. It runs completely, as any request.

    A response that is longer than `MAX_BYTES`, or takes longer than `TIMEOUT_S`, ends there: the caller hangs up.
    """
    response = SentResponse(mark=secrets.token_hex(16))
    is_gone = asyncio.Event()
    unread = [{"type": "http.request", "body": capture.body or b"", "more_body": False}]
    content = bytearray()

    async def receive() -> dict[str, Any]:
        if unread:
            return unread.pop()
        await is_gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            response.status = message["status"]
            response.content_type = dict(message["headers"]).get(b"content-type", b"").decode("latin-1")
        elif len(content) <= MAX_BYTES:
            content.extend(message.get("body", b""))
        else:
            is_gone.set()

    with suppress(TimeoutError):
        async with asyncio.timeout(TIMEOUT_S):
            await application(_scope(capture, token, response.mark), receive, send)
    response.body = _text(bytes(content)) if len(content) <= MAX_BYTES else None
    return response


def _scope(capture: Capture, token: str | None, mark: str) -> dict[str, Any]:
    headers = {name: value for name, value in capture.headers.items() if name not in _DROPPED}
    headers |= {MARK: mark, "content-length": str(len(capture.body or b""))}
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": capture.method,
        "scheme": "http",
        "path": capture.sent_path,
        "raw_path": quote(capture.sent_path, safe=_UNRESERVED).encode(),
        "query_string": capture.query.encode("latin-1", "replace"),
        "root_path": "",
        "headers": [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers.items()],
        "client": ("127.0.0.1", 0),
        "server": ("127.0.0.1", 0),
    }


def _text(body: bytes | None) -> str | None:
    try:
        return None if body is None else body.decode()
    except UnicodeDecodeError:
        return None
