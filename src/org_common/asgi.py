"""The same apps behind an ASGI server: the local one, and Fargate."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from org_common.app import App
from org_common.db.database import Database
from org_common.events.event_source import decode_path, strip_prefix
from org_common.http.request import Request
from org_common.http.response import Response
from org_common.values.errors import OrgError, PayloadTooLarge
from org_common.values.types import Deadline

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
    """An ASGI application of several apps.

    `authorize` stands where API Gateway has the authorizer; without it the apps must verify tokens themselves. The
    apps share `database`, which is closed with the server. A handler runs in a thread, as many at once as the event
    loop's executor has.
    """

    def __init__(self, apps: Sequence[App], *, database: Database, authorize: Authorize | None = None) -> None:
        """`TypeError` when an app relies on an authorizer and there is none."""
        for app in apps:
            if authorize is None and app.identity.needs_authorizer:
                raise TypeError(
                    f"{app!r} has identity={app.identity!r}, which relies on an authorizer in front: give authorize=, "
                    "or let the app verify tokens itself: identity=Bearer(...)"
                )
            app.use(database)
        self._apps = apps
        self._database = database
        self._authorize = authorize

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        else:
            raise ValueError(f"{scope['type']} is not served here")

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = read(scope)
        try:
            request.body = await _body(receive)
            response = await asyncio.to_thread(self._answer, request)
        except Disconnected:
            return
        except PayloadTooLarge as error:
            response = self._app(request).refuse(request, error)
        content = response.body
        if response.status not in WITHOUT_CONTENT and request.method != "HEAD":
            response.headers["content-length"] = str(len(content))
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers.items()]
        headers += [(b"set-cookie", cookie.encode("latin-1")) for cookie in response.cookies]
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    def _answer(self, request: Request) -> Response:
        app = self._app(request)
        authorization = request.headers.get("authorization")
        if self._authorize is not None and authorization is not None and self._is_authorized(app, request):
            try:
                request.authorizer = {"claims": self._authorize(authorization)}
            except OrgError as error:
                return app.refuse(request, error)
        return app.handle(request)

    def _app(self, request: Request) -> App:
        """As API Gateway picks a route: by method and path, and a literal segment before a parameter."""
        method, path = request.method, request.path
        if method == "OPTIONS":
            # Before a request from another origin: that one's app answers.
            method = request.headers.get("access-control-request-method", method)
        found = [(route.path, app) for app in self._apps if (route := app.route_of(method, path)) is not None]
        if found:
            return min(found, key=lambda each: [part.startswith("{") for part in each[0].split("/")])[1]
        return next((app for app in self._apps if app.serves(path)), self._apps[0])

    @staticmethod
    def _is_authorized(app: App, request: Request) -> bool:
        """As in front of an API: what needs no identity has no authorizer."""
        return app.identity.needs_authorizer and app.needs_identity(request.method, request.path)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                self._database.close()
                await send({"type": "lifespan.shutdown.complete"})
                return


def read(scope: Scope) -> Request:
    """The request of a scope, still without its body and without an authorizer."""
    # ASGI: header names are lower case already. Repeated ones are joined, as API Gateway does.
    headers: dict[str, str] = {}
    for raw_name, value in scope["headers"]:
        name, text = raw_name.decode("latin-1"), value.decode("latin-1")
        separator = "; " if name == "cookie" else ","
        headers[name] = f"{headers[name]}{separator}{text}" if name in headers else text
    # The bytes where there are any: a server may have decoded `path` in another way than API Gateway would.
    raw_path: bytes | None = scope.get("raw_path")
    sent_path: str = scope["path"] if raw_path is None else decode_path(raw_path.decode("latin-1").partition("?")[0])
    return Request(
        scope["method"],
        strip_prefix(scope.get("root_path", ""), sent_path),
        sent_path,
        scope["query_string"].decode("latin-1"),
        headers,
        b"",
        uuid.uuid4().hex,
        None,
        Deadline.after(TIMEOUT_S),
    )


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
