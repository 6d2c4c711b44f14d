"""A stub of PostgREST that always responds with the same row: faster than a real one can be."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 65536
    row: dict[str, Any]

    def do_GET(self) -> None:
        body = json.dumps([self.row]).encode()
        self.send_response(200)
        for name, value in (
            ("Content-Type", "application/json; charset=utf-8"),
            ("Content-Range", "0-0/*"),
            ("Content-Length", str(len(body))),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""


@contextmanager
def serve(row: dict[str, Any]) -> Iterator[str]:
    """Start the stub. Yields the URL of a project with this row in every table."""
    handler = type("Handler", (_Handler,), {"row": row})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
