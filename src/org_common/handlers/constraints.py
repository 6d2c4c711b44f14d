"""What the violation of a database constraint means to the caller: an error handler by name, or the field of a body."""

from __future__ import annotations

from org_common.handlers.pointer import pointer
from org_common.http.response import Response, check_response
from org_common.values.errors import Fault, OrgError

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from org_common.http.request import Request

    ConstraintHandler = Callable[[Any, Request], Response | OrgError]


class Constraints:
    """The handlers of one app, by the constraint's name."""

    __slots__ = ("handlers",)

    def __init__(self) -> None:
        self.handlers: dict[str, ConstraintHandler] = {}

    def add(self, name: str, handler: ConstraintHandler) -> None:
        """Declare a handler. Raises `TypeError` when the constraint has one already."""
        if name in self.handlers:
            raise TypeError(f"constraint({name!r}) is declared twice: keep one handler or field for each constraint")
        self.handlers[name] = handler

    def handle(self, error: Exception, request: Request) -> Response | OrgError | None:
        """What the handler of the violated constraint returns; None without one. Raises what the handler raises."""
        if not isinstance(error, OrgError) or error.status >= 500:
            return None
        handler = next((found for name in _names(error.__cause__) if (found := self.handlers.get(name))), None)
        if handler is None:
            return None
        result = handler(error, request)
        return result if isinstance(result, OrgError) else check_response(result)


def at_field(field: str, detail: str | None, code: str | None) -> ConstraintHandler:
    """A handler that adds the field of the body to the error: `email`, or `address/zip` for an inner one."""
    place = pointer(field.split("/"))

    def handle(error: OrgError, request: Request) -> OrgError:
        error.errors = (Fault("body", place, detail or error.detail, code or error.code),)
        return error

    return handle


def _names(cause: object) -> list[str]:
    """The names under which the violation may be declared, the most specific first."""
    constraint, table, column = (getattr(cause, name, None) for name in ("constraint", "table", "column"))
    violated = constraint or column
    names = [f"{table}.{violated}"] if table and violated else []
    return [*names, constraint] if constraint else names
