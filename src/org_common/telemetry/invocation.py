"""The current invocation: what log lines, metrics and spans share while a request is handled."""

from __future__ import annotations

# `contextvars` of the standard library only re-exports these names, at the cost of one more file.
from _contextvars import ContextVar

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections import deque
    from logging import LogRecord

    from org_common.telemetry.trace_context import Trace

    # A unit of CloudWatch, and a sum or the single values.
    Measured = tuple[str, float | list[float]]


class Invocation:
    """One request of an API, or one batch of events."""

    __slots__ = ("database_ms", "database_round_trips", "fields", "kept", "metrics", "trace", "verbose")

    fields: dict[str, object]
    """Added to each of its log lines."""
    trace: Trace
    """Its place in a distributed trace."""
    metrics: dict[str, Measured]
    """What the handler counted and measured, by name."""
    kept: deque[LogRecord] | None
    """Debug lines, written only if the request fails."""
    verbose: bool
    """Write debug lines at once."""
    database_round_trips: int
    """Round trips to the database so far."""
    database_ms: float
    """Time spent waiting for the database so far."""

    def __init__(self, fields: dict[str, object], trace: Trace, *, verbose: bool = False) -> None:
        self.fields = fields
        self.trace = trace
        self.verbose = verbose
        self.metrics = {}
        self.kept = None
        self.database_round_trips = 0
        self.database_ms = 0.0


# Each thread has its own context, and asyncio.to_thread copies the caller's, so no request sees another's invocation.
current: ContextVar[Invocation | None] = ContextVar("org_common_invocation", default=None)
