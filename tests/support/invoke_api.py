"""A server in front of moto's that answers Lambda's Invoke, which moto runs in Docker only.

All other calls go to moto: reading, changing and waiting for the memory of a function, and its log.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message

from tests.support.aws import FakeAws
from tests.support.stub_server import Response, forward, stub_server

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
        self._upstream = upstream.url
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

    def respond(self, method: str, path: str, headers: Message[str, str], body: bytes) -> Response:
        found = INVOKE.fullmatch(path)
        if found is None:
            return forward(self._upstream, method, path, headers, body)
        return 200, *self.invoke(found[1], body, headers.get("X-Amz-Log-Type") == "Tail")


@contextmanager
def invoke_api(upstream: FakeAws) -> Iterator[InvokeApi]:
    api = InvokeApi(upstream)
    with stub_server(api.respond) as api.url:
        yield api
