"""Request telemetry: the context of log lines while a request runs, then one line with its metrics, and a span.

The one place where logs, metrics and traces meet.
"""

from __future__ import annotations

import logging
import sys
import time

from org_common.http.observer import Observer
from org_common.telemetry import log, metrics, observability, trace
from org_common.telemetry.invocation import Invocation, current
from org_common.telemetry.line import dumps, stamp
from org_common.telemetry.observability import Observability
from org_common.telemetry.process import process
from org_common.telemetry.pseudonym import Pseudonyms
from org_common.telemetry.request_text import MAX_PATH_LENGTH, request_text
from org_common.telemetry.trace_context import Trace

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextvars import Token
    from types import TracebackType
    from typing import Any, Literal, Protocol, Self

    from org_common.http.observer import RouteName, Streamed
    from org_common.http.request import Request
    from org_common.http.response import Response
    from org_common.telemetry.invocation import Measured
    from org_common.telemetry.process import Counters
    from org_common.values.identity import Identity
    from org_common.values.secret import Reference

    class Counted(Protocol):
        """A database, as far as telemetry knows it."""

        @property
        def counters(self) -> Counters: ...


TENANT_PARAMETER = "{org_id}"
MAX_ID_LENGTH = 64
FLUSH_S = 2.0
# Kept free of the request's time, to send the response.
FLUSH_MARGIN_S = 0.2

_logger = logging.getLogger(__name__)


class Telemetry:
    """Observes the requests of one app, as the environment says."""

    __slots__ = (
        "_flushes",
        "_pseudonym_key",
        "_pseudonyms",
        "_tenant_at",
        "database",
        "embedder",
        "function",
        "handler",
    )

    def __init__(
        self,
        app: str,
        database: Callable[[], Counted | None],
        how: Observability,
        handler: log.Handler | None,
        fetch: Callable[[Reference], str],
    ) -> None:
        self.database: Callable[[], Counted | None] = database
        self.function: str = how.function or app
        self.handler: log.Handler | None = handler
        self.embedder: metrics.Embedder | None = None
        if handler is not None and not handler.text and how.namespace is not None:
            try:
                self.embedder = metrics.Embedder(how.namespace, {"function": self.function})
            except ValueError as error:
                _logger.error("metrics are off: %s", error)
        self._flushes = how.in_lambda
        self._tenant_at: dict[str, int | None] = {}
        stored = how.pseudonym_key_secret
        self._pseudonyms = Pseudonyms(how.pseudonym_key, None if stored is None else lambda: fetch(stored))

    @classmethod
    def from_env(
        cls, app: str, database: Callable[[], Counted | None], fetch: Callable[[Reference], str]
    ) -> Telemetry | None:
        """Configured by the environment; None where neither logs nor traces are written, as in tests.

        `database` returns the one that the app has used so far, if any. `fetch` returns a stored secret.
        """
        faults: list[str] = []
        how, handler = observability.read(faults=faults), log.active()
        if handler is None and (how.in_lambda or how.form is not None) and how.form != "off":
            handler = log.configure_as(how, "text" if how.form == "text" else "json")
        for fault in faults:
            _logger.error("%s", fault)
        if how.in_lambda:
            process.begin(how.init_type)
        if handler is None and how.traces != "otel":
            return None
        _trace(how)
        return cls(app, database, how, handler, fetch)

    def observe(self, invocation_id: str | None) -> RequestObserver:
        """The observer of one request. `invocation_id` is Lambda's request id, as in its platform log lines."""
        log.ensure_attached()
        return RequestObserver(self, invocation_id)

    def route_declared(self) -> None:
        """Called for each declared route; the last call approximates the end of the import."""
        process.declared()

    def is_sampled(self, trace_id: str) -> bool:
        """Whether its debug lines are written: decided by the trace id, so that all functions of a trace agree."""
        handler = self.handler
        return (
            handler is not None and handler.debug_sample > 0 and int(trace_id[-8:], 16) < handler.debug_sample * 2**32
        )

    def tenant(self, path: str, values: Sequence[str]) -> str | None:
        """The organization in the path: the tenant of the request, which is not proof of membership."""
        if path not in self._tenant_at:
            parameters = [segment for segment in path.split("/") if segment.startswith("{")]
            self._tenant_at[path] = parameters.index(TENANT_PARAMETER) if TENANT_PARAMETER in parameters else None
        at = self._tenant_at[path]
        return None if at is None or not _is_id(values[at]) else values[at]

    def user(self, identity: Identity) -> str:
        """A stable pseudonym of the caller, without name or address: see `Pseudonyms`."""
        return self._pseudonyms.of(identity.issuer, identity.subject)

    def flush(self, sent: Request | None) -> None:
        """Send buffered spans now: Lambda freezes the process until the next request."""
        if self._flushes and trace.tracer is not None:
            left_s = FLUSH_S if sent is None else sent.deadline.left_s() - FLUSH_MARGIN_S
            trace.tracer.flush(min(FLUSH_S, left_s))


class RequestObserver(Observer):
    """Records one request of an app."""

    __slots__ = (
        *("_began_s", "_bytes", "_code", "_invocation", "_invocation_id", "_route"),
        *("_is_streaming", "_sent", "_span", "_status", "_stream", "_telemetry", "_token"),
    )

    def __init__(self, telemetry: Telemetry, invocation_id: str | None) -> None:
        self._began_s = time.perf_counter()
        self._telemetry = telemetry
        self._invocation_id = invocation_id
        self._invocation: Invocation | None = None
        self._token: Token[Invocation | None] | None = None
        self._span: trace.Span | None = None
        self._sent: Request | None = None
        self._route: RouteName | None = None
        self._status = 0
        self._bytes = 0
        self._code: str | None = None
        self._is_streaming = False
        self._stream: Streamed | None = None

    def request_read(self, request: Request) -> None:
        self._sent = request
        invocation = self._open(request.id, Trace.of(request.headers))
        tenant = request.tenant_id
        if tenant is not None and _is_id(tenant):
            invocation.fields["tenant"] = tenant

    def route_matched(self, route: RouteName, values: Sequence[str]) -> None:
        self._route = route
        if self._invocation is None:
            return
        fields = self._invocation.fields
        fields["route"] = f"{route.method} {route.path}"
        if "tenant" not in fields and values:
            tenant = self._telemetry.tenant(route.path, values)
            if tenant is not None:
                fields["tenant"] = tenant

    def caller_identified(self, identity: Identity) -> None:
        if self._invocation is not None:
            self._invocation.fields["user"] = self._telemetry.user(identity)

    def problem_rendered(self, code: str) -> None:
        self._code = code

    def response_finished(self, response: Response) -> None:
        self._status = response.status
        self._bytes = len(response.body)
        if response.status < 400:
            # A middleware has replaced the problem.
            self._code = None

    def stream_opened(self) -> None:
        self._is_streaming = True

    def stream_ended(self, stream: Streamed) -> None:
        self._stream = stream
        # A problem may have been sent in its place.
        self._bytes = stream.sent_bytes or self._bytes
        self._end()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._token is not None:
            current.reset(self._token)
        if kind is not None:
            if not issubclass(kind, Exception):
                # The process ends.
                return
            self._status = 500
        elif self._is_streaming:
            if self._span is not None:
                self._span.detach()
            return
        self._end()

    def _end(self) -> None:
        try:
            invocation = self._invocation or self._placeholder()
            if self._span is not None:
                self._end_span(self._span)
            if self._telemetry.handler is not None:
                self._write(self._telemetry.handler, invocation)
            self._telemetry.flush(self._sent)
        except Exception:
            _logger.exception("could not write the log line of a request")

    def _open(self, request_id: str, traced: Trace) -> Invocation:
        if trace.tracer is not None:
            self._span = trace.tracer.begin("request", traced)
            self._span.__enter__()
        fields: dict[str, object] = {
            "function": self._telemetry.function,
            "request_id": request_id,
            "lambda_request_id": self._invocation_id,
            "trace_id": traced.trace_id,
        }
        if self._invocation_id is None:
            del fields["lambda_request_id"]
        if traced.caller_id is not None:
            fields["caller_trace_id"] = traced.caller_id
        invocation = Invocation(fields, traced, verbose=self._telemetry.is_sampled(traced.trace_id))
        self._token = current.set(invocation)
        self._invocation = invocation
        return invocation

    def _placeholder(self) -> Invocation:
        """The invocation of an event that could not be read as a request."""
        fields: dict[str, object] = {"function": self._telemetry.function, "lambda_request_id": self._invocation_id}
        return Invocation(fields, Trace.of({}))

    def _end_span(self, span: trace.Span) -> None:
        span.set("http.response.status_code", self._status)
        if self._sent is not None:
            span.set("http.request.method", self._sent.method)
        if self._route is not None:
            span.rename(f"{self._route.method} {self._route.path}")
            span.set("http.route", self._route.path)
        if self._invocation_id is not None:
            span.set("faas.invocation_id", self._invocation_id)
        if self._has_failed():
            span.fail(str(self._status))
        if self._stream is None:
            span.detach()
        span.end()

    def _write(self, handler: log.Handler, invocation: Invocation) -> None:
        if invocation.kept and self._has_failed():
            handler.write_kept(invocation)
        if handler.text:
            if handler.threshold <= logging.INFO:
                handler.write(self._as_text(handler, invocation), logging.INFO)
            return
        embedder = self._telemetry.embedder
        if embedder is None and handler.threshold > logging.INFO:
            return
        now_s, measured, cold = time.time(), self._measured(invocation), process.cold_start()
        line = self._line(handler, invocation, now_s)
        if cold is not None:
            line |= cold[1]
        started = None if cold is None else cold[0]
        if embedder is None:
            line |= {name: value for name, (_, value) in (measured | (started or {})).items()}
            lines = [line]
        else:
            lines = embedder.embed(line, measured, int(now_s * 1000), started)
        for each in lines:
            handler.write(dumps(each), handler.request_level)

    def _line(self, handler: log.Handler, invocation: Invocation, now_s: float) -> dict[str, Any]:
        line: dict[str, Any] = {
            "timestamp": stamp(now_s),
            "level": "INFO",
            "message": f"{self._name()} {self._status}",
            **invocation.fields,
            "status": self._status,
        }
        if self._code is not None:
            line["code"] = self._code
        if self._stream is not None:
            line["stream"] = self._stream.outcome
        if self._route is None and self._sent is not None:
            line["path"] = handler.redactor.text(self._sent.sent_path[:MAX_PATH_LENGTH])
        return line

    def _measured(self, invocation: Invocation) -> dict[str, Measured]:
        measured: dict[str, Measured] = {
            "Duration": ("Milliseconds", self._took_ms()),
            "ResponseBytes": ("Bytes", self._bytes),
            # Lambda's own metric Errors stays at 0, since the app responds to each error.
            "Faults": ("Count", 1 if self._status >= 500 else 0),
        }
        if self._stream is not None:
            measured["Faults"] = ("Count", 1 if self._has_failed() else 0)
            measured["StreamItems"] = ("Count", self._stream.events)
            if self._stream.first_byte_s is not None:
                measured["TimeToFirstByte"] = ("Milliseconds", self._ms_until(self._stream.first_byte_s))
        if invocation.database_round_trips:
            measured["DatabaseRoundTrips"] = ("Count", invocation.database_round_trips)
            measured["DatabaseTime"] = ("Milliseconds", round(invocation.database_ms, 3))
        database = self._telemetry.database()
        if database is not None:
            for name, grown in process.grown(database.counters):
                measured[name] = ("Count", grown)
        return measured | metrics.merge_pending(into=invocation.metrics)

    def _as_text(self, handler: log.Handler, invocation: Invocation) -> str:
        outcome = f"{self._status}" if self._code is None else f"{self._status} {self._code}"
        if self._stream is not None:
            outcome = f"{outcome} stream {self._stream.outcome}, {self._stream.events} items"
        took_ms = self._took_ms()
        return request_text(
            self._sent, invocation, handler.redactor, outcome=outcome, took_ms=took_ms, size=self._bytes
        )

    def _name(self) -> str:
        if self._route is not None:
            return f"{self._route.method} {self._route.path}"
        return "event" if self._sent is None else self._sent.method

    def _has_failed(self) -> bool:
        """A status of 500 or more, or a stream that ended with such a problem after its first byte."""
        failure = None if self._stream is None else self._stream.failure
        return self._status >= 500 or (failure is not None and failure.status >= 500)

    def _took_ms(self) -> float:
        return self._ms_until(time.perf_counter())

    def _ms_until(self, at_s: float) -> float:
        return round((at_s - self._began_s) * 1000, 3)


def observe(form: Literal["json", "text"] | None = None) -> None:
    """Write log lines in your own server: in this form, by default text on a terminal and JSON elsewhere.

    ORG_COMMON_LOG_FORM takes precedence. In Lambda this happens automatically. Call it before the first request.
    """
    how = observability.read()
    wanted = how.form or form or ("text" if sys.stderr.isatty() else "json")
    if wanted != "off":
        log.configure_as(how, "text" if wanted == "text" else "json")


def _trace(how: Observability) -> None:
    if trace.tracer is not None or how.traces == "off":
        return
    # The API alone records no spans, and other libraries import it.
    if how.traces == "auto" and "opentelemetry.sdk.trace" not in sys.modules:
        return
    try:
        from org_common.telemetry.otel import OpenTelemetry
    except ImportError as error:
        _logger.error(
            "ORG_COMMON_TRACES is otel, but OpenTelemetry cannot be imported (%s): install org-common[otel]", error
        )
        return
    trace.tracer = OpenTelemetry()


def _is_id(value: str) -> bool:
    """Whether it has the length and letters of an id: a caller's free text must not enter a log field."""
    return len(value) <= MAX_ID_LENGTH and value.isascii() and value.replace("-", "").replace("_", "").isalnum()
