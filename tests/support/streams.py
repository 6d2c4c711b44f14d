"""A server for streams, in a thread of this process, and a client that reads them from the socket."""

import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, cast

import uvicorn

from org_common import App, Database
from org_common.asgi import Asgi

NO_DATABASE = cast("Database", None)


class Server:
    """A running uvicorn."""

    def __init__(self, port: int, server: uvicorn.Server) -> None:
        self.port = port
        self.uvicorn = server
        self.thread = threading.current_thread()
        self.opened: list[Received] = []

    def open(self, path: str, method: str = "GET", body: bytes | None = None, /, **headers: str) -> "Received":
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        received = Received(self.port, method, path, sent, body)
        self.opened.append(received)
        return received


class Received:
    """A response while it arrives."""

    def __init__(self, port: int, method: str, path: str, headers: dict[str, str], body: bytes | None = None) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._connection.request(method, path, body=body, headers=headers)
        self._response = self._connection.getresponse()
        self.status = self._response.status
        self.headers = {name.lower(): value for name, value in self._response.getheaders()}

    def block(self) -> bytes:
        """Up to the next empty line, or the end."""
        lines = [self._response.readline()]
        while lines[-1].strip():
            lines.append(self._response.readline())
        return b"".join(lines)

    def read(self) -> bytes:
        """The rest. Raises `http.client.IncompleteRead` when it is cut."""
        try:
            return self._response.read()
        finally:
            self.hang_up()

    def hang_up(self) -> None:
        self._response.close()
        self._connection.close()


@contextmanager
def served(
    *apps: App, database: Database | None = None, lifespan: Literal["on", "off"] = "off", **options: Any
) -> Iterator[Server]:
    asgi = Asgi(apps, database=database or NO_DATABASE, authorize=lambda header: header, **options)
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1024)
        config = uvicorn.Config(asgi, log_level="critical", lifespan=lifespan, timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            running = Server(listener.getsockname()[1], server)
            running.thread = thread
            yield running
        finally:
            server.should_exit = True
            thread.join(20)
            assert not thread.is_alive()
            for received in running.opened:
                received.hang_up()
            for app in apps:
                app.use(None)
