"""Implements the parts of the Lambda Runtime API that AWS's runtime client for Python calls.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html, and for SnapStart the two calls below
`/runtime/restore`, which the client makes (awslambdaric 4.2.2) and AWS's emulator does not implement.
"""

from __future__ import annotations

import json
import queue
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self, cast

from org_common.tools.project.project import ToolError

VERSION = "/2018-06-01/runtime"
ARN = "arn:aws:lambda:eu-central-1:123456789012:function:local"


class EnvironmentFailed(ToolError):
    """The function failed to start or to restore from its snapshot, or its process ended.

    The message has its output.
    """


class StreamedAnswer:
    """A response stream, while it is received."""

    def __init__(self, content_type: str, mode: str, connection: socket.socket) -> None:
        self.content_type: str = content_type
        self.mode: str = mode
        """`Lambda-Runtime-Function-Response-Mode`."""
        self.head: Any = None
        """Status and headers: the JSON in front of the eight NUL bytes. None until they have arrived."""
        self.trailers: dict[str, str] = {}
        """The trailers, by name in lower case: those of an error."""
        self.is_complete: bool = False
        """Whether the end of the body has arrived."""
        self._connection = connection
        self._chunks: queue.Queue[bytes | None] = queue.Queue()
        self._start: bytes | None = b""

    def chunks(self, timeout_s: float = 30.0) -> Iterator[bytes]:
        """The chunks of the body as they arrive. Raises `queue.Empty` when none does for `timeout_s`."""
        while (chunk := self._chunks.get(timeout=timeout_s)) is not None:
            yield chunk

    def hang_up(self) -> None:
        """Close the connection, as Lambda does when no one receives the response any more."""
        self._connection.shutdown(socket.SHUT_RDWR)

    def receive(self, chunk: bytes) -> None:
        """Take a chunk. Called by the server."""
        if self._start is not None:
            self._start += chunk
            head, end, chunk = self._start.partition(bytes(8))
            if not end:
                return
            self.head, self._start = json.loads(head), None
        if chunk:
            self._chunks.put(chunk)

    def end(self) -> None:
        """The body has ended. Called by the server."""
        self._chunks.put(None)


@dataclass
class Invocation:
    """An event, and the function's response to it."""

    event: Any
    timeout_s: float
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    answer: Any = None
    """What the handler returned."""
    stream: StreamedAnswer | None = None
    """The response, if it is a stream."""
    streaming: threading.Event = field(default_factory=threading.Event)
    """Set when a response stream has begun."""
    error: Any = None
    """The error object that the runtime client reported; None without an error."""
    took_s: float = 0.0
    """From handing out the event to receiving the response."""
    done: threading.Event = field(default_factory=threading.Event)
    handed_out_s: float = 0.0
    """On the clock of `time.monotonic`."""


class RuntimeApi:
    """A Runtime API server for one environment. `ready_s` and `snapshot_s` are points in time of `time.monotonic`."""

    def __init__(self) -> None:
        self.ready_s: float | None = None
        self.snapshot_s: float | None = None
        self.failed: str | None = None
        self.waiting: queue.Queue[Invocation | None] = queue.Queue()
        self.running: dict[str, Invocation] = {}
        self._changed = threading.Condition()
        self.restored: threading.Event = threading.Event()
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
        """The value for AWS_LAMBDA_RUNTIME_API: "127.0.0.1:PORT"."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def wait_until_ready(self, timeout_s: float) -> float:
        """When the function first asked for an invocation; `EnvironmentFailed` if it does not in time."""
        return self._wait("ready_s", timeout_s)

    def wait_for_snapshot(self, timeout_s: float) -> float:
        """When Lambda would take the snapshot, after the before-snapshot hooks; `EnvironmentFailed` if never."""
        return self._wait("snapshot_s", timeout_s)

    def restore(self) -> None:
        """Let the function restore from its snapshot: it runs its after-restore hooks, then asks for an invocation."""
        self.restored.set()

    def invoke(self, event: Any, *, timeout_s: float = 30.0) -> Invocation:
        """Send an event and wait for the response; thread-safe. `EnvironmentFailed` without a response in time."""
        invocation = self.begin(event, timeout_s=timeout_s)
        invocation.done.wait(timeout_s)
        if not invocation.done.is_set():
            raise EnvironmentFailed(self.failed or f"no response within {timeout_s:g} s")
        if invocation.error is not None and self.failed is not None:
            raise EnvironmentFailed(self.failed)
        return invocation

    def begin(self, event: Any, *, timeout_s: float = 30.0) -> Invocation:
        """Send an event, without waiting for the response. `EnvironmentFailed` if the environment has failed."""
        invocation = Invocation(event, timeout_s)
        with self._changed:
            if self.failed is not None:
                raise EnvironmentFailed(self.failed)
            self.waiting.put(invocation)
        return invocation

    def fail(self, why: str) -> None:
        """Mark the environment as failed: all waiting calls raise `EnvironmentFailed` with this reason."""
        with self._changed:
            self.failed = self.failed or why
            self._changed.notify_all()
            unsent = self._take_waiting()
        self.restored.set()
        for _ in range(64):
            self.waiting.put(None)
        for invocation in [*self.running.values(), *unsent]:
            invocation.error = {"errorMessage": self.failed}
            invocation.done.set()

    def _take_waiting(self) -> list[Invocation]:
        found: list[Invocation] = []
        with suppress(queue.Empty):
            while True:
                if (invocation := self.waiting.get_nowait()) is not None:
                    found.append(invocation)
        return found

    def _wait(self, attribute: str, timeout_s: float) -> float:
        with self._changed:
            self._changed.wait_for(lambda: self.failed is not None or getattr(self, attribute) is not None, timeout_s)
        reached_s: float | None = getattr(self, attribute)
        if reached_s is None:
            raise EnvironmentFailed(self.failed or f"the function did not start within {timeout_s:g} s")
        return reached_s

    def mark(self, attribute: str) -> None:
        """Set `ready_s` or `snapshot_s` to now, the first time. Called by the server."""
        now = time.monotonic()
        with self._changed:
            if getattr(self, attribute) is None:
                setattr(self, attribute, now)
                self._changed.notify_all()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    api: RuntimeApi

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore it: a stopped function closes its connection in the middle of a call."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # With Nagle's algorithm, each response waits for the client's delayed ACK: 88 ms per call (measured).
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
        if self.headers.get("Transfer-Encoding") == "chunked":
            self._receive_stream()
            return
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if len(body) < length:
            # The process was killed while it responded.
            self.close_connection = True
            return
        now = time.monotonic()
        path = self.path.removeprefix(VERSION)
        match path.split("/")[1:]:
            case ["invocation", id, ("response" | "error") as outcome] if id in api.running:
                invocation = api.running.pop(id)
                invocation.took_s = now - invocation.handed_out_s
                setattr(invocation, "answer" if outcome == "response" else "error", _json(body))
                self._send(202)
                invocation.done.set()
            case ["init" | "restore", "error"]:
                self._send(202)
                report = _json(body)
                message = report.get("errorMessage", report) if isinstance(report, dict) else report
                trace = "".join(report.get("stackTrace", ())) if isinstance(report, dict) else ""
                api.fail(f"{path.split('/')[1]} failed: {message}\n{trace}".rstrip())
            case _:
                self._send(404)

    def _receive_stream(self) -> None:
        invocation = self._api.running.pop(self.path.split("/")[-2])
        mode = self.headers.get("Lambda-Runtime-Function-Response-Mode", "")
        stream = invocation.stream = StreamedAnswer(self.headers.get_content_type(), mode, self.connection)
        invocation.streaming.set()
        try:
            while size := int(self.rfile.readline() or b"0", 16):
                stream.receive(self.rfile.read(size))
                self.rfile.readline()
            while (line := self.rfile.readline()).strip():
                name, _, value = line.decode().strip().partition(": ")
                stream.trailers[name.lower()] = value
            stream.is_complete = line == b"\r\n"
            self._send(202)
        finally:
            invocation.took_s = time.monotonic() - invocation.handed_out_s
            stream.end()
            invocation.done.set()

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
        """Log nothing: each invocation would log several lines."""


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")
