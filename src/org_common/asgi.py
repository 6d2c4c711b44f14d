"""`Asgi`: the same apps behind an ASGI server, the local one or on Fargate."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from org_common.app import App
from org_common.db.database import Database
from org_common.events.event_source import decode_path, strip_prefix
from org_common.http.incoming_request import IncomingRequest
from org_common.http.request import Request
from org_common.http.response import Response
from org_common.values.errors import OrgError, PayloadTooLarge
from org_common.values.types import Deadline

# The limit of Lambda for a request (6 MB).
BODY_LIMIT_BYTES = 6 * 1024 * 1024
TIMEOUT_S = 29.0

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
# From the Authorization header to the claims as a JSON string. Raises `Unauthorized` for an invalid token.
Authorize = Callable[[str], str]


# RFC 9110, section 8.6: these have no Content-Length.
WITHOUT_CONTENT = frozenset({204, 304})


class Disconnected(Exception):
    """The caller disconnected before the request was complete."""


class Asgi:
    """An ASGI application that serves several apps. Each handler runs in a thread of the event loop's executor."""

    def __init__(self, apps: Sequence[App], *, database: Database, authorize: Authorize | None = None) -> None:
        """Serve these apps. Raises `TypeError` when an app relies on an authorizer and `authorize` is None.

        - `database`: shared by the apps; closed when the server shuts down.
        - `authorize`: takes the place of API Gateway's authorizer. Without it the apps verify tokens themselves.
        """
        for app in apps:
            if authorize is None and app.identity.needs_authorizer:
                raise TypeError(
                    f"{app!r}: identity={app.identity!r} relies on an authorizer, and authorize= is missing. Pass "
                    "authorize=, or verify tokens in the app: identity=Bearer(...)"
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
            raise ValueError(f"ASGI scope type {scope['type']!r} is not supported: use http or lifespan")

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = read(scope)
        try:
            request.body = await _body(receive)
            response = await asyncio.to_thread(self._respond, request)
        except Disconnected:
            return
        except PayloadTooLarge as error:
            response = self._app(request).pipeline.respond(request, error)
        content = response.body
        if response.status not in WITHOUT_CONTENT and request.method != "HEAD":
            response.headers["content-length"] = str(len(content))
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers.items()]
        headers += [(b"set-cookie", cookie.encode("latin-1")) for cookie in response.cookies]
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    def _respond(self, request: IncomingRequest) -> Response:
        app = self._app(request)
        authorization = request.headers.get("authorization")
        if self._authorize is not None and authorization is not None and self._is_authorized(app, request):
            try:
                request.authorizer = {"claims": self._authorize(authorization)}
            except OrgError as error:
                return app.pipeline.respond(request, error)
        return app.pipeline.respond(request)

    def _app(self, request: Request) -> App:
        """The app that API Gateway would route to: by method and path, a literal segment before a parameter."""
        method, path = request.method, request.path
        if method == "OPTIONS":
            # A CORS preflight: the app of the request that follows responds.
            method = request.headers.get("access-control-request-method", method)
        routed = [
            (route.path, app) for app in self._apps if (route := app.pipeline.find_route(method, path)) is not None
        ]
        if routed:
            return min(routed, key=lambda candidate: [part.startswith("{") for part in candidate[0].split("/")])[1]
        return next((app for app in self._apps if app.pipeline.table.knows(path)), self._apps[0])

    @staticmethod
    def _is_authorized(app: App, request: Request) -> bool:
        """As with API Gateway, routes without a caller have no authorizer."""
        return app.identity.needs_authorizer and app.pipeline.needs_identity(request.method, request.path)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                self._database.close()
                await send({"type": "lifespan.shutdown.complete"})
                return


def read(scope: Scope) -> IncomingRequest:
    """The request of a scope, without body and authorizer."""
    # ASGI requires names in lower case, but not every adapter keeps to it. Repeated headers are joined, as API Gateway
    # does.
    headers: dict[str, str] = {}
    for raw_name, value in scope["headers"]:
        name, text = raw_name.decode("latin-1").lower(), value.decode("latin-1")
        separator = "; " if name == "cookie" else ","
        headers[name] = f"{headers[name]}{separator}{text}" if name in headers else text
    # Prefer the raw bytes: a server may decode `path` differently from API Gateway.
    raw_path: bytes | None = scope.get("raw_path")
    sent_path: str = scope["path"] if raw_path is None else decode_path(raw_path.decode("latin-1").partition("?")[0])
    return IncomingRequest(
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
            # An incomplete request has no effect, and no one waits for a response.
            raise Disconnected
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size <= BODY_LIMIT_BYTES:
            chunks.append(chunk)
        if not message.get("more_body", False):
            break
    if size > BODY_LIMIT_BYTES:
        raise PayloadTooLarge(f"The body has {size} bytes; the limit is {BODY_LIMIT_BYTES}.")
    return b"".join(chunks)
