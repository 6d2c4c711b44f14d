"""A request inside the pipeline: with what the handler does not need to see."""

from org_common.http.request import Request

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable

    from org_common.http.observer import Observer
    from org_common.http.response import Response


class IncomingRequest(Request):
    """A request as the pipeline sees it: with its observer, and with the size limit of its response."""

    __slots__ = ("check_size", "observer")

    observer: "Observer"
    """What logs, metrics and traces learn of it."""
    check_size: "Callable[[Response], object] | None"
    """Raises `ResponseTooLarge` for a finished response that cannot be sent; None without a limit."""


def passed_on(request: Request, original: IncomingRequest) -> IncomingRequest:
    """The request that a middleware passes on, observed like the original one even when it is another object."""
    if isinstance(request, IncomingRequest):
        return request
    incoming = IncomingRequest.__new__(IncomingRequest)
    for name in Request.__slots__:
        setattr(incoming, name, getattr(request, name))
    incoming.observer = original.observer
    incoming.check_size = original.check_size
    return incoming
