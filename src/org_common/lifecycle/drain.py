"""`Drain`: health checks of a container, and a stop that loses no request."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Awaitable, Callable
from types import FrameType
from typing import Any

# Two checks of a load balancer that fail, 5 s apart, and the time to stop sending.
WAIT_S = 15.0

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class Drain:
    """An ASGI application with two health checks in front, which goes on serving for a while after SIGTERM.

    A load balancer sends requests until its next check, but a server closes its port at SIGTERM. So on SIGTERM
    `ready` responds with 503, every response closes its connection, and the server gets the signal `wait_s` later.
    """

    def __init__(self, app: Any, *, wait_s: float = WAIT_S, live: str = "/livez", ready: str = "/readyz") -> None:
        """Serve this application, such as an `Asgi`.

        - `wait_s`: seconds from SIGTERM until the server stops: longer than the balancer takes to notice.
        - `live`: the path that responds with 200 as long as the process handles requests.
        - `ready`: the path that responds with 200 until SIGTERM, then with 503. Neither asks the database: when it is
          down, a new container would not help, and without containers callers would get no explanation.
        """
        self.draining: bool = False
        self._app = app
        self._wait_s = wait_s
        self._live = live
        self._ready = ready

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, self._on_startup(send))
        elif scope["type"] == "http" and scope["path"] in (self._live, self._ready):
            await self._check(scope, self._closing(send))
        elif scope["type"] == "http" and scope.get("http_version", "1.1").startswith("1"):
            await self._app(scope, receive, self._closing(send))
        else:
            await self._app(scope, receive, send)

    def _on_startup(self, send: Send) -> Send:
        async def sent(message: dict[str, Any]) -> None:
            if message["type"] == "lifespan.startup.complete" and _is_main_thread():
                # By now the server has installed its own handler, which gets the signal in the end.
                self._catch(asyncio.get_running_loop())
            await send(message)

        return sent

    def _catch(self, loop: asyncio.AbstractEventLoop) -> None:
        servers = signal.getsignal(signal.SIGTERM)

        def stop() -> None:
            signal.signal(signal.SIGTERM, servers)
            signal.raise_signal(signal.SIGTERM)

        def drain(number: int, frame: FrameType | None) -> None:
            if not self.draining:
                self.draining = True
                loop.call_soon_threadsafe(loop.call_later, self._wait_s, stop)

        signal.signal(signal.SIGTERM, drain)

    async def _check(self, scope: Scope, send: Send) -> None:
        draining = self.draining and scope["path"] == self._ready
        headers = [(b"content-type", b"text/plain"), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 503 if draining else 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"draining" if draining else b"ok"})

    def _closing(self, send: Send) -> Send:
        """While draining, let the client open its next connection elsewhere: idle ones are closed at the end."""

        async def sent(message: dict[str, Any]) -> None:
            if self.draining and message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
            await send(message)

        return sent


def _is_main_thread() -> bool:
    """Whether signals can be caught here. A server in another thread, as in tests, is stopped by other means."""
    return threading.current_thread() is threading.main_thread()
