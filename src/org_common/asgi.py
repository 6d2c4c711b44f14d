"""`Asgi`: the same apps behind an ASGI server, the local one or on Fargate."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import orjson

from org_common.app import App
from org_common.db.database import Database
from org_common.events.event_source import decode_path, strip_prefix
from org_common.http.admission import THREADS, WAITING, Admission, Quota, Share
from org_common.http.incoming_request import IncomingRequest
from org_common.http.request import Request
from org_common.http.response import Response
from org_common.http.stream import StreamedResponse
from org_common.http.streaming import drain_streams, send_response, send_stream
from org_common.lifecycle.drain import Drain
from org_common.values.errors import OrgError, PayloadTooLarge, Unauthorized, Unavailable
from org_common.values.types import Deadline

__all__ = ["Asgi", "Drain"]

# The limit of Lambda for a request (6 MB).
BODY_LIMIT_BYTES = 6 * 1024 * 1024
TIMEOUT_S = 29.0
# Of the threads, of the queue and of the memory for bodies. Less than half of the connections of a pool for an
# organization, so that its slow statements leave some to others.
STREAMS = 2000
# For a stream whose handler has returned, and for open streams to end when the server stops: uvicorn cancels them.
STREAM_S, DRAIN_S = 900.0, 10.0
CALLER_SHARE, TENANT_SHARE, ADDRESS_SHARE = 0.25, 0.4, 0.5
TENANT_PARAMETER = "{org_id}"

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
# From the Authorization header to the claims as a JSON string. Raises `Unauthorized` for an invalid token.
Authorize = Callable[[str], str]


WITHOUT_BODY = frozenset({"GET", "HEAD", "OPTIONS"})


class RequestTimeout(OrgError):
    """The body did not arrive in time."""

    status = 408
    title = "Request Timeout"
    code = "request_timeout"
    detail = "The request body did not arrive in time."


class Disconnected(Exception):
    """The caller disconnected before the request was complete."""


class Asgi:
    """An ASGI application that serves several apps. Each handler runs in a thread."""

    def __init__(
        self,
        apps: Sequence[App],
        *,
        database: Database,
        authorize: Authorize | None = None,
        threads: int = THREADS,
        waiting: int = WAITING,
        streams: int = STREAMS,
        stream_s: float = STREAM_S,
    ) -> None:
        """Serve these apps. Raises `TypeError` when an app relies on an authorizer and `authorize` is None.

        - `database`: shared by the apps; closed when the server shuts down.
        - `authorize`: takes the place of API Gateway's authorizer. Without it the apps verify tokens themselves.
        - `threads`: how many requests run at once. A caller may take a quarter of them, an organization two fifths.
        - `waiting`: how many requests wait for a thread, in the same shares. Any other is refused with 503.
        - `streams`: how many responses are streamed at once, in the same shares. Each has a thread of its own.
        - `stream_s`: the deadline of a stream, from the end of its handler, which has 29 s.
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
        self._admission = Admission(threads, waiting)
        self._streams = Quota(streams)
        self._stream_s = stream_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        else:
            raise ValueError(f"ASGI scope type {scope['type']!r} is not supported: use http or lifespan")

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = read(scope)
        app = self._app(request)
        try:
            response = await self._response(app, request, receive, scope)
        except Disconnected:
            return
        except OrgError as error:
            response = app.pipeline.respond(request, error)
        if isinstance(response, StreamedResponse):
            # The same object: the iterator has it from the handler.
            request.deadline.at_s = time.monotonic() + self._stream_s
            await send_stream(app.pipeline, request, response, receive, send)
        else:
            await send_response(request, response, send)

    async def _response(self, app: App, request: IncomingRequest, receive: Receive, scope: Scope) -> Response:
        """The response; the token is checked before the body is read, and the body before a thread is taken."""
        deadline_s = time.monotonic() + request.deadline.left_s()
        size = body_size(request, scope)
        address = (scope.get("client") or ("",))[0]
        needs_identity = app.pipeline.needs_identity(request.method, request.path)
        if needs_identity and (app.identity.needs_authorizer or size > 0 or request.method not in WITHOUT_BODY):
            # Counts toward the address, as the caller is not known yet, and not with the address's public requests.
            shares = [Share(("verify", address), ADDRESS_SHARE)]
            await self._admission.run(partial(self._authenticate, app, request), shares, deadline_s=deadline_s)
        shares = self._shares(app, request) if needs_identity else [Share(("address", address), ADDRESS_SHARE)]
        with self._admission.body(size, shares):
            # Without a body the server hands over its empty end at once, which needs no timer.
            request.body = await (
                _body(receive) if size == 0 and request.method in WITHOUT_BODY else _body_in_time(receive, deadline_s)
            )
            respond = partial(app.pipeline.respond, request)
            if app.pipeline.has_streams and app.pipeline.streams(request.method, request.path):
                return await self._open_stream(respond, shares, deadline_s)
            response = await self._admission.run(respond, shares, deadline_s=deadline_s)
        if isinstance(response, StreamedResponse):
            self._admit_late(response, shares)
        return response

    async def _open_stream(self, respond: Callable[[], Response], shares: list[Share], deadline_s: float) -> Response:
        """The response of a route that is annotated `-> Stream`: admitted first, so a refused one has no effect."""
        self._streams.take(1, shares)
        release = partial(self._streams.give_back, 1, shares)
        try:
            response = await self._admission.run(respond, shares, deadline_s=deadline_s)
        except BaseException:
            release()
            raise
        if isinstance(response, StreamedResponse):
            response.release = release
        else:
            release()
        return response

    def _admit_late(self, response: StreamedResponse, shares: list[Share]) -> None:
        """Admit the stream of a route that is not annotated as one."""
        try:
            self._streams.take(1, shares)
        except Unavailable:
            response.close()
            raise
        response.release = partial(self._streams.give_back, 1, shares)

    def _authenticate(self, app: App, request: IncomingRequest) -> None:
        """Raises `Unauthorized` without a valid token, as API Gateway's authorizer does before the app."""
        authorization = request.headers.get("authorization")
        if app.identity.needs_authorizer:
            assert self._authorize is not None
            if authorization is None:
                raise Unauthorized
            request.authorizer = {"claims": self._authorize(authorization)}
        elif app.identity.identity(request) is None:
            raise Unauthorized

    def _shares(self, app: App, request: IncomingRequest) -> list[Share]:
        """What the request counts toward: its caller, and the organization that it is about."""
        claims = (request.authorizer or {}).get("claims")
        # An app that verifies tokens itself refuses an invalid one at once, so that its share is never held.
        caller: object = request.headers.get("authorization", "")
        if isinstance(claims, str):
            parsed = orjson.loads(claims)
            caller = (parsed.get("iss"), parsed.get("sub"))
        shares = [Share(("caller", caller), CALLER_SHARE)]
        tenant = app.pipeline.path_value(request, TENANT_PARAMETER)
        return shares if tenant is None else [*shares, Share(("tenant", tenant), TENANT_SHARE)]

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

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                self._admission.close()
                # Their `finally` blocks store what has arrived.
                await drain_streams(DRAIN_S)
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


def body_size(request: Request, scope: Scope) -> int:
    """The size of the body by its header, the limit if only reading it tells. Raises `PayloadTooLarge` beyond that."""
    length = request.headers.get("content-length")
    if length is None:
        # A body without a length is chunked, or of HTTP/2.
        has_body = request.method not in WITHOUT_BODY and not scope.get("http_version", "1.1").startswith("1")
        return BODY_LIMIT_BYTES if has_body or "transfer-encoding" in request.headers else 0
    size = int(length) if length.isascii() and length.isdigit() else BODY_LIMIT_BYTES
    if size > BODY_LIMIT_BYTES:
        raise PayloadTooLarge(f"The body has {size} bytes; the limit is {BODY_LIMIT_BYTES}.")
    return size


async def _body_in_time(receive: Receive, deadline_s: float) -> bytes:
    try:
        async with asyncio.timeout(max(deadline_s - time.monotonic(), 0)):
            return await _body(receive)
    except TimeoutError:
        raise RequestTimeout from None


async def _body(receive: Receive) -> bytes:
    """The body, which is not read beyond the limit."""
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            # An incomplete request has no effect, and no one waits for a response.
            raise Disconnected
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > BODY_LIMIT_BYTES:
            raise PayloadTooLarge(f"The body has more than {BODY_LIMIT_BYTES} bytes, which is the limit.")
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)
