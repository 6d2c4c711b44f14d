"""Messages for sinks, and what their queue received."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from org_common.db.delivery import Message, PartialDelivery, Sink


def message(id: int, queue: str = "mail", key: str | None = None, **content: Any) -> Message:
    return Message(id, queue, key, {"n": id, **content})


def delivered(sink: Sink, messages: Sequence[Message]) -> PartialDelivery:
    """What the sink reports of a delivery that is not complete."""
    with pytest.raises(PartialDelivery) as caught:
        sink.deliver(messages)
    return caught.value


def received(sqs: Any, url: str) -> list[dict[str, Any]]:
    """All messages of a queue, which are deleted."""
    found: list[dict[str, Any]] = []
    while messages := sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], AttributeNames=["All"]
    ).get("Messages", []):
        entries = [{"Id": str(at), "ReceiptHandle": each["ReceiptHandle"]} for at, each in enumerate(messages)]
        sqs.delete_message_batch(QueueUrl=url, Entries=entries)
        found += messages
    return found


def numbers(messages: Iterable[dict[str, Any]]) -> list[int]:
    return [json.loads(each["Body"])["n"] for each in messages]
