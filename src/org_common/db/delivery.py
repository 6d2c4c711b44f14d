"""Hands outbox messages to a sink, and sorts out which of them it accepted."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

# A queue that refuses everything counts as down after this many messages were tried one by one.
PROBES = 5


@dataclass(frozen=True)
class Message:
    """One message of the outbox."""

    id: int
    """The same at each delivery, so that a consumer can recognize a message that it already has."""

    queue: str
    """The queue that the handler named."""

    key: str | None
    """Messages of one key are delivered in order. Messages without a key have no order.

    Starts with the id of the sender or of the organization, and a slash: use it as the group of a FIFO queue.
    """

    message: dict[str, Any]
    """The message itself."""

    refusals: int = 0
    """How many times the sink has refused it."""

    created_at: datetime | None = None
    """When the transaction that sent it began."""

    json: str | None = None
    """The message as JSON, with each number as the database stores it. `message` has the nearest floats."""

    traceparent: str | None = None
    """The trace of the request that sent it, as a W3C header; None for a message that no request sent."""


class MessageRefused(Exception):
    """Raised by a sink for messages that it will never accept: they are parked, and the others are delivered again."""

    def __init__(self, reason: str, *ids: int) -> None:
        """`ids` are the ids of the refused messages; none means all messages of this delivery."""
        super().__init__(reason)
        self.ids: tuple[int, ...] = ids


class PartialDelivery(Exception):
    """Raised by a sink that accepted only some of the messages. The others stay in the outbox.

    Without it, a sink can only raise an error for all messages, and those that it had accepted are delivered again.
    """

    accepted: frozenset[int]
    """The ids of the messages that the sink has accepted durably."""

    refused: Mapping[int, Exception]
    """Why single messages were refused, by id. They are retried later; a `MessageRefused` parks its message.

    If the sink accepted nothing of their queue, only a `MessageRefused` counts: the queue is down.
    """

    down: Mapping[str, Exception]
    """Why queues accept nothing more at the moment, by name. No message's retry count increases."""

    def __init__(
        self,
        accepted: Collection[int],
        refused: Mapping[int, Exception] | None = None,
        down: Mapping[str, Exception] | None = None,
    ) -> None:
        self.accepted = frozenset(accepted)
        self.refused = refused or {}
        self.down = down or {}
        super().__init__(f"{len(self.accepted)} messages accepted, {len(self.refused)} refused")


class Sink(Protocol):
    """Where messages go: SQS, EventBridge, an HTTP endpoint, or a target of the project."""

    def deliver(self, messages: Sequence[Message]) -> None:
        """Accept all messages, in this order, durably. An exception leaves all of them in the outbox.

        After an exception they are delivered one by one. If the sink rejects one message but accepts others of its
        queue, that message is retried after 2, 8, 32 and 128 s, then parked. If it rejects everything of a queue, the
        queue counts as down, and no message's retry count increases. `MessageRefused` parks messages at once.
        `PartialDelivery` says which messages were accepted, so that none of them is delivered again.
        """
        ...


@dataclass
class Outcome:
    """The result of delivering a batch. Messages that appear nowhere stay as they are."""

    taken: list[int] = field(default_factory=list)
    """The ids of the messages that the sink accepted."""

    refused: list[tuple[Message, Exception]] = field(default_factory=list)
    """The messages that it refused, with the reason."""

    down: dict[str, Exception] = field(default_factory=dict)
    """The queues of which it accepted nothing, with the reason."""


def deliver(sink: Sink, messages: Sequence[Message], outcome: Outcome) -> None:
    """Deliver all at once. If that is refused: queue by queue, then one by one."""
    if not messages:
        return
    try:
        sink.deliver(messages)
    except PartialDelivery as error:
        _settle(messages, error, outcome)
    except Exception as error:  # noqa: BLE001 - any exception of a sink is a refusal
        bad = named(error, messages)
        queues = dict.fromkeys(message.queue for message in messages)
        if bad:
            outcome.refused += [(message, error) for message in bad]
            deliver(sink, [message for message in messages if _is_free(message, bad)], outcome)
        elif len(queues) > 1:
            for queue in queues:
                deliver(sink, [message for message in messages if message.queue == queue], outcome)
        elif len(messages) > 1:
            _one_by_one(sink, messages, error, outcome)
        else:
            outcome.down[messages[0].queue] = error
    else:
        outcome.taken += [message.id for message in messages]


def named(error: Exception, messages: Sequence[Message]) -> list[Message]:
    """The messages that the sink named as bad."""
    if not isinstance(error, MessageRefused):
        return []
    return [message for message in messages if not error.ids or message.id in error.ids]


def _settle(messages: Sequence[Message], error: PartialDelivery, outcome: Outcome) -> None:
    taken = [message for message in messages if message.id in error.accepted]
    working = {message.queue for message in taken}
    outcome.taken += [message.id for message in taken]
    outcome.down |= {queue: reason for queue, reason in error.down.items() if any(m.queue == queue for m in messages)}
    for message in messages:
        reason = error.refused.get(message.id)
        if reason is None or message.id in error.accepted:
            continue
        if message.queue in working or named(reason, [message]):
            outcome.refused.append((message, reason))
        else:
            outcome.down.setdefault(message.queue, reason)


def _one_by_one(sink: Sink, messages: Sequence[Message], error: Exception, outcome: Outcome) -> None:
    """Deliver the messages of one queue that the sink did not accept all at once."""
    lines: dict[object, list[Message]] = {}
    for message in messages:
        lines.setdefault(_line(message), []).append(message)
    taken: list[int] = []
    refused: list[tuple[Message, Exception]] = []
    # In random order: otherwise the same few bad ones would be tried forever, and those behind them never.
    for line in random.sample(list(lines.values()), len(lines)):
        for message in line:
            try:
                sink.deliver([message])
            except Exception as refusal:  # noqa: BLE001 - as above
                refused.append((message, refusal))
                break
            taken.append(message.id)
        if not taken and len(refused) == PROBES:
            break
    sure = [(message, refusal) for message, refusal in refused if taken or named(refusal, [message])]
    if len(sure) < len(refused):
        outcome.down[messages[0].queue] = error
    outcome.taken += taken
    outcome.refused += sure


def _is_free(message: Message, bad: Sequence[Message]) -> bool:
    """True when the message does not wait for one of the bad ones."""
    return all(message.id < other.id or _line(message) != _line(other) for other in bad)


def _line(message: Message) -> object:
    """What a message is ordered by: its queue and key, or only itself."""
    return message.id if message.key is None else (message.queue, message.key)
