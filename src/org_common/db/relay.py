"""Outbox relay: delivers the messages of the outbox to a sink, on the service login.

Each message is delivered at least once, those of one key in order. A message that the sink refuses is retried later,
and later messages of its key wait for it.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import psycopg
from psycopg.rows import class_row

from org_common.db.connections.connect import conninfo

logger: logging.Logger = logging.getLogger(__name__)

APPLICATION_NAME = "org-common relay"
BATCH = 100
# A message is parked at its fifth refusal: they are 2, 8, 32 and 128 s apart, three minutes in all.
REFUSALS = 5
# A queue that refuses everything counts as down after this many messages were tried one by one.
PROBES = 5
# In the order of their ids, without those that wait for a retry and those behind them with the same key.
_NEXT = """
select o.id, o.queue, o.key, o.message, o.refusals from app.outbox o
where o.parked_at is null and (o.retry_at is null or o.retry_at <= now()) and o.queue <> all(%(down)s)
  and not exists (
    select from app.outbox before
    where before.queue = o.queue and before.key = o.key and before.id < o.id
      and (before.parked_at is not null or before.retry_at > now())
  )
order by o.id limit %(batch)s
"""
_REFUSE = """
update app.outbox
set refusals = refusals + 1, reason = %(reason)s, retry_at = now() + 2 * 4 ^ least(refusals, 10) * interval '1 second',
    parked_at = case when %(final)s or refusals + 1 >= %(most)s then now() end
where id = %(id)s
returning parked_at is not null
"""


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


class MessageRefused(Exception):
    """Raised by a sink for messages that it will never accept: they are parked, and the others are delivered again."""

    def __init__(self, reason: str, *ids: int) -> None:
        """`ids` are the ids of the refused messages; none means all messages of this delivery."""
        super().__init__(reason)
        self.ids = ids


class Sink(Protocol):
    """Where messages go: SQS, or a target of the project."""

    def deliver(self, messages: Sequence[Message]) -> None:
        """Accept all messages, in this order, durably. An exception leaves all of them in the outbox.

        After an exception they are delivered one by one. If the sink rejects one message but accepts others of its
        queue, that message is retried after 2, 8, 32 and 128 s, then parked. If it rejects everything of a queue, the
        queue counts as down, and no message's retry count increases. `MessageRefused` parks messages at once.
        """
        ...


def relay(url: str, sink: Sink, *, batch: int = BATCH) -> int:
    """Deliver the messages of the outbox; returns how many. `url` is the URL of `app_service`.

    A message that the sink accepted leaves the outbox. It stays among the delivered messages for 30 days, where
    consumers look up who sent it; each run deletes older ones.

    Safe to run concurrently: one run works, the others return 0. A message that the sink accepted is delivered again if
    a crash prevented its removal. Raises the sink's exception for a queue that is down, after it has served the other
    queues.
    """
    sent = 0
    down: dict[str, Exception] = {}
    # The settings of the SDK's connections: TLS for a remote host, and timeouts.
    with psycopg.connect(conninfo(url, APPLICATION_NAME), autocommit=True, prepare_threshold=None) as connection:
        while True:
            found, taken = _relay_batch(connection, sink, batch, down)
            sent += taken
            if found < batch:
                break
        connection.execute("select app.purge_delivered()")
    for error in down.values():
        raise error
    return sent


def follow(url: str, sink: Sink, *, pause_s: float = 1.0, deadline_s: float = float("inf")) -> int:
    """Call `relay` until `time.monotonic()` reaches `deadline_s`, with a pause when there is nothing to deliver."""
    sent = 0
    while time.monotonic() < deadline_s:
        taken = relay(url, sink)
        sent += taken
        if taken == 0:
            time.sleep(pause_s)
    return sent


def _relay_batch(connection: psycopg.Connection, sink: Sink, batch: int, down: dict[str, Exception]) -> tuple[int, int]:
    """How many messages were found, and how many of them were accepted. Adds queues that are down to `down`."""
    with connection.transaction(), connection.cursor(row_factory=class_row(Message)) as cursor:
        # One relay at a time: with two, a later message could overtake an earlier one of its key.
        locked = connection.execute("select pg_try_advisory_xact_lock(hashtextextended('app.outbox', 2))").fetchone()
        if locked is None or not locked[0]:
            return 0, 0
        messages = cursor.execute(_NEXT, {"down": list(down), "batch": batch}).fetchall()
        outcome = _Outcome()
        _deliver(sink, messages, outcome)
        if outcome.taken:
            # To the delivered messages, among which consumers look up who sent one.
            connection.execute("select app.mark_delivered(%s)", [outcome.taken])
        for message, error in outcome.refused:
            _refuse(connection, message, error)
        for queue, error in outcome.down.items():
            first = next(message.id for message in messages if message.queue == queue)
            logger.error("queue %s accepted nothing, from message %d on: %s", queue, first, error)
        down.update(outcome.down)
        return len(messages), len(outcome.taken)


@dataclass
class _Outcome:
    """The result of delivering a batch."""

    taken: list[int] = field(default_factory=list)
    refused: list[tuple[Message, Exception]] = field(default_factory=list)
    down: dict[str, Exception] = field(default_factory=dict)


def _deliver(sink: Sink, messages: Sequence[Message], outcome: _Outcome) -> None:
    """Deliver all at once; if that is refused, queue by queue, then one by one."""
    if not messages:
        return
    try:
        sink.deliver(messages)
    except Exception as error:  # noqa: BLE001 - any exception of a sink is a refusal
        bad = _named(error, messages)
        queues = dict.fromkeys(message.queue for message in messages)
        if bad:
            outcome.refused += [(message, error) for message in bad]
            _deliver(sink, [message for message in messages if _is_free(message, bad)], outcome)
        elif len(queues) > 1:
            for queue in queues:
                _deliver(sink, [message for message in messages if message.queue == queue], outcome)
        elif len(messages) > 1:
            _one_by_one(sink, messages, error, outcome)
        else:
            outcome.down[messages[0].queue] = error
    else:
        outcome.taken += [message.id for message in messages]


def _one_by_one(sink: Sink, messages: Sequence[Message], error: Exception, outcome: _Outcome) -> None:
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
    sure = [(message, refusal) for message, refusal in refused if taken or _named(refusal, [message])]
    if len(sure) < len(refused):
        outcome.down[messages[0].queue] = error
    outcome.taken += taken
    outcome.refused += sure


def _named(error: Exception, messages: Sequence[Message]) -> list[Message]:
    """The messages that the sink named as bad."""
    if not isinstance(error, MessageRefused):
        return []
    return [message for message in messages if not error.ids or message.id in error.ids]


def _is_free(message: Message, bad: Sequence[Message]) -> bool:
    """True when the message does not wait for one of the bad ones."""
    return all(message.id < other.id or _line(message) != _line(other) for other in bad)


def _line(message: Message) -> object:
    """What a message is ordered by: its queue and key, or only itself."""
    return message.id if message.key is None else (message.queue, message.key)


def _refuse(connection: psycopg.Connection, message: Message, error: Exception) -> None:
    values = {
        "id": message.id,
        # For the operator; cut, since a sink may raise an arbitrarily long text.
        "reason": f"{type(error).__name__}: {error}".replace("\0", "")[:500],
        "final": bool(_named(error, [message])),
        "most": REFUSALS,
    }
    row = connection.execute(_REFUSE, values).fetchone()
    parked = row is not None and row[0]
    log = logger.error if parked else logger.warning
    log("message %d of %s %s: %s", message.id, message.queue, "is parked" if parked else "was refused", error)
