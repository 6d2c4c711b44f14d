"""A proxy in front of moto's server that loses, throttles and rejects what it is told to.

moto accepts every well-formed entry, so partial failures and outages need this. Both are fakes of AWS.
"""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

Call = dict[str, Any]
# Receives the entries of a call. Returns the failures by position, or raises what is done with the call.
Fault = Callable[[list[Call]], dict[int, Call]]
BATCHES = {"AmazonSQS.SendMessageBatch": "Entries", "AWSEvents.PutEvents": "Entries"}


class Refuse(Exception):
    """The call is answered with an error."""

    def __init__(self, code: str, status: int = 400) -> None:
        super().__init__(code)
        self.code, self.status = code, status


class LoseResponse(Exception):
    """The call reaches AWS, and its response is lost."""


class FaultyAws:
    """`url` is the endpoint; `faults` are used up one by one, for calls with entries; `calls` are all their entries."""

    def __init__(self, upstream: str) -> None:
        self.upstream = urlsplit(upstream)
        self.faults: list[Fault] = []
        self.calls: list[list[Call]] = []
        self.connections = 0
        self.lock = threading.Lock()
        self.url = ""

    def fault(self, entries: list[Call]) -> dict[int, Call]:
        with self.lock:
            self.calls.append(entries)
            fault = self.faults.pop(0) if self.faults else None
        return {} if fault is None else fault(entries)


@contextmanager
def faulty_aws(upstream: str) -> Iterator[FaultyAws]:
    proxy = FaultyAws(upstream)

    class Handler(_Handler):
        aws = proxy

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    proxy.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body are two writes, and a delayed acknowledgement would cost 40 ms.
    disable_nagle_algorithm = True
    aws: FaultyAws

    def setup(self) -> None:
        super().setup()
        with self.aws.lock:
            self.aws.connections += 1

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        target = self.headers.get("X-Amz-Target", "")
        if target not in BATCHES:
            self._send(*self._forward(content))
            return
        call = json.loads(content)
        try:
            failures = self.aws.fault(call["Entries"])
        except Refuse as error:
            self._send(error.status, json.dumps({"__type": error.code, "message": "refused by the test"}).encode())
            return
        except LoseResponse:
            self._forward(content)
            self.close_connection = True
            return
        self._send(*self._partly(target, call, failures))

    def _partly(self, target: str, call: Call, failures: dict[int, Call]) -> tuple[int, bytes]:
        entries = call["Entries"]
        call["Entries"] = [entry for at, entry in enumerate(entries) if at not in failures]
        status, response = self._forward(json.dumps(call).encode()) if call["Entries"] else (200, b"{}")
        if not failures or status != 200:
            return status, response
        found = json.loads(response)
        if target == "AWSEvents.PutEvents":
            passed = iter(found.get("Entries", ()))
            found["Entries"] = [failures.get(at) or next(passed) for at in range(len(entries))]
            found["FailedEntryCount"] = len(failures)
        else:
            found["Failed"] = [{"Id": entries[at]["Id"], **failure} for at, failure in failures.items()]
        return status, json.dumps(found).encode()

    def _forward(self, content: bytes) -> tuple[int, bytes]:
        upstream = http.client.HTTPConnection(self.aws.upstream.hostname or "", self.aws.upstream.port, timeout=30)
        headers = {name: value for name, value in self.headers.items() if name.lower() != "content-length"}
        try:
            upstream.request("POST", self.path, content, headers)
            response = upstream.getresponse()
            return response.status, response.read()
        finally:
            upstream.close()

    def _send(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""
