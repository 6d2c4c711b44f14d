"""`Record`: one message of a queue, one object event, or one tick of a schedule."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Mapping

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NO_ATTRIBUTES: Mapping[str, str] = {}


class Record:
    """What a trigger handles. Injectable: annotate a parameter of a trigger's handler with it."""

    __slots__ = ("_sent_ms", "attempt", "attributes", "body", "claim", "group", "id", "outbox_id", "queue", "trace")
    injected = "record"

    id: str
    """The same at each delivery: the number of a message that `tx.send` wrote, else the id that its service gave it."""
    queue: str
    """The queue, bucket, rule or schedule that it comes from, as AWS names it."""
    body: str
    """The message, in JSON unless it comes from elsewhere: without the envelope of SNS or EventBridge."""
    attempt: int
    """How many times it was delivered, this time included; 1 if the service does not count."""
    group: str | None
    """The message group (`MessageGroupId`), on FIFO queues and fair queues; None without one."""
    attributes: Mapping[str, str]
    """The message attributes that are strings, by name."""
    outbox_id: str | None
    """The number that the outbox gave the message, as the delivery claims it; None for a message from elsewhere."""
    claim: str
    """What a message from elsewhere is claimed by, so that it is handled once."""
    trace: Mapping[str, str]
    """Trace headers of the sender, `traceparent` and `x-amzn-trace-id`."""

    def __init__(
        self,
        id: str,
        queue: str,
        body: str,
        *,
        attempt: int = 1,
        group: str | None = None,
        attributes: Mapping[str, str] = NO_ATTRIBUTES,
        outbox_id: str | None = None,
        claim: str | None = None,
        sent_ms: int | None = None,
        trace: Mapping[str, str] = NO_ATTRIBUTES,
    ) -> None:
        self.id = id
        self.queue = queue
        self.body = body
        self.attempt = attempt
        self.group = group
        self.attributes = attributes
        self.outbox_id = outbox_id
        self.claim = claim or id
        self.trace = trace
        self._sent_ms = sent_ms

    @property
    def sent_at(self) -> datetime | None:
        """When it was sent, in UTC; None if the service does not say."""
        return None if self._sent_ms is None else _EPOCH + timedelta(milliseconds=self._sent_ms)

    def __repr__(self) -> str:
        return f"Record({self.id!r}, {self.queue!r})"
