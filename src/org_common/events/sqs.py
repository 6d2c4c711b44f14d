"""SQS: a batch of messages, raw or in the envelope of SNS or EventBridge.

https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
"""

from __future__ import annotations

from org_common.events.envelope import ID_ATTRIBUTE, Envelope, open_envelope
from org_common.events.record import Record
from org_common.values.errors import BadRequest, OrgError

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any

    from org_common.values.types import Event

SOURCE = "aws:sqs"


def item_ids(event: Event) -> list[str]:
    """The ids by which the records of a batch can be given back, one by one.

    Raises `OrgError` unless each has one: a record without it can only come again with the whole batch.
    """
    ids: list[str] = []
    for at, record in enumerate(event["Records"]):
        id = record.get("messageId") if isinstance(record, dict) else None
        if not isinstance(id, str) or not id or record.get("eventSource") != SOURCE:
            raise OrgError(
                f"Record {at} of the batch has no messageId or is not a record of SQS.", code="malformed_batch"
            )
        ids.append(id)
    return ids


def queue_name(record: Event) -> str:
    """The name of the queue, from its ARN; empty without one."""
    arn = record.get("eventSourceARN")
    return arn.rpartition(":")[2] if isinstance(arn, str) else ""


def is_fifo(record: Event) -> bool:
    """Whether the record is from a FIFO queue. Records of standard queues have groups too (fair queues)."""
    return queue_name(record).endswith(".fifo") or "SequenceNumber" in _attributes(record)


def group_of(record: Event) -> str | None:
    """The message group; None without one."""
    group = _attributes(record).get("MessageGroupId")
    return group if isinstance(group, str) else None


def read_record(record: Event, *, opens_events: bool = True) -> Record:
    """The message of a record. Raises `BadRequest` for a record that lacks a field.

    `opens_events`: of an event of EventBridge, the message is the detail.
    """
    body = record.get("body")
    if not isinstance(body, str):
        raise BadRequest("The record has no body.", code="malformed_record")
    attributes, system = _strings(record.get("messageAttributes")), _attributes(record)
    # A message with the attribute is one of the outbox as it was sent, even if it looks like an envelope.
    if ID_ATTRIBUTE in attributes:
        envelope = Envelope(body, attributes)
    else:
        envelope = open_envelope(body, attributes, opens_events=opens_events)
    trace = dict(envelope.trace())
    if isinstance(system.get("AWSTraceHeader"), str):
        trace["x-amzn-trace-id"] = system["AWSTraceHeader"]
    return Record(
        envelope.outbox_id or envelope.id or record["messageId"],
        queue_name(record),
        envelope.body,
        attempt=_number(system.get("ApproximateReceiveCount")) or 1,
        group=group_of(record),
        attributes=envelope.attributes,
        outbox_id=envelope.outbox_id,
        claim=envelope.claim() or record["messageId"],
        sent_ms=_number(system.get("SentTimestamp")),
        trace=trace,
    )


def _attributes(record: Event) -> dict[str, Any]:
    attributes = record.get("attributes")
    return attributes if isinstance(attributes, dict) else {}


def _strings(attributes: object) -> dict[str, str]:
    """The message attributes whose type is String or Number."""
    found = attributes.items() if isinstance(attributes, dict) else ()
    values = ((name, value.get("stringValue")) for name, value in found if isinstance(value, dict))
    return {name: value for name, value in values if isinstance(value, str)}


def _number(text: object) -> int | None:
    # isdecimal() alone accepts digits of other scripts, and int() those of any length.
    return int(text) if isinstance(text, str) and text.isascii() and text.isdecimal() and len(text) < 15 else None
