"""What is known of the request that is being answered: log lines, metrics and spans take it from here."""

from __future__ import annotations

# stdlib's `contextvars` is these names and nothing else, for one more file to be found.
from _contextvars import ContextVar

from org_common.watch import NOTHING

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections import deque
    from logging import LogRecord

    from org_common.trace import Trace
    from org_common.watch import Watch

    # A unit of CloudWatch, and a sum or the single values.
    Measured = tuple[str, float | list[float]]


class Invocation:
    """One request of an API, or one batch of events.

    `fields` stand in each of its log lines. `metrics` are those that the handler counted and measured, by name. `kept`
    are debug lines that come out only if something fails; with `verbose` they come out at once.
    """

    __slots__ = ("database_ms", "database_turns", "fields", "kept", "metrics", "trace", "verbose", "watch")

    def __init__(
        self, fields: dict[str, object], trace: Trace, watch: Watch = NOTHING, *, verbose: bool = False
    ) -> None:
        self.fields = fields
        self.trace = trace
        self.watch = watch
        self.verbose = verbose
        self.metrics: dict[str, Measured] = {}
        self.kept: deque[LogRecord] | None = None
        self.database_turns = 0
        self.database_ms = 0.0


# Each thread has a context of its own, and asyncio.to_thread takes the caller's along: no request sees another's.
current: ContextVar[Invocation | None] = ContextVar("org_common_invocation", default=None)
