"""Error handlers: what an app declared for an exception's class, or for the nearest class above it."""

from __future__ import annotations

from org_common.http.response import Response, check_response
from org_common.values.errors import OrgError

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from org_common.http.request import Request

    Handler = Callable[[Any, Request], Response | OrgError]


class ErrorHandlers:
    """The error handlers of one app, by exception class."""

    __slots__ = ("handlers",)

    def __init__(self) -> None:
        self.handlers: dict[type[Exception], Handler] = {}

    def add(self, kind: type[Exception], handler: Handler) -> None:
        """Declare a handler. Raises `TypeError` when the class has one already."""
        if kind in self.handlers:
            raise TypeError(f"error({kind.__name__}) is declared twice: keep one handler for each class")
        self.handlers[kind] = handler

    def handle(self, error: Exception, request: Request) -> Response | OrgError | None:
        """What the handler of the error's class returns; None without one. Raises what the handler raises."""
        for kind in type(error).__mro__:
            handler = self.handlers.get(kind)
            if handler is not None:
                result = handler(error, request)
                return result if isinstance(result, OrgError) else check_response(result)
        return None
