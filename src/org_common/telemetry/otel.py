"""Spans with OpenTelemetry. The program or a layer sets up its SDK and exporter.

https://opentelemetry.io/docs/languages/python/instrumentation/
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from opentelemetry import context
from opentelemetry import trace as api
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags

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


class OpenTelemetrySpan(Span):
    """A recorded span. It records only the type of an exception, as messages contain values."""

    __slots__ = ("_span", "_token")

    def __init__(self, span: api.Span) -> None:
        self._span = span

    def set(self, name: str, value: Value) -> None:
        """Set an attribute."""
        self._span.set_attribute(name, value)

    def rename(self, name: str) -> None:
        """Change the name."""
        self._span.update_name(name)

    def fail(self, error_type: str) -> None:
        """Mark the span as failed."""
        self._span.set_attribute("error.type", error_type)
        self._span.set_status(Status(StatusCode.ERROR, error_type))

    def detach(self) -> None:
        """Begin no more spans below this one in this context."""
        context.detach(self._token)

    def end(self) -> None:
        """End the span."""
        self._span.end()

    def __enter__(self) -> Self:
        self._token = context.attach(api.set_span_in_context(self._span))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is not None:
            self.fail(kind.__qualname__)
        self.detach()
        self.end()


class OpenTelemetry:
    """A `Tracer` that creates spans with the tracer provider that is set up."""

    def __init__(self, get_provider: Callable[[], object] = api.get_tracer_provider) -> None:
        """`get_provider` returns the provider to flush, by default the global one."""
        self._tracer = api.get_tracer("org_common")
        self._get_provider = get_provider
        self._flushing: threading.Thread | None = None

    def start(self, name: str, kind: Kind, attributes: Mapping[str, Value]) -> OpenTelemetrySpan:
        """A span below the current one."""
        return OpenTelemetrySpan(self._tracer.start_span(name, kind=_KINDS[kind], attributes=attributes))

    def begin(self, name: str, trace: Trace) -> OpenTelemetrySpan:
        """The span of a request: below the current span, else in the caller's trace. It links to another trace.

        The trace id of the span is written to `trace`, so that log lines and spans have the same id.
        """
        parent = None
        if trace.is_continued and not api.get_current_span().get_span_context().is_valid:
            parent = api.set_span_in_context(NonRecordingSpan(self._remote(name, trace)))
        span = self._tracer.start_span(name, context=parent, kind=SpanKind.SERVER, links=_links(trace))
        span_context = span.get_span_context()
        if span_context.is_valid:
            trace.trace_id = format(span_context.trace_id, "032x")
            trace.sampled = span_context.trace_flags.sampled
        return OpenTelemetrySpan(span)

    def _remote(self, name: str, trace: Trace) -> SpanContext:
        """The caller's span. Where it made no sampling decision, the provider's sampler does."""
        trace_id = int(trace.trace_id, 16)
        sampled = trace.sampled
        if sampled is None:
            sampler = getattr(self._get_provider(), "sampler", None)
            sampled = (
                sampler is None
                or sampler.should_sample(None, trace_id, name, kind=SpanKind.SERVER).decision.is_sampled()
            )
        # OpenTelemetry continues no trace without a parent. As in B3, the low half of the id stands for the root.
        parent_id = int(trace.parent_id, 16) if trace.parent_id else trace_id & (2**64 - 1) or trace_id >> 64
        flags = TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT)
        return SpanContext(trace_id, parent_id, is_remote=True, trace_flags=flags)

    def span_id(self) -> str | None:
        """The id of the current span; None without one."""
        span_context = api.get_current_span().get_span_context()
        return format(span_context.span_id, "016x") if span_context.is_valid else None

    def flush(self, timeout_s: float) -> None:
        """Send finished spans, and wait up to `timeout_s`: Lambda freezes the process between two invocations.

        It runs in a thread, as the SDK ignores its timeout while the exporter gets no response (1.45). A flush that
        takes longer continues during the next request, which does not start another one.
        """
        deadline_s = time.monotonic() + timeout_s
        if self._flushing is not None:
            self._flushing.join(max(timeout_s, 0))
            if self._flushing.is_alive():
                return
        if timeout_s <= 0:
            return
        self._flushing = threading.Thread(target=self._flush, args=(timeout_s,), daemon=True)
        self._flushing.start()
        self._flushing.join(max(deadline_s - time.monotonic(), 0))

    def _flush(self, timeout_s: float) -> None:
        flush = getattr(self._get_provider(), "force_flush", None)
        try:
            if flush is not None:
                flush(int(timeout_s * 1000))
        except Exception:
            _logger.exception("spans could not be sent")


def _links(trace: Trace) -> list[Link]:
    """The caller's span, where Lambda's trace takes precedence: for a message, the span that sent it."""
    if trace.caller_id is None or trace.caller_span_id is None:
        return []
    return [Link(SpanContext(int(trace.caller_id, 16), int(trace.caller_span_id, 16), is_remote=True))]
