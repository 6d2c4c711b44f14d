"""`RecordingObserver`: captures one request while the request is handled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar, Token
from types import TracebackType
from typing import TYPE_CHECKING, Self

from org_common.http.observer import Observer
from org_common.http.request import Request
from org_common.http.response import Response
from org_common.pipeline import Pipeline
from org_common.tools.database.tap import RoundTrip
from org_common.tools.serve.console.capture import Capture
from org_common.values.identity import Identity

if TYPE_CHECKING:
    from org_common.http.observer import RouteName, Streamed

_current: ContextVar[Capture | None] = ContextVar("recording", default=None)


class RecordingObserver(Observer):
    """Passes each step on to another observer, and the capture to `finish` when the request or its stream has ended.

    It stores references only. Formatting here took 7 % of a warm read (benchmarks/console.py, 2026-11).
    """

    __slots__ = ("_capture", "_finish", "_inner", "_is_streaming", "_token")

    def __init__(self, inner: Observer, pipeline: Pipeline, finish: Callable[[Capture], None]) -> None:
        self._inner = inner
        self._finish = finish
        self._capture = Capture(pipeline)
        self._is_streaming = False
        self._token: Token[Capture | None] | None = None

    def request_read(self, request: Request) -> None:
        self._capture.read(request)
        self._inner.request_read(request)

    def route_matched(self, route: RouteName, values: Sequence[str]) -> None:
        self._capture.route = route
        self._inner.route_matched(route, values)

    def caller_identified(self, identity: Identity) -> None:
        self._capture.identity = identity
        self._inner.caller_identified(identity)

    def problem_rendered(self, code: str) -> None:
        self._capture.code = code
        self._inner.problem_rendered(code)

    def response_finished(self, response: Response) -> None:
        self._capture.responded(response)
        self._inner.response_finished(response)

    def stream_opened(self) -> None:
        self._is_streaming = True
        self._inner.stream_opened()

    def stream_ended(self, stream: Streamed) -> None:
        self._inner.stream_ended(stream)
        self._end()

    def __enter__(self) -> Self:
        self._inner.__enter__()
        self._token = _current.set(self._capture)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._token is not None
        _current.reset(self._token)
        self._inner.__exit__(kind, error, traceback)
        if kind is None and not self._is_streaming:
            self._end()

    def _end(self) -> None:
        capture = self._capture
        capture.took_ms = capture.age_ms()
        # None for an event that could not be read as a request.
        if capture.method is not None:
            self._finish(capture)


def record_round_trip(trip: RoundTrip) -> None:
    """Add a round trip to the request that runs in this context, if one is recorded."""
    capture = _current.get()
    if capture is not None:
        capture.add(trip)
