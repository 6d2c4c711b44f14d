"""The same apps behind an ASGI server: the local one, and Fargate.

Each request becomes the event that API Gateway would have sent, so what runs locally is what runs in Lambda.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from org_common.app import App
from org_common.db.database import Database
from org_common.errors import OrgError, PayloadTooLarge
from org_common.http import gateway
from org_common.http.response import problem
from org_common.types import LocalContext

if TYPE_CHECKING:
    from org_common.types import Event

# As Lambda's own, for a request that it hands to a function (6 MB).
BODY_LIMIT_BYTES = 6 * 1024 * 1024
TIMEOUT_S = 29.0

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
# From the Authorization header to the JSON text of the claims; `Unauthorized` for a token that does not hold.
Authorize = Callable[[str], str]


# RFC 9110, section 8.6: these have no Content-Length.
WITHOUT_CONTENT = frozenset({204, 304})


class Disconnected(Exception):
    """The caller hung up before all of the request was there."""


class Asgi:
    """An ASGI application of several apps. `authorize` stands where API Gateway has the authorizer.

    The apps share `database`, which is closed with the server. A handler runs in a thread, as many at once as the
    event loop's executor has.
    """

    def __init__(self, apps: Sequence[App], *, database: Database, authorize: Authorize) -> None:
        self._apps = apps
        self._database = database
        self._authorize = authorize
        for app in apps:
            app.use(database)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        else:
            raise ValueError(f"{scope['type']} is not served here")

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = uuid.uuid4().hex
        try:
            body = await _body(receive)
            answer = await asyncio.to_thread(self._answer, scope, body, request_id)
        except Disconnected:
            return
        except OrgError as error:
            answer = gateway.answer(problem(error, request_id))
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer["headers"].items()]
        content = gateway.content(answer)
        if answer["statusCode"] not in WITHOUT_CONTENT:
            headers.append((b"content-length", str(len(content)).encode()))
        await send({"type": "http.response.start", "status": answer["statusCode"], "headers": headers})
        await send({"type": "http.response.body", "body": content})

    def _answer(self, scope: Scope, body: bytes, request_id: str) -> Event:
        # ASGI: header names are lower case already; API Gateway joins repeated ones with commas.
        headers: dict[str, str] = {}
        for name, value in scope["headers"]:
            key, text = name.decode("latin-1"), value.decode("latin-1")
            headers[key] = f"{headers[key]},{text}" if key in headers else text
        authorization = headers.get("authorization")
        event = gateway.event(
            scope["method"],
            scope.get("raw_path", scope["path"].encode()).decode("latin-1").partition("?")[0],
            query=scope["query_string"].decode("latin-1"),
            headers=headers,
            body=body,
            claims=None if authorization is None else self._authorize(authorization),
            request_id=request_id,
        )
        path = event["rawPath"]
        app = next((app for app in self._apps if app.serves(path)), self._apps[0])
        return app(event, LocalContext(request_id, TIMEOUT_S))

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                self._database.close()
                await send({"type": "lifespan.shutdown.complete"})
                return


async def _body(receive: Receive) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            # Half a request is none: nothing is carried out, and nobody waits for an answer.
            raise Disconnected
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size <= BODY_LIMIT_BYTES:
            chunks.append(chunk)
        if not message.get("more_body", False):
            break
    if size > BODY_LIMIT_BYTES:
        raise PayloadTooLarge(f"The body has {size} bytes, and {BODY_LIMIT_BYTES} are allowed.")
    return b"".join(chunks)
