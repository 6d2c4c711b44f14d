"""A request inside the pipeline: with what the handler does not need to see."""

from org_common.http.request import Request

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable

    from org_common.http.observer import Observer
    from org_common.http.response import Response
    from org_common.values.types import Event


class IncomingRequest(Request):
    """A request as the pipeline sees it: with its observer, and with the format of its response."""

    __slots__ = ("event", "observer", "to_event")

    observer: "Observer"
    """What logs, metrics and traces learn of it."""
    to_event: "Callable[[Response, Event], Event] | None"
    """Renders a finished response as the service expects it that sent the event; None outside of Lambda.

    Raises `ResponseTooLarge` for one that cannot be sent."""
    event: "Event | None"
    """The event, for `to_event`. A closure over it would take a thirtieth of a warm request."""


def passed_on(request: Request, original: IncomingRequest) -> IncomingRequest:
    """The request that a middleware passes on, observed like the original one even when it is another object."""
    if isinstance(request, IncomingRequest):
        return request
    incoming = IncomingRequest.__new__(IncomingRequest)
    for name in Request.__slots__:
        setattr(incoming, name, getattr(request, name))
    incoming.observer = original.observer
    incoming.to_event = original.to_event
    incoming.event = original.event
    return incoming
