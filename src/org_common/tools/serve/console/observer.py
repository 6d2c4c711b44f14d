"""`RecordingObserver`: builds the record of one request while the request is handled."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar, Token
from types import TracebackType
from typing import TYPE_CHECKING, Self

from org_common.http.observer import Observer
from org_common.http.request import Request
from org_common.http.response import Response
from org_common.pipeline import Pipeline
from org_common.route import Route
from org_common.telemetry.line import stamp
from org_common.telemetry.redaction import Redactor
from org_common.telemetry.request_text import MAX_PATH_LENGTH
from org_common.tools.database.tap import RoundTrip
from org_common.tools.serve.console.record import MAX_ROUND_TRIPS, RequestRecord, RoundTripRecord, verdict
from org_common.values.identity import Identity

if TYPE_CHECKING:
    from org_common.http.observer import RouteName, Streamed

_current: ContextVar[RecordingObserver | None] = ContextVar("recording", default=None)
_redactor = Redactor()


class RecordingObserver(Observer):
    """Passes each step on to another observer, and the record to `finish` when the request or its stream has ended."""

    def __init__(
        self, inner: Observer, pipeline: Pipeline, people: Mapping[str, str], finish: Callable[[RequestRecord], None]
    ) -> None:
        """`people` are the names of the demo users, by subject claim."""
        self._inner = inner
        self._pipeline = pipeline
        self._people = people
        self._finish = finish
        self._at_s = time.time()
        self._began_s = time.perf_counter()
        self._request: Request | None = None
        self._route: RouteName | None = None
        self._identity: Identity | None = None
        self._status = 0
        self._code: str | None = None
        self._is_streaming = False
        self._count = 0
        self._trips: list[RoundTripRecord] = []
        self._token: Token[RecordingObserver | None] | None = None

    def request_read(self, request: Request) -> None:
        self._request = request
        self._inner.request_read(request)

    def route_matched(self, route: RouteName, values: Sequence[str]) -> None:
        self._route = route
        self._inner.route_matched(route, values)

    def caller_identified(self, identity: Identity) -> None:
        self._identity = identity
        self._inner.caller_identified(identity)

    def problem_rendered(self, code: str) -> None:
        self._code = code
        self._inner.problem_rendered(code)

    def response_finished(self, response: Response) -> None:
        self._status = response.status
        if response.status < 400:
            self._code = None
        self._inner.response_finished(response)

    def stream_opened(self) -> None:
        self._is_streaming = True
        self._inner.stream_opened()

    def stream_ended(self, stream: Streamed) -> None:
        self._inner.stream_ended(stream)
        self._end()

    def __enter__(self) -> Self:
        self._inner.__enter__()
        self._token = _current.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._token is not None
        _current.reset(self._token)
        self._inner.__exit__(kind, error, traceback)
        if kind is None and not self._is_streaming:
            self._end()

    def round_trip(self, trip: RoundTrip) -> None:
        """The request has made this round trip."""
        self._count += 1
        if len(self._trips) < MAX_ROUND_TRIPS:
            self._trips.append(RoundTripRecord.of(trip, self._took_ms() - trip.took_ms))

    def _took_ms(self) -> float:
        return (time.perf_counter() - self._began_s) * 1000

    def _end(self) -> None:
        took_ms = round(self._took_ms(), 3)
        request = self._request
        if request is None:
            # An event that could not be read as a request.
            return
        # A request without a valid token is refused before its route is looked up.
        route = self._route or self._pipeline.find_route(request.method, request.path)
        rule = route.rule if isinstance(route, Route) else None
        identity = self._identity
        self._finish(
            RequestRecord(
                id=0,
                at=stamp(self._at_s),
                method=request.method,
                path=_redactor.text(request.sent_path[:MAX_PATH_LENGTH]),
                route=None if route is None else f"{route.method} {route.path}",
                rule=None if rule is None else rule.name,
                verdict=verdict(rule, self._status, self._trips),
                person=None if identity is None else self._people.get(identity.subject),
                role=None if rule is None else rule.role,
                claims=None if identity is None or rule is None else json.loads(identity.claims(rule.role)),
                status=self._status,
                code=self._code,
                took_ms=took_ms,
                round_trip_count=self._count,
                round_trips=self._trips,
            )
        )


def record_round_trip(trip: RoundTrip) -> None:
    """Add a round trip to the request that runs in this context, if one is recorded."""
    observer = _current.get()
    if observer is not None:
        observer.round_trip(trip)
