"""The console at `/console` of the local server: a page, its data as JSON and server-sent events, and its actions."""

from __future__ import annotations

import asyncio
import json
import secrets
import signal
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

from org_common.app import App
from org_common.tools.openapi.explorer import Application, Receive, Send, is_page_request, send_page
from org_common.tools.project.project import ToolError
from org_common.tools.serve.console.actions import Actions
from org_common.tools.serve.console.people import People
from org_common.tools.serve.console.record import RequestRecord
from org_common.tools.serve.console.recorder import Recorder

PATH = "/console"
REQUESTS = "/console/requests"
EVENTS = "/console/events"
PEOPLE = "/console/people"
PANELS = "/console/panels"
AGAIN = "/console/again"
PAGE = Path(__file__).with_name("page.html")
MAX_BODY = 16_384
# How often an idle stream looks for a closed tab and for the end of the server, and sends a comment.
PAUSE_S = 0.25
HEARTBEATS = 60
# New requests are gathered for this long. Formatting each one at once takes the interpreter away from the next request:
# a warm read then took twice as long (benchmarks/console.py, 2026-11).
GATHER_S = 0.1
# Events of one message. Other requests are served between two of them.
BATCH = 50


class Console:
    """ASGI middleware that records requests and serves the console. Paths that an app serves itself take precedence.

    It records from the start of the server to its end: between the two events of the lifespan protocol.
    """

    def __init__(
        self, application: Application, apps: Sequence[App], recorder: Recorder, actions: Actions | None = None
    ) -> None:
        """Without `actions`, it shows requests only."""
        self._application = application
        self._apps = apps
        self._recorder = recorder
        self._actions = actions or Actions(recorder, People())

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            with self._recorder.recording():
                await self._application(scope, receive, send)
            return
        path = scope.get("path", "")
        if path == PATH and is_page_request(scope, self._apps):
            nonce = secrets.token_urlsafe(16)
            await send_page(send, "text/html", _page(nonce), _policy(nonce))
        # Only the data tells something: a link of another page may lead to the empty page.
        elif path in (REQUESTS, EVENTS, PEOPLE, PANELS) and self._is_own(scope, "GET"):
            await self._read(path, scope, receive, send)
        elif path.startswith(f"{PATH}/") and self._is_own(scope, "POST") and is_json(scope):
            await self._act(path, receive, send)
        else:
            await self._application(scope, receive, send)

    def _is_own(self, scope: dict[str, Any], method: str) -> bool:
        return is_page_request(scope, self._apps, method=method) and is_same_origin(scope)

    async def _read(self, path: str, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if path == EVENTS:
            await self._stream(_last_id(scope), receive, send)
        elif path == REQUESTS:
            await _send_json(send, self._recorder.since(0))
        elif path == PEOPLE:
            await _send_json(send, self._actions.people())
        else:
            await _send_json(send, await asyncio.to_thread(self._actions.panels))

    async def _act(self, path: str, receive: Receive, send: Send) -> None:
        try:
            body = await _json_body(receive)
            action = self._actions.by_name.get(path.removeprefix(f"{PATH}/"))
            if path == AGAIN:
                found = await self._actions.again(self._application, body)
            elif action is not None:
                found = await asyncio.to_thread(action, body)
            else:
                await _send_json(send, {"error": "the console has no such action"}, status=404)
                return
        except ToolError as error:
            await _send_json(send, {"error": str(error)}, status=409)
        else:
            await _send_json(send, found)

    async def _stream(self, last_id: int, receive: Receive, send: Send) -> None:
        """Send the requests after this one, and each new one, until the tab is closed or the server stops."""
        loop, news = asyncio.get_running_loop(), asyncio.Event()
        is_woken = False

        def wake() -> None:
            nonlocal is_woken
            # Once for all requests that are gathered: each call writes to a socket, and switches threads.
            if not is_woken:
                is_woken = True
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
                    # Before the records are read: a request that ends from here on wakes the stream again.
                    is_woken = False
                    while records := self._recorder.since(last_id, BATCH):
                        last_id = records[-1].id
                        await _send_part(send, b"".join(map(event, records)))
                        await asyncio.sleep(0)
                    with suppress(TimeoutError):
                        async with asyncio.timeout(PAUSE_S):
                            await news.wait()
                            await asyncio.sleep(GATHER_S)
                    idle += 1
                    if idle % HEARTBEATS == 0:
                        await _send_part(send, b":\n\n")
                await send({"type": "http.response.body", "body": b""})
        finally:
            watcher.cancel()


def event(record: RequestRecord) -> bytes:
    """The server-sent event of a record. A browser that reconnects sends the last id that it has received."""
    return b"id: %d\ndata: %s\n\n" % (record.id, orjson.dumps(record))


def is_same_origin(scope: dict[str, Any]) -> bool:
    """Whether no page of another origin sent the request. Other programs of this machine send none of these headers."""
    headers = dict(scope["headers"])
    origin = headers.get(b"origin")
    return headers.get(b"sec-fetch-site", b"none") in (b"none", b"same-origin") and (
        origin is None or origin == b"http://" + headers.get(b"host", b"")
    )


def is_json(scope: dict[str, Any]) -> bool:
    """Whether the body is JSON by its header: a form of another page cannot send that without asking first."""
    return bool(dict(scope["headers"]).get(b"content-type", b"").partition(b";")[0].strip() == b"application/json")


def is_stopping() -> bool:
    """Whether uvicorn is about to stop. It waits for open streams, which would delay each reload by two seconds."""
    server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    return getattr(server, "should_exit", False) is True


async def _closed(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send_part(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _send_json(send: Send, value: object, *, status: int = 200) -> None:
    await send_page(send, "application/json", orjson.dumps(value, default=str), _policy(), status=status)


async def _json_body(receive: Receive) -> dict[str, Any]:
    """The body, a JSON object. `ToolError` for another one."""
    content = b""
    more = True
    while more:
        message = await receive()
        content += message.get("body", b"")
        more = message.get("more_body", False)
        if len(content) > MAX_BODY:
            raise ToolError("the body is too long")
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise ToolError("the body must be a JSON object")
    return body


def _last_id(scope: dict[str, Any]) -> int:
    text: bytes = dict(scope["headers"]).get(b"last-event-id") or scope["query_string"].removeprefix(b"after=")
    return int(text) if text.isdigit() else 0


def _page(nonce: str) -> bytes:
    """The page with its style and its script in it: one request, and a nonce that no other script knows."""
    page = PAGE.read_text(encoding="utf-8")
    for name in ("page.css", "page.js"):
        page = page.replace(f"/* {name} */", PAGE.with_name(name).read_text(encoding="utf-8"))
    return page.replace("NONCE", nonce).encode()


def _policy(nonce: str | None = None) -> str:
    own = "'none'" if nonce is None else f"'nonce-{nonce}'"
    return (
        f"default-src 'none'; script-src {own}; style-src {own}; img-src data:; connect-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    )
