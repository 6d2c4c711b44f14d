"""An HTTP server of which a function gives each response, in place of an API of AWS or in front of moto's server."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

Response = tuple[int, dict[str, str], bytes]
"""Status, headers, content."""
Respond = Callable[[str, str, "Message[str, str]", bytes], Response]
"""Called with method, path, headers (found in any case) and body; from several threads at once."""
# The server's own.
_NOT_SENT = ("content-length", "transfer-encoding", "connection", "server", "date")


@contextmanager
def stub_server(respond: Respond) -> Iterator[str]:
    """Yields the URL. The server ends with the block."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = 65536

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            status, headers, content = respond(self.command, self.path, self.headers, body)
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() not in _NOT_SENT:
                    self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_PUT = do_POST = do_DELETE = handle_any  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def forward(upstream: str, method: str, path: str, headers: Message[str, str], body: bytes) -> Response:
    """The response of the server at `upstream`."""
    sent = {name: value for name, value in headers.items() if name.lower() not in ("host", "content-length")}
    request = urllib.request.Request(upstream + path, body or None, sent, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, dict(response.headers), response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read()
