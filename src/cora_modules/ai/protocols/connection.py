"""An HTTP request to a provider, whose response is read as it arrives, and never past the deadline."""

import http.client
import io
import socket
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from ssl import SSLContext, create_default_context
from typing import Any, Self
from urllib.parse import urlsplit

from org_common import Deadline

from cora_modules.ai.provider import ProviderError

CONNECT_S = 5.0
GAP_S = 60.0
"""How long a server may send nothing. The first token of an answer to a long prompt takes the longest."""
MAX_BYTES = 64 * 1024 * 1024
"""The limit of a response that is read at once: vectors of a batch."""
_CHUNK = 64 * 1024


class Connection:
    """One request and its response. Close it, at any time."""

    def __init__(self, url: str, deadline: Deadline, gap_s: float = GAP_S) -> None:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        self._target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        self._deadline = deadline
        self._gap_s = gap_s
        limit_s = self._limit_s(CONNECT_S)
        self._connection = (
            http.client.HTTPConnection(host, port, timeout=limit_s)
            if parts.scheme == "http"
            else http.client.HTTPSConnection(host, port, timeout=limit_s, context=_tls())
        )
        # It reads through the socket's own file object, but with a new timeout for each part.
        self._connection.response_class = self._make_response  # type: ignore[assignment]
        self._response: http.client.HTTPResponse | None = None

    def send(self, method: str, headers: Mapping[str, str], body: bytes | None = None) -> http.client.HTTPResponse:
        """The response, of which status and headers have arrived. Raises ProviderError."""
        with translated():
            self._connection.connect()
            self._connection.sock.settimeout(self._limit_s(self._gap_s))
            self._connection.request(method, self._target, body, dict(headers))
            self._response = self._connection.getresponse()
            return self._response

    def read(self) -> bytes:
        """The complete body of the response."""
        assert self._response is not None
        with translated():
            body = self._response.read(MAX_BYTES + 1)
        if len(body) > MAX_BYTES:
            raise ProviderError("invalid_response", f"the response has more than {MAX_BYTES} bytes")
        if self._response.length:
            raise ProviderError("cut", "the response is incomplete")
        return body

    def chunks(self) -> Iterator[bytes]:
        """The body as it arrives."""
        assert self._response is not None
        while True:
            with translated():
                chunk = self._response.read1(_CHUNK)
            if not chunk:
                return
            yield chunk

    def close(self) -> None:
        """Close the connection. Does nothing if it is closed."""
        if self._response is not None:
            self._response.close()
        self._connection.close()

    def _limit_s(self, most_s: float) -> float:
        left_s = self._deadline.left_s()
        if left_s <= 0:
            raise ProviderError("timeout", "the deadline has passed")
        return min(left_s, most_s)

    def _make_response(self, sock: socket.socket, **options: Any) -> http.client.HTTPResponse:
        def limit() -> None:
            sock.settimeout(self._limit_s(self._gap_s))

        return http.client.HTTPResponse(_Limited(sock, limit), **options)  # type: ignore[arg-type]


@lru_cache
def _tls() -> SSLContext:
    """Loads the system's CA certificates once."""
    return create_default_context()


class _Limited(io.RawIOBase):
    """What a response reads from in place of the socket: each part of it has its own timeout.

    A timeout of the socket alone starts again with each byte, so a server that sends one a second would never time out.
    """

    def __init__(self, sock: socket.socket, limit: Callable[[], None]) -> None:
        self._raw = sock.makefile("rb", buffering=0)
        self._limit = limit

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._limit()
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class translated:  # noqa: N801 - it reads like a function, and costs less than a generator for each chunk
    """Turns what http.client and sockets raise into a ProviderError."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, ProviderError) or error is None:
            return
        # Only the type of an error: some quote what the server sent.
        if isinstance(error, TimeoutError):
            raise ProviderError("timeout", "the provider sent nothing for too long") from error
        if isinstance(error, http.client.IncompleteRead | ConnectionResetError | http.client.RemoteDisconnected):
            raise ProviderError("cut", f"the connection was closed: {type(error).__name__}") from error
        if isinstance(error, http.client.HTTPException):
            raise ProviderError("invalid_response", f"this is not HTTP: {type(error).__name__}") from error
        if isinstance(error, OSError):
            raise ProviderError("unavailable", f"no connection: {type(error).__name__}") from error
