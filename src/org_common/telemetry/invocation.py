"""What is known of the request that is being answered: log lines, metrics and spans take it from here."""

from __future__ import annotations

# stdlib's `contextvars` is these names and nothing else, for one more file to be found.
from _contextvars import ContextVar

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections import deque
    from logging import LogRecord
    from types import TracebackType
    from typing import Protocol, Self

    from org_common.http.request import Request
    from org_common.http.response import Response
    from org_common.telemetry.trace_context import Trace
    from org_common.values.identity import Identity

    # A unit of CloudWatch, and a sum or the single values.
    Measured = tuple[str, float | list[float]]

    class Routed(Protocol):
        """A route, for whoever must not know it."""

        method: str
        path: str

    class Watch(Protocol):
        """What is seen of one request, told by the app as it goes."""

        def request(self, request: Request) -> None:
            """It could be read."""

        def route(self, route: Routed, values: list[str]) -> None:
            """It is for this route, with these values of its path."""

        def caller(self, identity: Identity) -> None:
            """It is from this caller."""

        def problem(self, code: str) -> None:
            """It ends in a problem of this code."""

        def answered(self, response: Response) -> None:
            """This goes back; the last one counts."""

        def __enter__(self) -> Self: ...

        def __exit__(
            self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
        ) -> None: ...


class Invocation:
    """One request of an API, or one batch of events. `watch` is what the app tells of it, None where nobody looks.

    `fields` stand in each of its log lines. `metrics` are those that the handler counted and measured, by name. `kept`
    are debug lines that come out only if something fails; with `verbose` they come out at once.
    """

    __slots__ = ("database_ms", "database_round_trips", "fields", "kept", "metrics", "trace", "verbose", "watch")

    def __init__(
        self, fields: dict[str, object], trace: Trace, watch: Watch | None = None, *, verbose: bool = False
    ) -> None:
        self.fields = fields
        self.trace = trace
        self.watch = watch
        self.verbose = verbose
        self.metrics: dict[str, Measured] = {}
        self.kept: deque[LogRecord] | None = None
        self.database_round_trips = 0
        self.database_ms = 0.0


# Each thread has a context of its own, and asyncio.to_thread takes the caller's along: no request sees another's.
current: ContextVar[Invocation | None] = ContextVar("org_common_invocation", default=None)
