"""A server in front of moto's that answers Lambda's Invoke, which moto runs in Docker only.

All other calls go to moto: reading, changing and waiting for the memory of a function, and its log.
"""

from __future__ import annotations

import base64
import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from tests.support.aws import FakeAws

INVOKE = re.compile(r"/2015-03-31/functions/([^/]+)/invocations")
REPORT = (
    "REPORT RequestId: 0a-{number}\tDuration: {ms:.2f} ms\tBilled Duration: {billed} ms\t"
    "Memory Size: {memory} MB\tMax Memory Used: 76 MB\t{init}\n"
)


class InvokeApi:
    """The function takes 51,200 ms over its memory, and a cold start for the first request of each size."""

    def __init__(self, upstream: FakeAws) -> None:
        # Made once: it loads a model of Lambda's API for a third of a second.
        self.lambda_client = upstream.client("lambda")
        self.events: list[object] = []
        self.sizes: list[int] = []
        """The memory of each invocation, as moto has it at that time."""
        self.failing_from: int | None = None
        """The number of the first invocation that fails."""
        self.url = ""

    def invoke(self, function: str, event: bytes, tail: bool) -> tuple[dict[str, str], bytes]:
        memory: int = self.lambda_client.get_function_configuration(FunctionName=function)["MemorySize"]
        self.events.append(json.loads(event))
        self.sizes.append(memory)
        number = len(self.sizes)
        # A pattern of times with some spread, the same for each size.
        ms = 51200 / memory * (0.9 + 0.02 * (number * 7 % 11))
        init = "Init Duration: 312.40 ms\t" if self.sizes.count(memory) == 1 else ""
        failed = self.failing_from is not None and number >= self.failing_from
        report = REPORT.format(number=number, ms=ms, billed=-(-ms // 1), memory=memory, init=init)
        log = f"START RequestId: 0a-{number} Version: $LATEST\nEND RequestId: 0a-{number}\n{report}"
        headers = {"X-Amz-Executed-Version": "$LATEST"}
        if tail:
            # AWS sends the last 4 KB.
            headers["X-Amz-Log-Result"] = base64.b64encode(log.encode()[-4096:]).decode()
        if failed:
            headers["X-Amz-Function-Error"] = "Unhandled"
        return headers, b'{"errorMessage": "no good"}' if failed else b"{}"

    def forward(self, request: urllib.request.Request) -> tuple[int, dict[str, str], bytes]:
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status, dict(response.headers), response.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, dict(error.headers), error.read()


@contextmanager
def invoke_api(upstream: FakeAws) -> Iterator[InvokeApi]:
    api = InvokeApi(upstream)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = 65536

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            found = INVOKE.fullmatch(self.path)
            if found:
                status = 200
                headers, content = api.invoke(found[1], body, self.headers.get("X-Amz-Log-Type") == "Tail")
            else:
                kept = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "content-length")}
                request = urllib.request.Request(upstream.url + self.path, body or None, kept, method=self.command)
                status, headers, content = api.forward(request)
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
    api.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
