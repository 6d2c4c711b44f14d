"""Scheduled events that keep an environment warm: no requests, so no log line, no metrics and no error.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-rule-schedule.html
https://github.com/juanjoDiaz/serverless-plugin-warmup, https://github.com/jeremydaly/lambda-warmer
"""

from __future__ import annotations

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Mapping

    from org_common.http.incoming_request import IncomingRequest
    from org_common.http.response import Response
    from org_common.values.types import Event, LambdaContext

# EventBridge rules and EventBridge Scheduler, serverless-plugin-warmup and its predecessor, lambda-warmer and Bref.
PINGS: tuple[dict[str, object], ...] = (
    {"detail-type": "Scheduled Event"},
    {"source": "serverless-plugin-warmup"},
    {"source": "serverless-plugin-lambda-warmup"},
    {"warmer": True},
)


class KeepWarm:
    """The event source for pings that keep the function warm.

        app = App("orders", events=(HTTP_API, KEEP_WARM))

    Args:
        pings: What your pings look like: an event is a ping if it has all keys and values of one of these. By default
            the scheduled events of EventBridge and the events of `serverless-plugin-warmup` and `lambda-warmer`.
    """

    __slots__ = ("_pings",)
    has_authorizer = True  # It brings no requests, so there is nothing to authorize.

    def __init__(self, *pings: Mapping[str, object]) -> None:
        if not all(pings):
            raise TypeError('KeepWarm({}) would match every event. Example: KeepWarm({"ping": True})')
        self._pings = pings or PINGS

    def is_ping(self, event: Event) -> bool:
        """Whether the event is a ping. An HTTP request is none, whatever its caller sent."""
        if not isinstance(event, dict) or "requestContext" in event:
            return False
        return any(all(event.get(key) == value for key, value in ping.items()) for ping in self._pings)

    def read(self, event: Event, context: LambdaContext) -> IncomingRequest | None:
        """None: a ping is not a request."""
        return None

    def to_event(self, response: Response, event: Event) -> Event:
        """The result for a ping: an empty object."""
        return {}

    def __repr__(self) -> str:
        return "KEEP_WARM" if self._pings is PINGS else f"KeepWarm({', '.join(map(repr, self._pings))})"


KEEP_WARM = KeepWarm()
"""The event source for the pings of EventBridge schedules, `serverless-plugin-warmup` and `lambda-warmer`."""
