"""The Lambda Runtime API, as much of it as AWS's runtime client for Python calls.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html, and for SnapStart the two calls of
`/runtime/restore`, which the client makes (awslambdaric 4.2.2) and AWS's emulator does not have.
"""

from __future__ import annotations

import json
import queue
import threading
import time
import uuid
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self, cast

from org_common.tools.project.project import ToolError

VERSION = "/2018-06-01/runtime"
ARN = "arn:aws:lambda:eu-central-1:123456789012:function:local"


class EnvironmentFailed(ToolError):
    """The function did not start, did not come back from its snapshot, or ended. The message has its own words."""


@dataclass
class Invocation:
    """One event on its way. `took_s` is from the event's being handed out to its answer's being there."""

    event: Any
    timeout_s: float
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    answer: Any = None
    error: Any = None
    took_s: float = 0.0
    done: threading.Event = field(default_factory=threading.Event)
    handed_out_s: float = 0.0


class RuntimeApi:
    """Serves one environment. The clock is `time.monotonic`, on which `ready_s` and `snapshot_s` are moments."""

    def __init__(self) -> None:
        self.ready_s: float | None = None
        self.snapshot_s: float | None = None
        self.failed: str | None = None
        self.waiting: queue.Queue[Invocation | None] = queue.Queue()
        self.running: dict[str, Invocation] = {}
        self._changed = threading.Condition()
        self.restored = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.api = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.fail("the environment was stopped")
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def address(self) -> str:
        """As AWS_LAMBDA_RUNTIME_API has it."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def wait_until_ready(self, timeout_s: float) -> float:
        """The moment at which the function first asked for work; `EnvironmentFailed` if it does not."""
        return self._wait("ready_s", timeout_s)

    def wait_for_snapshot(self, timeout_s: float) -> float:
        """The moment at which Lambda would take the snapshot: hooks before it have run."""
        return self._wait("snapshot_s", timeout_s)

    def restore(self) -> None:
        """Let the function come back from its snapshot: its hooks after a restore run, then it asks for work."""
        self.restored.set()

    def invoke(self, event: Any, *, timeout_s: float = 30.0) -> Invocation:
        """Hand one event over and wait for its answer; safe from several threads at once."""
        invocation = Invocation(event, timeout_s)
        self.waiting.put(invocation)
        invocation.done.wait(timeout_s)
        if not invocation.done.is_set():
            raise EnvironmentFailed(self.failed or f"no answer within {timeout_s:g} s")
        if invocation.error is not None and self.failed is not None:
            raise EnvironmentFailed(self.failed)
        return invocation

    def fail(self, why: str) -> None:
        """Nothing comes from this environment any more: whoever waits for it is told why."""
        with self._changed:
            self.failed = self.failed or why
            self._changed.notify_all()
        self.restored.set()
        for _ in range(64):
            self.waiting.put(None)
        for invocation in list(self.running.values()):
            invocation.error = {"errorMessage": self.failed}
            invocation.done.set()

    def _wait(self, what: str, timeout_s: float) -> float:
        with self._changed:
            self._changed.wait_for(lambda: self.failed is not None or getattr(self, what) is not None, timeout_s)
        moment: float | None = getattr(self, what)
        if moment is None:
            raise EnvironmentFailed(self.failed or f"the function did not start within {timeout_s:g} s")
        return moment

    def mark(self, what: str) -> None:
        """For the server: this moment has come."""
        now = time.monotonic()
        with self._changed:
            if getattr(self, what) is None:
                setattr(self, what, now)
                self._changed.notify_all()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    api: RuntimeApi

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A function that was stopped hangs up in the middle: nothing to tell."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Else each answer waits for an acknowledgement that the client delays: 88 ms a call (measured).
    disable_nagle_algorithm = True
    wbufsize = 65536

    @property
    def _api(self) -> RuntimeApi:
        return cast("_Server", self.server).api

    def do_GET(self) -> None:
        api = self._api
        if self.path == f"{VERSION}/invocation/next":
            api.mark("ready_s")
            invocation = api.waiting.get()
            if invocation is None:
                self.close_connection = True
                return
            self._hand_out(invocation)
        elif self.path == f"{VERSION}/restore/next":
            api.mark("snapshot_s")
            api.restored.wait()
            self._send(200, b"{}")
        else:
            self._send(404)

    def do_POST(self) -> None:
        api = self._api
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        now = time.monotonic()
        path = self.path.removeprefix(VERSION)
        match path.split("/")[1:]:
            case ["invocation", id, ("response" | "error") as what] if id in api.running:
                invocation = api.running.pop(id)
                invocation.took_s = now - invocation.handed_out_s
                setattr(invocation, "answer" if what == "response" else "error", _json(body))
                self._send(202)
                invocation.done.set()
            case ["init" | "restore", "error"]:
                self._send(202)
                told = _json(body)
                words = told.get("errorMessage", told) if isinstance(told, dict) else told
                trace = "".join(told.get("stackTrace", ())) if isinstance(told, dict) else ""
                api.fail(f"{path.split('/')[1]} failed: {words}\n{trace}".rstrip())
            case _:
                self._send(404)

    def _hand_out(self, invocation: Invocation) -> None:
        body = json.dumps(invocation.event).encode()
        self._api.running[invocation.id] = invocation
        deadline_ms = int((time.time() + invocation.timeout_s) * 1000)
        invocation.handed_out_s = time.monotonic()
        self._send(
            200,
            body,
            {
                "Lambda-Runtime-Aws-Request-Id": invocation.id,
                "Lambda-Runtime-Deadline-Ms": str(deadline_ms),
                "Lambda-Runtime-Invoked-Function-Arn": ARN,
                "Lambda-Runtime-Trace-Id": "Root=1-00000000-000000000000000000000000;Parent=0000000000000000;Sampled=0",
            },
        )

    def _send(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response_only(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: each invocation would be several lines."""


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")
