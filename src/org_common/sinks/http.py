"""Delivers outbox messages to an HTTP endpoint."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from ssl import SSLContext
from urllib.parse import quote, urlsplit

from org_common.db.delivery import Message, MessageRefused, PartialDelivery
from org_common.sinks.body import body
from org_common.telemetry.trace_context import TRACEPARENT

TIMEOUT_S = 10.0
# The message itself is wrong: another attempt would fail as well.
_FINAL = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.GONE,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    }
)


class HttpSink:
    """Sends each message as a POST request with the message as JSON, in order. For the relay.

    The headers `Org-Common-Id` and `Org-Common-Queue` have the id of the message and its queue (percent-encoded), and
    `traceparent` the trace of its sender. A message can arrive more than once: the endpoint compares the id with those
    that it has processed.

    A 2xx status accepts the message. 400, 410, 413, 415 and 422 park it at once. For any other status, and if there is
    no response, the relay tries again; the other messages of the queue wait for the next run.
    """

    url: str
    """Where to post, `https://…`; `http://…` for a server on this machine or in a private network."""

    headers: Mapping[str, str]
    """Sent with each request, for example `{"Authorization": "Bearer …"}`."""

    def __init__(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        sign: Callable[[int, bytes], Mapping[str, str]] | None = None,
        timeout_s: float = TIMEOUT_S,
        context: SSLContext | None = None,
    ) -> None:
        """Raises `ValueError` for a URL that is not http or https.

        `sign(id, body)` returns headers for one message, such as its signature. It is called for each attempt, so it
        can fetch the current key, and its time is that of the attempt. If it raises, the queue waits for the next run.

        `timeout_s` limits the wait for a connection and for each part of a response. `context` is by default one that
        verifies the server's certificate.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is not a valid URL of an endpoint. Example: https://hooks.example.com/outbox")
        self.url = url
        self.headers = dict(headers or {})
        self._parts = parts
        self._sign = sign
        self._timeout_s = timeout_s
        self._context = context

    def deliver(self, messages: Sequence[Message]) -> None:
        """Post all messages; raises `PartialDelivery` if the endpoint did not accept some of them."""
        accepted: list[int] = []
        refused: dict[int, Exception] = {}
        down: dict[str, Exception] = {}
        ended: set[object] = set()
        # A connection of this call alone: it survives no fork, and no idle time of a load balancer.
        connection = self._connection()
        try:
            for message in messages:
                key = (message.queue, message.key)
                if message.queue in down or key in ended:
                    continue
                try:
                    self._post(connection, message)
                    accepted.append(message.id)
                except MessageRefused as error:
                    refused[message.id] = error
                    if message.key is not None:
                        ended.add(key)
                except (OSError, http.client.HTTPException) as error:
                    down[message.queue] = error
                    connection.close()
        finally:
            connection.close()
        if len(accepted) < len(messages):
            raise PartialDelivery(accepted, refused, down)

    def _connection(self) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        if self._parts.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=self._timeout_s)
        return http.client.HTTPSConnection(host, port, timeout=self._timeout_s, context=self._context)

    def _signature(self, id: int, content: bytes) -> Mapping[str, str]:
        """The headers of `sign`. Its errors are those of an endpoint that is down: nothing is sent unsigned."""
        try:
            return {} if self._sign is None else self._sign(id, content)
        except Exception as error:
            raise http.client.HTTPException(f"sign() raised {type(error).__name__}: {error}") from error

    def _post(self, connection: http.client.HTTPConnection, message: Message) -> None:
        target = (self._parts.path or "/") + (f"?{self._parts.query}" if self._parts.query else "")
        headers = {
            "Content-Type": "application/json",
            **self.headers,
            "Org-Common-Id": str(message.id),
            "Org-Common-Queue": quote(message.queue, safe=""),
        }
        if message.traceparent is not None:
            headers[TRACEPARENT] = message.traceparent
        content = body(message).encode()
        headers |= self._signature(message.id, content)
        try:
            connection.request("POST", target, content, headers)
            response = connection.getresponse()
        except ConnectionError:
            # The server may have closed the connection after the previous response: once more, on a new one.
            connection.close()
            connection.request("POST", target, content, headers)
            response = connection.getresponse()
        # Read to its end, so that the connection can be used again.
        response.read()
        if response.status in _FINAL:
            raise MessageRefused(f"the endpoint responded {response.status} {response.reason}", message.id)
        if not 200 <= response.status < 300:
            raise http.client.HTTPException(f"the endpoint responded {response.status} {response.reason}")
