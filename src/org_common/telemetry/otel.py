"""Spans by OpenTelemetry: its only home. Where they go is said by whoever sets up its SDK.

https://opentelemetry.io/docs/languages/python/instrumentation/
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from opentelemetry import context
from opentelemetry import trace as api
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from org_common.telemetry.trace import Span
from org_common.telemetry.trace_context import Trace

TYPE_CHECKING = False

if TYPE_CHECKING:
    from org_common.telemetry.trace import Kind, Value

_logger = logging.getLogger(__name__)

_KINDS: dict[Kind, SpanKind] = {
    "internal": SpanKind.INTERNAL,
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
}


class Started(Span):
    """A span that is recorded. Of an exception it takes the type alone: messages hold values."""

    __slots__ = ("_span", "_token")

    def __init__(self, span: api.Span) -> None:
        self._span = span

    def set(self, name: str, value: Value) -> None:
        self._span.set_attribute(name, value)

    def rename(self, name: str) -> None:
        self._span.update_name(name)

    def fail(self, kind: str) -> None:
        self._span.set_attribute("error.type", kind)
        self._span.set_status(Status(StatusCode.ERROR, kind))

    def __enter__(self) -> Self:
        self._token = context.attach(api.set_span_in_context(self._span))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is not None:
            self.fail(kind.__qualname__)
        context.detach(self._token)
        self._span.end()


class OpenTelemetry:
    """Makes spans with whatever provider is set up at that time."""

    def __init__(self) -> None:
        self._tracer = api.get_tracer("org_common")
        self._flushing: threading.Thread | None = None

    def start(self, name: str, kind: Kind, attributes: Mapping[str, Value]) -> Started:
        return Started(self._tracer.start_span(name, kind=_KINDS[kind], attributes=attributes))

    def begin(self, name: str, trace: Trace) -> Started:
        """The span of a request: below the one that is open already, else below the caller's.

        `trace` takes its id over, so that log lines and spans find each other.
        """
        parent = None
        if not api.get_current_span().get_span_context().is_valid and trace.parent_id is not None:
            flags = TraceFlags.DEFAULT if trace.sampled is False else TraceFlags.SAMPLED
            remote = SpanContext(
                int(trace.trace_id, 16), int(trace.parent_id, 16), is_remote=True, trace_flags=TraceFlags(flags)
            )
            parent = api.set_span_in_context(NonRecordingSpan(remote))
        span = self._tracer.start_span(name, context=parent, kind=SpanKind.SERVER)
        made = span.get_span_context()
        if made.is_valid:
            trace.trace_id = format(made.trace_id, "032x")
            trace.sampled = made.trace_flags.sampled
        return Started(span)

    def span_id(self) -> str | None:
        """Of the span that is open now."""
        opened = api.get_current_span().get_span_context()
        return format(opened.span_id, "016x") if opened.is_valid else None

    def flush(self, timeout_s: float) -> None:
        """Send what is waiting, and wait for no longer than this: between two invocations Lambda stands still.

        In a thread, since the SDK looks at no timeout while its exporter is not answered (1.45). What is not sent in
        time goes on with the next request, and no second thread beside it.
        """
        deadline_s = time.monotonic() + timeout_s
        if self._flushing is not None:
            self._flushing.join(max(timeout_s, 0))
            if self._flushing.is_alive():
                return
        if timeout_s <= 0:
            return
        self._flushing = threading.Thread(target=_flush, args=(timeout_s,), daemon=True)
        self._flushing.start()
        self._flushing.join(max(deadline_s - time.monotonic(), 0))


def _flush(timeout_s: float) -> None:
    flush = getattr(api.get_tracer_provider(), "force_flush", None)
    try:
        if flush is not None:
            flush(int(timeout_s * 1000))
    except Exception:
        _logger.exception("spans could not be sent")
