"""Delivers outbox messages to SQS, to standard and FIFO queues."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from org_common.db.delivery import Message, MessageRefused, PartialDelivery
from org_common.sinks.aws import PAUSES_S, AwsError, Client, send_all
from org_common.sinks.body import body
from org_common.telemetry.trace_context import TRACEPARENT

# Since 2025-08, attributes included; for a batch it is the sum.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
MAX_BYTES = 1_048_576
MAX_ENTRIES = 10
# The error codes of a message that SQS will never accept.
_FINAL = frozenset({"InvalidMessageContents", "InvalidParameterValue", "InvalidAttributeValue"})


@dataclass(frozen=True, eq=False)
class _Entry:
    message: Message
    body: str
    size: int


class SqsSink:
    """Sends each message to the SQS queue of its outbox queue, ten in a call. For the relay; needs boto3.

    The body is the message as compact JSON. The attribute `org-common-id` is the id of the message in the outbox,
    `org-common-queue` its queue there, and `traceparent` the trace of its sender, if it has one. In a FIFO queue (its
    name ends with `.fifo`), messages of one key are one group, and the id is the deduplication id.

    A FIFO queue gets at most one message of a key per call: in one call, SQS could reject the first and accept the
    second. Standard queues have no order.
    """

    queues: Mapping[str, str]
    """The SQS queue for each outbox queue, as its name or URL. Others have the name of the outbox queue."""

    prefix: str
    """Begins the name of each SQS queue that `queues` does not list, for example "prod-"."""

    def __init__(
        self,
        queues: Mapping[str, str] | None = None,
        *,
        prefix: str = "",
        region: str | None = None,
        endpoint_url: str | None = None,
        pauses_s: Sequence[float] = PAUSES_S,
    ) -> None:
        """`region` and `endpoint_url` are by default those of the environment.

        `pauses_s` are the seconds before further attempts with entries that SQS could not accept at the moment.
        """
        self.queues = dict(queues or {})
        self.prefix = prefix
        self._pauses_s = tuple(pauses_s)
        self._urls: dict[str, str] = {}
        self._client = Client("sqs", region, endpoint_url)

    def deliver(self, messages: Sequence[Message]) -> None:
        """Send all messages; raises `PartialDelivery` if SQS did not accept some of them."""
        accepted: list[int] = []
        refused: dict[int, Exception] = {}
        down: dict[str, Exception] = {}
        for queue in dict.fromkeys(message.queue for message in messages):
            entries = list(_entries([message for message in messages if message.queue == queue], refused))
            try:
                self._send_queue(queue, entries, accepted, refused)
            except AwsError as error:
                down[queue] = error
        if len(accepted) < len(messages):
            raise PartialDelivery(accepted, refused, down)

    def _send_queue(
        self, queue: str, entries: Sequence[_Entry], accepted: list[int], refused: dict[int, Exception]
    ) -> None:
        url = self._url(queue)
        fifo = url.endswith(".fifo")
        batches = _Batches(entries, fifo=fifo)
        for batch in batches:
            failed = send_all(batch, lambda part: self._send_batch(url, part, fifo=fifo), self._pauses_s)
            accepted += [entry.message.id for entry in batch if entry not in failed]
            refused |= {entry.message.id: error for entry, error in failed.items()}
            batches.stop({_group(entry.message) for entry in failed})

    def _send_batch(self, url: str, batch: Sequence[_Entry], *, fifo: bool) -> list[tuple[_Entry, Exception, bool]]:
        """The entries that SQS did not accept. Raises `AwsError` if that is not for their content."""
        calls = [_call_entry(str(at), entry, fifo=fifo) for at, entry in enumerate(batch)]
        try:
            response = self._client.call("send_message_batch", QueueUrl=url, Entries=calls)
        except AwsError as error:
            if not _is_final(error.code):
                raise
            if len(batch) == 1:
                return [(batch[0], MessageRefused(str(error), batch[0].message.id), False)]
            # One of them spoils the call: each in a call of its own.
            return [failure for entry in batch for failure in self._send_batch(url, [entry], fifo=fifo)]
        return [_failure(batch[int(each["Id"])], each) for each in response.get("Failed", ())]

    def _url(self, queue: str) -> str:
        """The URL of the SQS queue for an outbox queue. Raises `AwsError` if SQS does not know it."""
        name = self.queues.get(queue, self.prefix + queue)
        if name.startswith(("https://", "http://")):
            return name
        if name not in self._urls:
            self._urls[name] = self._client.call("get_queue_url", QueueName=name)["QueueUrl"]
        return self._urls[name]


class _Batches:
    """Batches of at most ten entries and 1 MiB, in order. With `fifo`, at most one entry of a group in each."""

    def __init__(self, entries: Sequence[_Entry], *, fifo: bool) -> None:
        self._groups: dict[str, deque[_Entry]] = {}
        for entry in entries:
            self._groups.setdefault(_group(entry.message) if fifo else "", deque()).append(entry)
        self._most_of_group = 1 if fifo else MAX_ENTRIES

    def stop(self, groups: set[str]) -> None:
        """Yield nothing more of these groups: it must not overtake what failed."""
        for group in groups:
            self._groups.pop(group, None)

    def __iter__(self) -> Iterator[list[_Entry]]:
        while self._groups:
            yield self._next()

    def _next(self) -> list[_Entry]:
        batch: list[_Entry] = []
        size = 0
        for group, entries in list(self._groups.items()):
            taken = 0
            while (
                entries
                and taken < self._most_of_group
                and len(batch) < MAX_ENTRIES
                and size + entries[0].size <= MAX_BYTES
            ):
                size += entries[0].size
                batch.append(entries.popleft())
                taken += 1
            if taken:
                # To the end, so that each group has its turn.
                del self._groups[group]
                if entries:
                    self._groups[group] = entries
        return batch


def _entries(messages: Sequence[Message], refused: dict[int, Exception]) -> Iterator[_Entry]:
    """The messages that SQS can accept. Those that it cannot are added to `refused`, and end their key."""
    ended: set[str] = set()
    for message in messages:
        if _group(message) in ended:
            continue
        try:
            text = body(message)
            size = len(text.encode()) + sum(
                len(name) + len(value["DataType"]) + len(value["StringValue"].encode())
                for name, value in _attributes(message).items()
            )
            if size > MAX_BYTES:
                raise MessageRefused(f"it takes {size:,} bytes in SQS, at most {MAX_BYTES:,} are allowed", message.id)
        except MessageRefused as error:
            refused[message.id] = error
            ended.add(_group(message))
        else:
            yield _Entry(message, text, size)


def _call_entry(id: str, entry: _Entry, *, fifo: bool) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "Id": id,
        "MessageBody": entry.body,
        "MessageAttributes": _attributes(entry.message),
    }
    if fifo:
        arguments["MessageGroupId"] = _group(entry.message)
        arguments["MessageDeduplicationId"] = str(entry.message.id)
    return arguments


def _attributes(message: Message) -> dict[str, dict[str, str]]:
    values = {"org-common-id": str(message.id), "org-common-queue": message.queue, TRACEPARENT: message.traceparent}
    return {name: {"DataType": "String", "StringValue": value} for name, value in values.items() if value is not None}


def _failure(entry: _Entry, failure: Mapping[str, Any]) -> tuple[_Entry, Exception, bool]:
    code = str(failure.get("Code", ""))
    reason = f"{code}: {failure.get('Message', '')}"
    error = MessageRefused(reason, entry.message.id) if _is_final(code) else AwsError(reason, code)
    return entry, error, "Throttl" in code or not failure.get("SenderFault")


def _group(message: Message) -> str:
    """The group of a FIFO queue. A digest, since a key has up to 200 characters, and a group only 128 of ASCII."""
    return sha256((f"#{message.id}" if message.key is None else message.key).encode()).hexdigest()


def _is_final(code: str) -> bool:
    return code.rpartition(".")[2] in _FINAL
