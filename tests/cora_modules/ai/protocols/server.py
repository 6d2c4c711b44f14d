"""A provider that answers byte for byte as a test says, and then fails as it says."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any, Literal

End = Literal["complete", "close", "reset", "silence"]


@dataclass(frozen=True)
class Answer:
    """A response: its status, headers and parts, and how it ends.

    "complete" has the last chunk, "close" closes the connection without it, "reset" resets it, and "silence" sends
    nothing more until the test is over.
    """

    parts: Sequence[bytes] = ()
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    end: End = "complete"


@dataclass(frozen=True)
class Sent:
    """A request that the server has received."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


class Server:
    """Answers requests in the order of `answers`; the last one is repeated."""

    def __init__(self) -> None:
        self.url = ""
        self.over = Event()
        self.reset()

    def reset(self) -> None:
        """Forget everything, between two tests, and end connections of the one before."""
        self.over.set()
        self.over = Event()
        self.closed = Event()
        """Set when the client has closed a connection on which the server was silent."""
        self.answers: list[Answer] = []
        self.requests: list[Sent] = []

    def next_answer(self) -> Answer:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    provider: Server

    def respond(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.provider.requests.append(Sent(self.command, self.path, headers, json.loads(body) if body else None))
        answer = self.provider.next_answer()
        self.send_response(answer.status)
        for name, value in {**answer.headers, "Transfer-Encoding": "chunked"}.items():
            self.send_header(name, value)
        self.end_headers()
        for part in answer.parts:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
            self.wfile.flush()
        self.end(answer.end)

    def end(self, end: End) -> None:
        if end == "complete":
            self.wfile.write(b"0\r\n\r\n")
            return
        self.close_connection = True
        if end == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        elif end == "silence":
            self.wait_for_client()

    def wait_for_client(self) -> None:
        over, closed = self.provider.over, self.provider.closed
        self.connection.settimeout(0.05)
        while not over.is_set():
            try:
                if not self.connection.recv(1):
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        closed.set()

    do_GET = respond  # noqa: N815 - the name that the base class calls
    do_POST = respond  # noqa: N815

    def log_message(self, format: str, *values: object) -> None:
        """Print nothing."""

    def handle_one_request(self) -> None:
        # Clients close connections while the server writes.
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True

    def finish(self) -> None:
        with suppress(OSError, ValueError):
            super().finish()


@contextmanager
def serve() -> Iterator[Server]:
    server = Server()
    handler = type("Handler", (_Handler,), {"provider": server})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        http.daemon_threads = True
        thread = Thread(target=http.serve_forever, args=(0.02,))
        thread.start()
        server.url = f"http://127.0.0.1:{http.server_address[1]}"
        yield server
        server.over.set()
        http.shutdown()
        thread.join()
