"""Traces: the ids of the caller's, read and passed on, and spans where OpenTelemetry is there.

Without it a span costs next to nothing and does nothing. https://www.w3.org/TR/trace-context/,
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
        """What makes spans: see `org_common.telemetry.otel`."""

        def start(self, name: str, kind: Kind, attributes: Mapping[str, Value]) -> Span: ...

        def begin(self, name: str, trace: Trace) -> Span: ...

        def span_id(self) -> str | None: ...

        def flush(self, timeout_s: float) -> None: ...


def trace_headers() -> dict[str, str]:
    """What a call to another service takes along, so that its trace is ours: W3C's header and X-Ray's."""
    invocation = current.get()
    if invocation is None:
        return {}
    trace = invocation.trace
    span_id = (tracer.span_id() if tracer is not None else None) or trace.parent_id or os.urandom(8).hex()
    return {TRACEPARENT: trace.traceparent(span_id), XRAY_HEADER: trace.xray(span_id)}


class Span:
    """A piece of work in a trace, from the beginning of a block to its end. This one does nothing."""

    __slots__ = ()

    def set(self, name: str, value: Value) -> None:
        """Add an attribute. Never a value of a statement, a token or an e-mail address: traces are read by many."""

    def rename(self, name: str) -> None:
        """Call it by a name that is known only now."""

    def fail(self, kind: str) -> None:
        """It ends in error; `kind` is a status or the type of an exception, never its message."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...


_NOTHING = Span()
tracer: Tracer | None = None


def span(name: str, attributes: Mapping[str, Value] | None = None, *, kind: Kind = "internal") -> Span:
    """A span of the request's trace, for `with`. It ends in error when an exception leaves the block.

    with span("render invoice", {"pages": 12}):
        ...
    """
    if tracer is None:
        return _NOTHING
    return tracer.start(name, kind, attributes or {})
