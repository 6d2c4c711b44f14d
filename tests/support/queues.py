"""Events of SQS as Lambda gets them, for messages that the outbox holds or that come from elsewhere."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from org_common.db.relay import Message
from org_common.values.types import LocalContext

ARN = "arn:aws:sqs:eu-central-1:123456789012:"


def record(
    body: object,
    *,
    queue: str = "ingest",
    id: str | None = None,
    attributes: Mapping[str, str] | None = None,
    group: str | None = None,
    attempt: int = 1,
) -> dict[str, Any]:
    """One record, as https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html shows it."""
    system = {
        "ApproximateReceiveCount": str(attempt),
        "SentTimestamp": "1764504000123",
        "SenderId": "AIDAIENQZJOLO23YVJ4VO",
        "ApproximateFirstReceiveTimestamp": "1764504000456",
    }
    if group is not None:
        system["MessageGroupId"] = group
    if queue.endswith(".fifo"):
        system |= {"SequenceNumber": "18849496460467696128", "MessageDeduplicationId": str(uuid.uuid4())}
    return {
        "messageId": id or str(uuid.uuid4()),
        "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a...",
        "body": body if isinstance(body, str) else json.dumps(body, separators=(",", ":")),
        "attributes": system,
        "messageAttributes": {
            name: {"stringValue": value, "stringListValues": [], "binaryListValues": [], "dataType": "String"}
            for name, value in (attributes or {}).items()
        },
        "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
        "eventSource": "aws:sqs",
        "eventSourceARN": ARN + queue,
        "awsRegion": "eu-central-1",
    }


def outbox_record(message: Message, **changes: Any) -> dict[str, Any]:
    """The record of a message that the relay sent."""
    attributes = {"org-common-id": str(message.id), "org-common-queue": message.queue}
    return record(**{"body": message.message, "queue": message.queue, "attributes": attributes, **changes})


def batch(*records: Mapping[str, Any]) -> dict[str, Any]:
    return {"Records": list(records)}


def context(left_s: float = 30.0, id: str = "invocation") -> LocalContext:
    return LocalContext(id, left_s)


def given_back(answer: Mapping[str, Any], records: Sequence[Mapping[str, Any]]) -> list[int]:
    """The indices of the records that come again."""
    ids = [each["messageId"] for each in records]
    return [ids.index(item["itemIdentifier"]) for item in answer["batchItemFailures"]]


class Taken:
    """A sink that keeps the messages."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def deliver(self, messages: Sequence[Message]) -> None:
        self.messages += messages
