"""One GET of a small JSON document, bounded in every way: one host, no redirect, 256 KB, two seconds in all."""

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

MAX_BYTES = 256 * 1024
# API Gateway gives an authorizer ten seconds, and a cold start takes some of them.
TIMEOUT_S = 2.0
USER_AGENT = "org-common"


class FetchError(Exception):
    """The document could not be had; the text says why, and holds nothing of what was answered."""


class Fetch:
    """Fetches one URL, with a new connection each time.

    Written on a socket: http.client's timeout is for each read, so a server that sends a byte a second holds it for
    ever, and urllib follows redirects and proxies of the environment.
    """

    def __init__(self, url: str, *, tls: ssl.SSLContext | None = None, timeout_s: float = TIMEOUT_S) -> None:
        """`url` is https, or http where its `Issuer` allowed that; `tls` trusts the system's authorities by default."""
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

    def __call__(self) -> bytes:
        """The document. `FetchError` when it was not there, whole and small, in time."""
        ends_at = time.monotonic() + self._timeout_s
        try:
            # Without trace headers: an issuer is somebody else.
            with self._span(), self._connected(ends_at) as connection:
                connection.sendall(self._head)
                return self._body(HTTPResponse(_Bounded(connection, ends_at), method="GET"))  # type: ignore[arg-type]
        except TimeoutError:
            raise FetchError(f"no answer within {self._timeout_s:g} s") from None
        except (OSError, HTTPException, ValueError) as error:
            # Its type alone: some of these texts quote what the server sent.
            raise FetchError(f"{type(error).__name__} on the way") from None

    def _span(self) -> Span:
        return span(f"GET {self._host}", {"server.address": self._host, "server.port": self._port}, kind="client")

    def _connected(self, ends_at: float) -> socket.socket:
        # A resolver that is mute takes 10 s, and looks at no timeout.
        found = run_with_timeout(lambda: socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM), ends_at)
        for at, (family, kind, protocol, _, address) in enumerate(found):
            connection = socket.socket(family, kind, protocol)
            try:
                # Each address gets its share, so that one that drops packets leaves time for the next.
                connection.settimeout(max(_left(ends_at) / (len(found) - at), 0.001))
                connection.connect(address)
                connection.settimeout(_left(ends_at))
                return connection if self._is_plain else self._secured(connection)
            except OSError:
                connection.close()
                if at == len(found) - 1:
                    raise
        raise OSError("no address")

    def _secured(self, connection: socket.socket) -> socket.socket:
        if self._tls is None:
            from ssl import create_default_context

            # Read when first needed: the authorities are a third of a megabyte.
            self._tls = create_default_context()
        return self._tls.wrap_socket(connection, server_hostname=self._host)

    @staticmethod
    def _body(answer: HTTPResponse) -> bytes:
        answer.begin()
        if answer.status != 200:
            # A redirect is one of these: whoever controls the host's paths does not choose another host for its keys.
            raise FetchError(f"it answered {answer.status}")
        if answer.length is not None and answer.length > MAX_BYTES:
            raise FetchError(f"the answer has more than {MAX_BYTES} bytes")
        body = answer.read(MAX_BYTES + 1)
        if len(body) > MAX_BYTES:
            raise FetchError(f"the answer has more than {MAX_BYTES} bytes")
        if answer.length:
            raise FetchError("the answer ended early")
        return body


class _Bounded(io.RawIOBase):
    """A socket as http.client wants to read it, until a moment and no longer."""

    def __init__(self, connection: socket.socket, ends_at: float) -> None:
        self._connection = connection
        self._ends_at = ends_at

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._connection.settimeout(_left(self._ends_at))
        return self._connection.recv_into(buffer)


def _left(ends_at: float) -> float:
    left_s = ends_at - time.monotonic()
    if left_s <= 0:
        raise TimeoutError
    return left_s
