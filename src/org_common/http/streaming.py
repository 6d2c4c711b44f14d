"""Sends a stream over ASGI: heartbeats, the client's hang-up, errors before and after the first byte."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from enum import Enum
from functools import partial

from org_common.http.producer import HEAD_S, Producer, error_event
from org_common.http.response import Response
from org_common.http.sse import HEARTBEAT
from org_common.http.stream import CANCELLED, COMPLETE, FAILED, HUNG_UP, StreamedResponse
from org_common.values.errors import Unavailable

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any, Protocol

    from org_common.http.incoming_request import IncomingRequest
    from org_common.http.response import OwnedResponse

    Receive = Callable[[], Awaitable[dict[str, Any]]]
    Send = Callable[[dict[str, Any]], Awaitable[None]]

    class Problems(Protocol):
        """How an app renders the errors of its streams."""

        def stream_problem(self, request: IncomingRequest, error: Exception) -> Response:
            """Log the error, and return its problem."""
            ...

        def replace_stream(self, request: IncomingRequest, problem: Response) -> OwnedResponse:
            """The finished response of a stream that failed before its first byte."""
            ...


# RFC 9110, section 8.6: these have no Content-Length.
WITHOUT_CONTENT = frozenset({204, 304})
# A client that takes nothing for this long is gone: the kernel's buffers and the server's are full.
STALLED_S = 60.0


class _Signal(Enum):
    HANG_UP = 1
    IDLE = 2


async def send_stream(
    problems: Problems,
    request: IncomingRequest,
    response: StreamedResponse,
    receive: Receive,
    send: Send,
) -> None:
    """Send the stream until it ends, fails, or the client hangs up."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[bytes | Response | _Signal | None] = asyncio.Queue()

    def in_loop(call: Callable[..., object], *arguments: object) -> None:
        # A loop that was closed has no one who waits.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(call, *arguments)

    producer = Producer(
        response,
        deliver=partial(in_loop, queue.put_nowait),
        fail=partial(problems.stream_problem, request),
        done=partial(in_loop, response.release),
    )
    watcher = asyncio.create_task(_watch(receive, queue))
    outcome = CANCELLED
    try:
        producer.start()
    except RuntimeError:
        # The process cannot start another thread.
        watcher.cancel()
        response.close()
        response.release()
        problem = problems.replace_stream(request, problems.stream_problem(request, Unavailable()))
        await send_response(request, problem, send)
        response.end(FAILED)
        return
    try:
        outcome = await _Sender(problems, request, response, send, queue, producer).run()
    finally:
        watcher.cancel()
        producer.close()
        response.end(outcome)


async def drain_streams(timeout_s: float) -> None:
    """Wait until the iterators of all streams have ended, at most this long. For a server that stops."""
    deadline_s = time.monotonic() + timeout_s
    # The tasks that were cancelled close their streams in the next turn of the loop.
    await asyncio.sleep(0)
    for producer in [*Producer.running]:
        await asyncio.to_thread(producer.join, max(deadline_s - time.monotonic(), 0))


async def send_response(request: IncomingRequest, response: Response, send: Send) -> None:
    """Send a complete response."""
    if response.status not in WITHOUT_CONTENT and request.method != "HEAD":
        response.headers["content-length"] = str(len(response.body))
    await send(_start(response))
    await send({"type": "http.response.body", "body": response.body})


async def _watch(receive: Receive, queue: asyncio.Queue[bytes | Response | _Signal | None]) -> None:
    """Report the hang-up: after it `send` does nothing, and only `receive` tells (uvicorn 0.54)."""
    while (await receive())["type"] != "http.disconnect":
        pass
    queue.put_nowait(_Signal.HANG_UP)


def _start(response: Response) -> dict[str, Any]:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers.items()]
    headers += [(b"set-cookie", cookie.encode("latin-1")) for cookie in response.cookies]
    return {"type": "http.response.start", "status": response.status, "headers": headers}


class _Sender:
    """One stream on its way."""

    def __init__(
        self,
        problems: Problems,
        request: IncomingRequest,
        response: StreamedResponse,
        send: Send,
        queue: asyncio.Queue[bytes | Response | _Signal | None],
        producer: Producer,
    ) -> None:
        self._problems = problems
        self._request = request
        self._response = response
        self._send = send
        self._queue = queue
        self._producer = producer

    async def run(self) -> str:
        """Send all of it. Returns how it ended."""
        self._producer.ask()
        item = await self._next(HEAD_S)
        if isinstance(item, Response):
            finished = self._problems.replace_stream(self._request, item)
            await send_response(self._request, finished, self._send)
            return FAILED
        if item is _Signal.HANG_UP:
            return HUNG_UP
        try:
            async with asyncio.timeout(STALLED_S):
                await self._send(_start(self._response))
            while True:
                async with asyncio.timeout(STALLED_S):
                    outcome = await self._send_item(item)
                if outcome is not None:
                    return outcome
                item = await self._next(self._response.heartbeat_s)
        except TimeoutError:
            return HUNG_UP

    async def _next(self, timeout_s: float | None) -> bytes | Response | _Signal | None:
        try:
            async with asyncio.timeout(timeout_s):
                return await self._queue.get()
        except TimeoutError:
            return _Signal.IDLE

    async def _send_item(self, item: bytes | Response | _Signal | None) -> str | None:
        """How the stream ended with this item; None if it goes on."""
        if isinstance(item, bytes):
            await self._send_body(item, is_item=True)
            self._producer.ask()
            return None
        if item is _Signal.IDLE:
            if self._response.is_events:
                await self._send_body(HEARTBEAT, is_item=False)
            return None
        if item is _Signal.HANG_UP:
            return HUNG_UP
        if item is None:
            await self._send_body(b"", more=False)
            return COMPLETE
        self._response.failure = item
        if self._response.is_events:
            await self._send_body(error_event(item), more=False)
        # Bytes are cut: without the end of the body, the server closes the connection, and the client sees the error.
        return FAILED

    async def _send_body(self, body: bytes, *, is_item: bool = False, more: bool = True) -> None:
        await self._send({"type": "http.response.body", "body": body, "more_body": more})
        self._response.count(body, is_item=is_item)
