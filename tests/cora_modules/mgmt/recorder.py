"""A server between the module and moto's: it records calls, throttles some, and implements what moto lacks.

moto 5.2 has no provisioned concurrency of Lambda: PUT, GET and DELETE of it are a stub here, with AWS's rules.
"""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

Response = tuple[int, dict[str, str], bytes]
PROVISIONED = re.compile(r"/2019-09-30/functions/([^/]+)/provisioned-concurrency\?Qualifier=(\w+)")
READS = ("Describe", "List", "Get")


class Recorder:
    """The calls in order, as "PUT /2019-09-30/functions/…" or "RegisterScalableTarget"."""

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self.calls: list[str] = []
        self.first_attempts = 0
        """Calls without those that the client sent again, as after its read timeout on a busy machine."""
        self.provisioned: dict[str, int] = {}
        self.throttled = 0
        """How many of the next calls are throttled."""
        self.rejected: dict[str, str] = {}
        """Calls that are rejected, by a part of their name, with AWS's message."""
        self.url = ""

    def writes(self) -> list[str]:
        """The calls that change something, without the API's version."""
        return [re.sub(r"^(\w+) /[\d-]+/", r"\1 ", call) for call in self.calls if not self.is_read(call)]

    @staticmethod
    def is_read(call: str) -> bool:
        return call.startswith(("GET", *READS))

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Response:
        call = headers.get("X-Amz-Target", f"{method} {path}").rpartition(".")[2]
        self.calls.append(call)
        self.first_attempts += headers.get("amz-sdk-request", "").split(";")[0] == "attempt=1"
        if self.throttled > 0:
            self.throttled -= 1
            return self.error(429, "TooManyRequestsException", "Rate exceeded")
        for part, message in self.rejected.items():
            if part in call:
                return self.error(400, "InvalidParameterValueException", message)
        found = PROVISIONED.fullmatch(path)
        return self.provision(method, found[1], body) if found else self.forward(method, path, headers, body)

    def provision(self, method: str, function: str, body: bytes) -> Response:
        if method == "PUT":
            self.provisioned[function] = json.loads(body)["ProvisionedConcurrentExecutions"]
        elif function not in self.provisioned:
            message = "No Provisioned Concurrency Config found for this function"
            return self.error(404, "ProvisionedConcurrencyConfigNotFoundException", message)
        elif method == "DELETE":
            del self.provisioned[function]
            return 204, {}, b""
        count = self.provisioned[function]
        content = {
            "RequestedProvisionedConcurrentExecutions": count,
            "AvailableProvisionedConcurrentExecutions": 0 if method == "PUT" else count,
            "Status": "IN_PROGRESS" if method == "PUT" else "READY",
            "LastModified": "2026-11-30T08:00:00+0000",
        }
        return (202 if method == "PUT" else 200), {"content-type": "application/json"}, json.dumps(content).encode()

    def forward(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Response:
        sent = {name: value for name, value in headers.items() if name.lower() not in ("host", "content-length")}
        request = urllib.request.Request(self.upstream + path, body or None, sent, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status, dict(response.headers), response.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, dict(error.headers), error.read()

    @staticmethod
    def error(status: int, code: str, message: str) -> Response:
        body: dict[str, Any] = {"__type": code, "Type": "User", "message": message, "Message": message}
        return status, {"content-type": "application/json", "x-amzn-ErrorType": code}, json.dumps(body).encode()


@contextmanager
def recorder(upstream: str) -> Iterator[Recorder]:
    record = Recorder(upstream)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = 65536

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            status, headers, content = record.answer(self.command, self.path, dict(self.headers), body)
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() not in ("content-length", "transfer-encoding", "connection", "server", "date"):
                    self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_PUT = do_POST = do_DELETE = handle_any  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    record.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield record
    server.shutdown()
    thread.join()
    server.server_close()
