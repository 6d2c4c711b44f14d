"""Distributed tracing: headers for calls to other services, and spans if OpenTelemetry is set up.

Without OpenTelemetry a span does nothing and costs next to nothing. https://www.w3.org/TR/trace-context/,
https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
"""

from __future__ import annotations

import os

from org_common.telemetry.invocation import current
from org_common.telemetry.trace_context import TRACEPARENT, XRAY_HEADER, Trace

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Literal, Protocol, Self

    Value = str | bool | int | float
    Kind = Literal["internal", "server", "client"]

    class Tracer(Protocol):
        """Creates spans: see `org_common.telemetry.otel`."""

        def start(self, name: str, kind: Kind, attributes: Mapping[str, Value]) -> Span:
            """A span below the current one."""
            ...

        def begin(self, name: str, trace: Trace) -> Span:
            """The span of a request."""
            ...

        def span_id(self) -> str | None:
            """The id of the current span."""
            ...

        def flush(self, timeout_s: float) -> None:
            """Send finished spans, and wait up to `timeout_s`."""
            ...


def trace_headers() -> dict[str, str]:
    """The W3C and X-Ray headers that continue this trace in a call to another service; none outside of a request."""
    invocation = current.get()
    if invocation is None:
        return {}
    trace = invocation.trace
    span_id = (tracer.span_id() if tracer is not None else None) or trace.parent_id or os.urandom(8).hex()
    return {TRACEPARENT: trace.traceparent(span_id), XRAY_HEADER: trace.xray(span_id)}


class Span:
    """A timed operation in a trace, for `with`. This one does nothing."""

    __slots__ = ()

    def set(self, name: str, value: Value) -> None:
        """Set an attribute. Never a value of a statement, a token or an e-mail address: many people read traces."""

    def rename(self, name: str) -> None:
        """Change the name."""

    def fail(self, error_type: str) -> None:
        """Mark the span as failed. `error_type` is a status or the type of an exception, never its message."""

    def detach(self) -> None:
        """Begin no more spans below this one in this context. It goes on until `end`."""

    def end(self) -> None:
        """End the span."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...


_NO_SPAN = Span()
tracer: Tracer | None = None


def span(name: str, attributes: Mapping[str, Value] | None = None, *, kind: Kind = "internal") -> Span:
    """A span of the request's trace, for `with`. It is marked as failed if an exception leaves the block.

    with span("render invoice", {"pages": 12}):
        ...
    """
    if tracer is None:
        return _NO_SPAN
    return tracer.start(name, kind, attributes or {})
