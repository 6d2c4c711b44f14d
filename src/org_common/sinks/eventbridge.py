"""Delivers outbox messages to an EventBridge bus."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from org_common.db.delivery import Message, MessageRefused, PartialDelivery
from org_common.sinks.aws import PAUSES_S, AwsError, Client, send_all
from org_common.sinks.body import body
from org_common.telemetry.trace_context import TRACEPARENT, from_traceparent

SOURCE = "org-common"
MAX_ENTRIES = 10
# 256 KB for the entries of a call, by EventBridge's guide. Since 2026-01 an event may have 1 MB: a larger entry goes
# alone, and is refused where the region does not accept it yet.
MAX_CALL_BYTES = 262_144
MAX_BYTES = 1_048_576
# The error codes of an entry or a call that EventBridge will never accept.
_FINAL = frozenset({"MalformedDetail", "InvalidArgument", "ValidationException", "RequestEntityTooLargeException"})
_TEMPORARY = frozenset({"ThrottlingException", "InternalFailure", "InternalException", "ServiceUnavailable"})


@dataclass(frozen=True, eq=False)
class _Entry:
    message: Message
    detail: str
    size: int


class EventBridgeSink:
    """Puts each message on an event bus, ten in a call. For the relay; needs boto3.

    The source is `org-common`, the detail type the queue of the outbox, and the detail an object with the keys `id`,
    `queue` and `message`, and `traceparent` if the sender has a trace. EventBridge keeps no order, so the order of a
    key ends here.
    """

    bus: str
    """The name or ARN of the bus."""

    def __init__(
        self,
        bus: str = "default",
        *,
        region: str | None = None,
        endpoint_url: str | None = None,
        pauses_s: Sequence[float] = PAUSES_S,
    ) -> None:
        """`region` and `endpoint_url` are by default those of the environment.

        `pauses_s` are the seconds before further attempts with entries that EventBridge could not accept at the moment.
        """
        self.bus = bus
        self._pauses_s = tuple(pauses_s)
        self._client = Client("events", region, endpoint_url)

    def deliver(self, messages: Sequence[Message]) -> None:
        """Put all messages; raises `PartialDelivery` if EventBridge did not accept some of them."""
        accepted: list[int] = []
        refused: dict[int, Exception] = {}
        down: dict[str, Exception] = {}
        for batch in _batches(list(_entries(messages, refused))):
            try:
                failed = send_all(batch, self._put, self._pauses_s)
            except AwsError as error:
                # All queues go to this bus.
                down = dict.fromkeys((message.queue for message in messages), error)
                break
            accepted += [entry.message.id for entry in batch if entry not in failed]
            refused |= {entry.message.id: error for entry, error in failed.items()}
        if len(accepted) < len(messages):
            raise PartialDelivery(accepted, refused, down)

    def _put(self, batch: Sequence[_Entry]) -> list[tuple[_Entry, Exception, bool]]:
        """The entries that EventBridge did not accept. Raises `AwsError` if that is not for their content."""
        calls = [
            {
                "Source": SOURCE,
                "DetailType": entry.message.queue,
                "Detail": entry.detail,
                "EventBusName": self.bus,
                **_trace_header(entry.message.traceparent),
            }
            for entry in batch
        ]
        try:
            response = self._client.call("put_events", Entries=calls)
        except AwsError as error:
            if error.code not in _FINAL:
                raise
            if len(batch) == 1:
                return [(batch[0], MessageRefused(str(error), batch[0].message.id), False)]
            # One of them spoils the call: each in a call of its own.
            return [failure for entry in batch for failure in self._put([entry])]
        results: Sequence[dict[str, Any]] = response.get("Entries", ())
        return [_failure(entry, result) for entry, result in zip(batch, results, strict=True) if "ErrorCode" in result]


def _failure(entry: _Entry, result: dict[str, Any]) -> tuple[_Entry, Exception, bool]:
    code = str(result["ErrorCode"])
    reason = f"{code}: {result.get('ErrorMessage', '')}"
    error = MessageRefused(reason, entry.message.id) if code in _FINAL else AwsError(reason, code)
    return entry, error, code in _TEMPORARY


def _trace_header(traceparent: str | None) -> dict[str, str]:
    """The trace for X-Ray, which continues it in the targets of the bus."""
    trace = None if traceparent is None else from_traceparent(traceparent)
    return {} if trace is None or trace.parent_id is None else {"TraceHeader": trace.xray(trace.parent_id)}


def _entries(messages: Sequence[Message], refused: dict[int, Exception]) -> Iterator[_Entry]:
    """The messages that EventBridge can accept. Those that it cannot are added to `refused`."""
    for message in messages:
        try:
            head: dict[str, Any] = {"id": message.id, "queue": message.queue}
            if message.traceparent is not None:
                head[TRACEPARENT] = message.traceparent
            detail = f'{body(Message(message.id, "", None, head))[:-1]},"message":{body(message)}}}'
            size = len(detail.encode()) + len(SOURCE) + len(message.queue.encode())
            if size > MAX_BYTES:
                raise MessageRefused(f"it takes {size:,} bytes, EventBridge accepts {MAX_BYTES:,}", message.id)
        except MessageRefused as error:
            refused[message.id] = error
        else:
            yield _Entry(message, detail, size)


def _batches(entries: Sequence[_Entry]) -> Iterator[list[_Entry]]:
    batch: list[_Entry] = []
    for entry in entries:
        if batch and (len(batch) == MAX_ENTRIES or sum(each.size for each in batch) + entry.size > MAX_CALL_BYTES):
            yield batch
            batch = []
        batch.append(entry)
    if batch:
        yield batch
