"""The console at `/console` of the local server: one page, its data as JSON, and new requests as server-sent events."""

from __future__ import annotations

import asyncio
import json
import secrets
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from org_common.app import App
from org_common.tools.openapi.explorer import Application, Receive, Send, is_page_request, send_page
from org_common.tools.serve.console.record import RequestRecord
from org_common.tools.serve.console.recorder import Recorder

PATH = "/console"
REQUESTS = "/console/requests"
EVENTS = "/console/events"
PAGE = Path(__file__).with_name("page.html")
# How often an idle stream looks for a closed tab and for the end of the server, and sends a comment.
PAUSE_S = 0.25
HEARTBEATS = 60


class Console:
    """ASGI middleware that records requests and serves the console. Paths that an app serves itself take precedence.

    It records from the start of the server to its end: between the two events of the lifespan protocol.
    """

    def __init__(self, application: Application, apps: Sequence[App], recorder: Recorder) -> None:
        self._application = application
        self._apps = apps
        self._recorder = recorder

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            with self._recorder.recording():
                await self._application(scope, receive, send)
            return
        path = scope.get("path", "")
        # Only the data tells something: a link of another page may lead to the empty page.
        is_served = path == PATH or (path in (REQUESTS, EVENTS) and is_same_origin(scope))
        if not is_served or not is_page_request(scope, self._apps):
            await self._application(scope, receive, send)
        elif path == PATH:
            nonce = secrets.token_urlsafe(16)
            await send_page(send, "text/html", _page(nonce), _policy(nonce))
        elif path == REQUESTS:
            records = [asdict(record) for record in self._recorder.since(0)]
            await send_page(send, "application/json", json.dumps(records).encode(), _policy())
        else:
            await self._stream(_last_id(scope), receive, send)

    async def _stream(self, last_id: int, receive: Receive, send: Send) -> None:
        """Send the requests after this one, and each new one, until the tab is closed or the server stops."""
        loop, news = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            # A loop that was closed has no one who waits.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(news.set)

        watcher = asyncio.create_task(_closed(receive))
        headers = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache")]
        try:
            with self._recorder.listening(wake):
                await send({"type": "http.response.start", "status": 200, "headers": headers})
                await _send_part(send, b"retry: 500\n\n")
                idle = 0
                while not (watcher.done() or is_stopping()):
                    news.clear()
                    for record in self._recorder.since(last_id):
                        last_id = record.id
                        await _send_part(send, event(record))
                    with suppress(TimeoutError):
                        async with asyncio.timeout(PAUSE_S):
                            await news.wait()
                    idle += 1
                    if idle % HEARTBEATS == 0:
                        await _send_part(send, b":\n\n")
                await send({"type": "http.response.body", "body": b""})
        finally:
            watcher.cancel()


def event(record: RequestRecord) -> bytes:
    """The server-sent event of a record. A browser that reconnects sends the last id that it has received."""
    return f"id: {record.id}\ndata: {json.dumps(asdict(record))}\n\n".encode()


def is_same_origin(scope: dict[str, Any]) -> bool:
    """Whether no page of another origin sent the request. Other programs of this machine send none of these headers."""
    headers = dict(scope["headers"])
    origin = headers.get(b"origin")
    return headers.get(b"sec-fetch-site", b"none") in (b"none", b"same-origin") and (
        origin is None or origin == b"http://" + headers.get(b"host", b"")
    )


def is_stopping() -> bool:
    """Whether uvicorn is about to stop. It waits for open streams, which would delay each reload by two seconds."""
    server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    return getattr(server, "should_exit", False) is True


async def _closed(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send_part(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})


def _last_id(scope: dict[str, Any]) -> int:
    text: bytes = dict(scope["headers"]).get(b"last-event-id") or scope["query_string"].removeprefix(b"after=")
    return int(text) if text.isdigit() else 0


def _page(nonce: str) -> bytes:
    return PAGE.read_text(encoding="utf-8").replace("NONCE", nonce).encode()


def _policy(nonce: str | None = None) -> str:
    own = "'none'" if nonce is None else f"'nonce-{nonce}'"
    return (
        f"default-src 'none'; script-src {own}; style-src {own}; img-src data:; connect-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    )
