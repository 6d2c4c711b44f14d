"""GET of a small JSON document with strict limits: one host, no redirect, 256 KB, two seconds in total."""

from __future__ import annotations

import io
import socket
import time
from http.client import HTTPException, HTTPResponse
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from org_common.lifecycle.timeout import run_with_timeout
from org_common.telemetry.trace import Span, span

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

MAX_BYTES = 256 * 1024
# API Gateway gives an authorizer ten seconds, including its cold start.
TIMEOUT_S = 2.0
USER_AGENT = "org-common"


class FetchError(Exception):
    """The document could not be fetched. The message says why, without any of the response."""


class Fetch:
    """Fetches one URL, with a new connection each time.

    It uses a socket: the timeout of http.client is for each read, so that a server that sends a byte a second never
    times out, and urllib follows redirects and proxies of the environment.
    """

    def __init__(
        self,
        url: str,
        *,
        tls: ssl.SSLContext | None = None,
        timeout_s: float = TIMEOUT_S,
        resolve: Callable[..., Any] = socket.getaddrinfo,
    ) -> None:
        """`url` is https, or http if its `Issuer` allows it; `tls` uses the system's CA certificates by default.

        `resolve` looks up the host, as `socket.getaddrinfo` does.
        """
        parts = urlsplit(url)
        assert parts.hostname is not None
        self._url = url
        self._host = parts.hostname
        self._is_plain = parts.scheme == "http"
        self._port = parts.port or (80 if self._is_plain else 443)
        self._head = (
            f"GET {parts.path or '/'}{'?' + parts.query if parts.query else ''} HTTP/1.1\r\n"
            f"Host: {parts.netloc}\r\nUser-Agent: {USER_AGENT}\r\n"
            "Accept: application/json\r\nAccept-Encoding: identity\r\nConnection: close\r\n\r\n"
        ).encode("ascii")
        self._tls = tls
        self._timeout_s = timeout_s
        self._resolve = resolve

    def __call__(self) -> bytes:
        """The document. Raises `FetchError` if it is missing, incomplete, too large or late."""
        deadline_s = time.monotonic() + self._timeout_s
        try:
            # Without trace headers: an issuer is a third party.
            with self._span(), self._connected(deadline_s) as connection:
                connection.sendall(self._head)
                return self._body(HTTPResponse(_Bounded(connection, deadline_s), method="GET"))  # type: ignore[arg-type]
        except TimeoutError:
            raise FetchError(f"no response within {self._timeout_s:g} s") from None
        except (OSError, HTTPException, ValueError) as error:
            # Only its type: some messages quote what the server sent.
            raise FetchError(f"the request failed: {type(error).__name__}") from None

    def _span(self) -> Span:
        return span(f"GET {self._host}", {"server.address": self._host, "server.port": self._port}, kind="client")

    def _connected(self, deadline_s: float) -> socket.socket:
        # An unresponsive resolver takes 10 s, and getaddrinfo has no timeout.
        addresses = run_with_timeout(lambda: self._resolve(self._host, self._port, type=socket.SOCK_STREAM), deadline_s)
        for index, (family, type_, protocol, _, address) in enumerate(addresses):
            connection = socket.socket(family, type_, protocol)
            try:
                # The time is divided, so that an address that drops packets leaves some for the next.
                connection.settimeout(max(_left(deadline_s) / (len(addresses) - index), 0.001))
                connection.connect(address)
                connection.settimeout(_left(deadline_s))
                return connection if self._is_plain else self._secured(connection)
            except OSError:
                connection.close()
                if index == len(addresses) - 1:
                    raise
        raise OSError("no address")

    def _secured(self, connection: socket.socket) -> socket.socket:
        if self._tls is None:
            from ssl import create_default_context

            # Created on first use: the CA certificates are a third of a megabyte.
            self._tls = create_default_context()
        return self._tls.wrap_socket(connection, server_hostname=self._host)

    @staticmethod
    def _body(response: HTTPResponse) -> bytes:
        response.begin()
        if response.status != 200:
            # Includes redirects: control over a path of the host must not select another host for its keys.
            raise FetchError(f"the issuer responded {response.status}")
        if response.length is not None and response.length > MAX_BYTES:
            raise FetchError(f"the response has more than {MAX_BYTES} bytes")
        body = response.read(MAX_BYTES + 1)
        if len(body) > MAX_BYTES:
            raise FetchError(f"the response has more than {MAX_BYTES} bytes")
        if response.length:
            raise FetchError("the response is incomplete")
        return body


class _Bounded(io.RawIOBase):
    """A socket for http.client to read, up to a deadline."""

    def __init__(self, connection: socket.socket, deadline_s: float) -> None:
        self._connection = connection
        self._deadline_s = deadline_s

    def makefile(self, mode: str) -> io.BufferedReader:
        """The file object that http.client reads."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        """True: it is only read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Receive into the buffer; `TimeoutError` after the deadline."""
        self._connection.settimeout(_left(self._deadline_s))
        return self._connection.recv_into(buffer)


def _left(deadline_s: float) -> float:
    left_s = deadline_s - time.monotonic()
    if left_s <= 0:
        raise TimeoutError
    return left_s
