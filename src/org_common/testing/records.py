"""Events of queues, buckets, buses and schedules, as Lambda gets them, for triggers in tests."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import quote_plus

from org_common.app import App
from org_common.db.relay import Message, relay

REGION, ACCOUNT = "eu-central-1", "123456789012"
BATCH = 10


def sqs_record(
    queue: str,
    body: object,
    *,
    attributes: Mapping[str, str] | None = None,
    group: str | None = None,
    attempt: int = 1,
) -> dict[str, Any]:
    """A record of SQS. A string is sent as it is, any other body as JSON. `group` is the `MessageGroupId`."""
    system = {"ApproximateReceiveCount": str(attempt), "SentTimestamp": "1796040000000"}
    if group is not None:
        system["MessageGroupId"] = group
    if queue.endswith(".fifo"):
        system["SequenceNumber"] = "18849496460467696128"
    return {
        "messageId": str(uuid.uuid4()),
        "receiptHandle": "test",
        "body": body if isinstance(body, str) else _dump(body),
        "attributes": system,
        "messageAttributes": {
            name: {"stringValue": value, "dataType": "String"} for name, value in (attributes or {}).items()
        },
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}",
        "awsRegion": REGION,
    }


def outbox_record(message: Message, *, fifo: bool = False) -> dict[str, Any]:
    """The record of a message that the relay sent to SQS. With `fifo`, messages of one key are a group."""
    attributes = {"org-common-id": str(message.id), "org-common-queue": message.queue}
    if message.traceparent is not None:
        attributes["traceparent"] = message.traceparent
    queue, group = (f"{message.queue}.fifo", message.key or str(message.id)) if fifo else (message.queue, None)
    return sqs_record(queue, message.message, attributes=attributes, group=group)


def s3_event(bucket: str, key: str, *, event: str = "ObjectCreated:Put", size: int = 1) -> dict[str, Any]:
    """A notification of S3 about one object; `key` as it is in the bucket."""
    found = {"key": quote_plus(key), "size": size, "eTag": "0" * 32, "sequencer": uuid.uuid4().hex[:16].upper()}
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": REGION,
        "eventName": event,
        "s3": {"bucket": {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"}, "object": found},
    }
    return {"Records": [record]}


def bus_event(source: str, detail_type: str, detail: object, *, resources: Sequence[str] = ()) -> dict[str, Any]:
    """An event of EventBridge."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": detail_type,
        "source": source,
        "account": ACCOUNT,
        "time": "2026-11-30T12:00:00Z",
        "region": REGION,
        "resources": list(resources),
        "detail": detail,
    }


def schedule_event(name: str) -> dict[str, Any]:
    """The event of EventBridge Scheduler without an input, for the schedule of this name."""
    arn = f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/default/{name}"
    return bus_event("aws.scheduler", "Scheduled Event", "{}", resources=[arn])


class Delivery:
    """What became of the records that a client delivered."""

    def __init__(self, handled: int, failed: Sequence[Mapping[str, Any]]) -> None:
        self.handled: int = handled
        """How many records were handled, or had been before."""
        self.failed: list[Mapping[str, Any]] = list(failed)
        """The records that were given back: their queue would deliver them again."""

    def __repr__(self) -> str:
        return f"Delivery(handled={self.handled}, failed={len(self.failed)})"


_Deliver = Callable[[Sequence[Mapping[str, Any]]], Delivery]


class _Queue:
    """A sink that delivers to the triggers of an app."""

    def __init__(self, app: App, deliver: _Deliver, *, fifo: bool) -> None:
        self._queues = {trigger.queue for trigger in app.triggers}
        self._deliver, self._fifo = deliver, fifo
        self.delivery: Delivery = Delivery(0, [])

    def deliver(self, messages: Sequence[Message]) -> None:
        """Deliver them ten at a time, those of one queue together."""
        if any(message.queue not in self._queues for message in messages):
            # The relay then offers the queues one by one.
            raise LookupError("no trigger takes messages of this queue")
        for queue in dict.fromkeys(message.queue for message in messages):
            records = [outbox_record(message, fifo=self._fifo) for message in messages if message.queue == queue]
            for at in range(0, len(records), BATCH):
                done = self._deliver(records[at : at + BATCH])
                self.delivery.handled += done.handled
                self.delivery.failed += done.failed


def deliver_outbox(app: App, service_url: str, deliver: _Deliver, *, fifo: bool = False) -> Delivery:
    """Deliver the messages in the outbox that triggers of the app take."""
    queue = _Queue(app, deliver, fifo=fifo)
    # Queues of other functions count as down, and keep their messages.
    with suppress(LookupError):
        relay(service_url, queue)
    return queue.delivery


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
