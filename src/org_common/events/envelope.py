"""Envelopes: a message as SNS and EventBridge pass it on to a queue.

https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html
"""

from __future__ import annotations

from org_common.events.record import NO_ATTRIBUTES

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from org_common.values.types import Event

ID_ATTRIBUTE = "org-common-id"
"""The message attribute with the number that the outbox gave the message."""
OUTBOX_SOURCE = "org-common"
"""The source of events that the relay puts on an event bus: their detail has `id`, `queue` and `message`."""
# An id of the outbox is a bigint.
_MAX_ID = 2**63 - 1
# A rule may send to a topic and the topic to a queue.
_MAX_DEPTH = 2


class Envelope:
    """What was in an envelope."""

    __slots__ = ("attributes", "body", "id", "outbox_id")

    def __init__(
        self,
        body: str,
        attributes: Mapping[str, str] = NO_ATTRIBUTES,
        *,
        id: str | None = None,
        outbox_id: str | None = None,
    ) -> None:
        self.body: str = body
        """The message."""
        self.attributes: Mapping[str, str] = attributes
        """The message attributes, those of the envelope included."""
        self.id: str | None = id
        """The id that the envelope's service gave the message: the same in each queue that got it."""
        self.outbox_id: str | None = outbox_id or outbox_id_of(attributes.get(ID_ATTRIBUTE))
        """The number that the outbox gave the message; None without a valid one."""

    def trace(self) -> Mapping[str, str]:
        """The trace headers of the sender."""
        found = self.attributes.get("traceparent")
        return NO_ATTRIBUTES if found is None else {"traceparent": found}

    def claim(self) -> str | None:
        """What the message is claimed by in each queue that got it; None without an envelope."""
        if self.id is None:
            return None
        from hashlib import sha256

        # An envelope may be forged: with its content, an id can only stand for the same message.
        return sha256(f"{self.id}\n{self.body}".encode(errors="surrogatepass")).hexdigest()


def outbox_id_of(value: object) -> str | None:
    """A number of the outbox, in its one spelling; None for anything else."""
    text = str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    if not (text.isascii() and text.isdecimal() and len(text) <= 19 and int(text) <= _MAX_ID):
        return None
    return str(int(text))


def open_envelope(
    body: str, attributes: Mapping[str, str] = NO_ATTRIBUTES, *, opens_events: bool = True, depth: int = 0
) -> Envelope:
    """The message within the envelope of SNS or EventBridge; without an envelope, the message itself.

    `opens_events`: return the detail of an event of EventBridge instead of the event.
    """
    # Most messages are not parsed for it.
    if depth < _MAX_DEPTH and body.lstrip()[:1] == "{":
        if '"Notification"' in body and '"TopicArn"' in body:
            found = parse(body)
            if found.get("Type") == "Notification" and isinstance(found.get("Message"), str):
                inner = {**attributes, **_strings(found.get("MessageAttributes"))}
                opened = open_envelope(found["Message"], inner, opens_events=opens_events, depth=depth + 1)
                opened.id = opened.id or _string(found.get("MessageId"))
                return opened
        elif opens_events and '"detail-type"' in body and '"detail"' in body:
            found = parse(body)
            if is_event(found):
                return open_event(found, attributes)
    return Envelope(body, attributes)


def is_event(event: object) -> bool:
    """Whether it is an event of EventBridge, or of EventBridge Scheduler without an input of its own."""
    return (
        isinstance(event, dict)
        and isinstance(event.get("detail-type"), str)
        and isinstance(event.get("source"), str)
        and "detail" in event
    )


def open_event(event: Event, attributes: Mapping[str, str] = NO_ATTRIBUTES) -> Envelope:
    """The detail of an event, or the message of an event that the relay sent."""
    detail, id = event["detail"], _string(event.get("id"))
    if event["source"] == OUTBOX_SOURCE and isinstance(detail, dict):
        traceparent = detail.get("traceparent")
        if isinstance(traceparent, str):
            attributes = {**attributes, "traceparent": traceparent}
        return Envelope(dump(detail.get("message")), attributes, id=id, outbox_id=outbox_id_of(detail.get("id")))
    # The Scheduler sends the detail as a string.
    return Envelope(detail if isinstance(detail, str) else dump(detail), attributes, id=id)


def dump(value: object) -> str:
    """The value as JSON."""
    # Not orjson: it has no integers of more than 64 bits.
    import json

    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def parse(body: str) -> dict[str, Any]:
    """The object in JSON; an empty one for anything else."""
    import json

    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def time_ms(time: object) -> int | None:
    """The time of an event, "2026-11-30T12:00:00Z", in ms since the epoch; None for anything else."""
    from datetime import datetime

    try:
        return int(datetime.fromisoformat(time).timestamp() * 1000) if isinstance(time, str) else None
    except (ValueError, OverflowError):
        return None


def _strings(attributes: object) -> dict[str, str]:
    found = attributes.items() if isinstance(attributes, dict) else ()
    values = ((name, value.get("Value")) for name, value in found if isinstance(value, dict))
    return {name: value for name, value in values if isinstance(value, str)}


def _string(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
