"""What answers an exception: the handler that was declared for its class, or for the nearest one above."""

from __future__ import annotations

from org_common.http.response import Response, checked
from org_common.values.errors import OrgError

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from org_common.http.request import Request

    Handler = Callable[[Any, Request], Response | OrgError]


class Failures:
    """The handlers of one app, by class."""

    __slots__ = ("handlers",)

    def __init__(self) -> None:
        self.handlers: dict[type[Exception], Handler] = {}

    def add(self, kind: type[Exception], handler: Handler) -> None:
        """`TypeError` when the class has one already."""
        if kind in self.handlers:
            raise TypeError(f"error({kind.__name__}) is declared twice")
        self.handlers[kind] = handler

    def answered(self, error: Exception, request: Request) -> Response | OrgError | None:
        """What its handler makes of it; None when there is none. Raises what the handler raises."""
        for kind in type(error).__mro__:
            handler = self.handlers.get(kind)
            if handler is not None:
                answered = handler(error, request)
                return answered if isinstance(answered, OrgError) else checked(answered)
        return None
