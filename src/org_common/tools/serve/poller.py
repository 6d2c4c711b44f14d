"""Polls SQS as Lambda's event source mapping does, and invokes a function with the batches.

https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from org_common.values.types import LocalContext

TYPE_CHECKING = False

if TYPE_CHECKING:
    from org_common.values.types import Event, LambdaContext

logger: logging.Logger = logging.getLogger(__name__)

# How long a call waits for the first message; `stop` is looked at in between.
_RECEIVE_S = 1
# SQS returns at most ten messages to a call.
_MOST = 10


@dataclass(frozen=True)
class EventSourceMapping:
    """How a queue invokes a function; the names and defaults are Lambda's."""

    queue_url: str
    function: Callable[[Event, LambdaContext], Any]
    """Called with `{"Records": [...]}` and a context, in several threads at once."""
    batch_size: int = 10
    """The most messages of one invocation."""
    batch_window_s: float = 0.0
    """How long to wait for a batch to fill, from its first message on."""
    max_concurrency: int = 2
    """The most invocations at once."""
    report_failures: bool = True
    """ReportBatchItemFailures: the function returns the ids that failed. Otherwise a batch fails as one."""
    timeout_s: float = 30.0
    """The function's timeout: what its context reports as the time left."""


class Poller:
    """Polls one queue. What the function handled is deleted, the rest comes back after the visibility timeout.

    After `maxReceiveCount` deliveries, the queue's redrive policy moves a message to its dead-letter queue: that is the
    work of SQS, or of its fake.
    """

    def __init__(self, sqs: Any, mapping: EventSourceMapping) -> None:
        """`sqs` is a botocore client; it is used by several threads."""
        self._sqs = sqs
        self._mapping = mapping
        arn = sqs.get_queue_attributes(QueueUrl=mapping.queue_url, AttributeNames=["QueueArn"])["Attributes"][
            "QueueArn"
        ]
        self._arn: str = arn
        self._free = threading.Semaphore(mapping.max_concurrency)

    def run(self, stop: threading.Event) -> None:
        """Poll until `stop` is set, then wait for the running invocations."""
        with ThreadPoolExecutor(self._mapping.max_concurrency) as pool:
            while not stop.is_set():
                # A message is received only when it can be handled at once: waiting would use up its visibility.
                if not self._free.acquire(timeout=0.1):
                    continue
                try:
                    batch = self._receive(stop)
                except Exception as error:  # noqa: BLE001 - the queue may be back later
                    logger.warning("cannot receive from %s: %s", self._mapping.queue_url, error)
                    stop.wait(1)
                    batch = []
                if batch:
                    pool.submit(self._invoke_and_free, batch)
                else:
                    self._free.release()

    def _receive(self, stop: threading.Event) -> list[Event]:
        """The messages of a batch: as many as there are within the batch window."""
        batch = self._receive_some(self._mapping.batch_size, _RECEIVE_S)
        end_s = time.monotonic() + self._mapping.batch_window_s
        while batch and len(batch) < self._mapping.batch_size and time.monotonic() < end_s and not stop.is_set():
            batch += self._receive_some(self._mapping.batch_size - len(batch), 0)
            stop.wait(0.05)
        return batch

    def _receive_some(self, most: int, wait_s: int) -> list[Event]:
        found: list[Event] = self._sqs.receive_message(
            QueueUrl=self._mapping.queue_url,
            MaxNumberOfMessages=min(most, _MOST),
            WaitTimeSeconds=wait_s,
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        ).get("Messages", [])
        return found

    def _invoke_and_free(self, batch: Sequence[Event]) -> None:
        try:
            handled = self._invoke(batch)
            # Ten at a time, as the API takes them.
            for at in range(0, len(handled), _MOST):
                entries = [
                    {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                    for number, message in enumerate(handled[at : at + _MOST])
                ]
                self._sqs.delete_message_batch(QueueUrl=self._mapping.queue_url, Entries=entries)
        except Exception:
            logger.exception("the messages of %s come again", self._mapping.queue_url)
        finally:
            self._free.release()

    def _invoke(self, batch: Sequence[Event]) -> list[Event]:
        """Invoke the function; returns the messages to delete."""
        event = {"Records": [record(message, self._arn) for message in batch]}
        context = LocalContext(str(uuid.uuid4()), self._mapping.timeout_s)
        try:
            response = self._mapping.function(event, context)
        except Exception as error:  # noqa: BLE001 - a failed invocation
            logger.warning("%d messages of %s come again: %s: %s", len(batch), self._arn, type(error).__name__, error)
            return []
        if not self._mapping.report_failures:
            return list(batch)
        failed = failed_ids(response, [message["MessageId"] for message in batch])
        return [message for message in batch if message["MessageId"] not in failed]


def failed_ids(response: object, ids: Sequence[str]) -> set[str]:
    """The messages that a response gives back. All of them, if Lambda does not accept the response.

    No response, an empty one and an empty list mean that all succeeded; an item without an id of the batch that all
    failed. https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
    """
    if response is None:
        return set()
    if not isinstance(response, Mapping):
        return set(ids)
    items = response.get("batchItemFailures")
    if items is None:
        return set()
    if not isinstance(items, list | tuple):
        return set(ids)
    found = {item.get("itemIdentifier") if isinstance(item, Mapping) else None for item in items}
    return {str(id) for id in found} if found <= set(ids) else set(ids)


def record(message: Mapping[str, Any], arn: str) -> Event:
    """A message as Lambda passes it to a function."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": dict(message.get("Attributes", {})),
        "messageAttributes": {
            name: {
                "stringValue": value.get("StringValue"),
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": value["DataType"],
            }
            for name, value in message.get("MessageAttributes", {}).items()
        },
        "md5OfBody": message.get("MD5OfBody", ""),
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": arn.split(":")[3],
    }
