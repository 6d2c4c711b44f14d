"""`Observer`: what logs, metrics and traces learn of a request while it is handled."""

from __future__ import annotations

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Protocol, Self

    from org_common.http.request import Request
    from org_common.http.response import Response
    from org_common.values.identity import Identity

    class RouteName(Protocol):
        """A route, as far as observers know it."""

        method: str
        path: str

    class Streamed(Protocol):
        """A stream, as far as observers know it."""

        sent_bytes: int
        events: int
        first_byte_s: float | None
        outcome: str
        failure: Response | None


class Observer:
    """The steps of one request. This observer ignores them; `org_common.telemetry.requests` has one that records."""

    __slots__ = ()

    def request_read(self, request: Request) -> None:
        """The event was read as this request."""

    def route_matched(self, route: RouteName, values: Sequence[str]) -> None:
        """The request matches this route, with these path values."""

    def caller_identified(self, identity: Identity) -> None:
        """The request comes from this caller."""

    def problem_rendered(self, code: str) -> None:
        """The request ended in a problem with this code."""

    def response_finished(self, response: Response) -> None:
        """This response is sent. The last call counts."""

    def stream_opened(self) -> None:
        """The response is a stream: the request ends with `stream_ended`, which comes after the `with` block."""

    def stream_ended(self, stream: Streamed) -> None:
        """The stream was sent, or ended before."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...


IGNORE = Observer()
"""The observer of requests that are neither logged, measured nor traced."""
