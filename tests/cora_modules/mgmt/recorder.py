"""A server between the module and moto's: it records calls, throttles some, and implements what moto lacks.

moto 5.2 has no provisioned concurrency of Lambda: PUT, GET and DELETE of it are a stub here, with AWS's rules.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from typing import Any

from tests.support.stub_server import Response, forward, stub_server

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

    def answer(self, method: str, path: str, headers: Message[str, str], body: bytes) -> Response:
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
        if found is None:
            return forward(self.upstream, method, path, headers, body)
        return self.provision(method, found[1], body)

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

    @staticmethod
    def error(status: int, code: str, message: str) -> Response:
        body: dict[str, Any] = {"__type": code, "Type": "User", "message": message, "Message": message}
        return status, {"content-type": "application/json", "x-amzn-ErrorType": code}, json.dumps(body).encode()


@contextmanager
def recorder(upstream: str) -> Iterator[Recorder]:
    record = Recorder(upstream)
    with stub_server(record.answer) as record.url:
        yield record
