"""Error handlers: what an app declared for an exception's class, or for the nearest class above it."""

from __future__ import annotations

from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR, CO_VARARGS
from typing import Any

from org_common.http.response import Response, check_response
from org_common.values.errors import OrgError

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable

    from org_common.http.request import Request

    Handler = Callable[[Any, Request], Response | OrgError]


class ErrorHandlers:
    """The error handlers of one app, by exception class."""

    __slots__ = ("handlers",)

    def __init__(self) -> None:
        self.handlers: dict[type[Exception], Handler] = {}

    def add(self, kind: type[Exception], handler: Handler) -> None:
        """Declare a handler. Raises `TypeError` when the class has one already, or the handler cannot be called."""
        check_arguments(handler, ("error", "request"), f"the error handler of {kind.__name__}", "OrgError")
        if kind in self.handlers:
            raise TypeError(f"error({kind.__name__}) is declared twice: keep one handler for each class")
        self.handlers[kind] = handler

    def handle(self, error: Exception, request: Request) -> Response | OrgError | None:
        """What the handler of the error's class returns; None without one. Raises what the handler raises."""
        for kind in type(error).__mro__:
            handler = self.handlers.get(kind)
            if handler is not None:
                result = handler(error, request)
                if isinstance(result, (OrgError, Response)):
                    return result if isinstance(result, OrgError) else check_response(result)
                raise TypeError(
                    f"the error handler {handler.__name__!r} of {kind.__name__} must return a Response or an OrgError, "
                    f"got {type(result).__name__}. Example: return Conflict(code='stock_empty')"
                )
        return None


def check_arguments(function: Any, names: tuple[str, str], what: str, result: str) -> None:
    """`TypeError` for a function that cannot be called with two arguments, or that is async."""
    name = getattr(function, "__name__", repr(function))
    example = f"Example: `def {name}({', '.join(names)}) -> {result}`"
    if not callable(function):
        raise TypeError(f"{what}: {function!r} is not a function. {example}")
    code = getattr(function, "__code__", None)
    if code is None or hasattr(function, "__wrapped__"):
        # An instance with __call__, a partial function, a decorated one: the first call shows what they take.
        return
    if code.co_flags & (CO_COROUTINE | CO_ASYNC_GENERATOR | CO_GENERATOR):
        raise TypeError(f"{what}: {name!r} is async or yields: write a plain function. {example}")
    least = code.co_argcount - (getattr(function, "__self__", None) is not None)
    most = None if code.co_flags & CO_VARARGS else least
    least -= len(function.__defaults__ or ())
    if least > 2 or (most is not None and most < 2):
        raise TypeError(f"{what}: {name!r} is called with two arguments, {names[0]} and {names[1]}. {example}")
