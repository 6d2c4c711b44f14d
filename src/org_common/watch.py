"""What is told of a request as it goes."""

from __future__ import annotations

TYPE_CHECKING = False

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Protocol, Self

    from org_common.http.request import Request
    from org_common.http.response import Response
    from org_common.identity import Identity

    class Routed(Protocol):
        """A route, for whoever must not know it."""

        method: str
        path: str


class Watch:
    """What is seen of one request, told by the app as it goes. This one sees nothing: tests and tools are quiet."""

    __slots__ = ()

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

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...


NOTHING = Watch()
