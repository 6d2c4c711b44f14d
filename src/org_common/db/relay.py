"""The outbox's way out: a relay on the service login takes messages and hands them to a sink.

At least once, those of one key in their order. A message that the sink refuses steps aside, and with it those behind it
of its key.
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
# So often a message is refused before it is parked: 2, 8, 32 and 128 s apart, three minutes in all.
REFUSALS = 5
# Of a queue of which nothing was taken so many are tried one by one, and then it is taken for down.
PROBES = 5
# In the order of their numbers, without those that step aside and those behind them of their key.
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
    """One message of the outbox. `id` is the same each time it is delivered; `key` orders, None does not.

    `refusals`: how often the sink has refused it before.
    """

    id: int
    queue: str
    key: str | None
    message: dict[str, Any]
    refusals: int = 0


class MessageRefused(Exception):
    """Raised by a sink for messages that it will never take: they are parked at once, and the others come again."""

    def __init__(self, reason: str, *ids: int) -> None:
        """`ids` are those of the messages; without any it is all that were delivered."""
        super().__init__(reason)
        self.ids = ids


class Sink(Protocol):
    """Where messages go: SQS, or whatever a project has."""

    def deliver(self, messages: Sequence[Message]) -> None:
        """Take all of them, in this order, for good; raising leaves all of them in the outbox to come again.

        After it has raised they come one by one. One that is refused while another of its queue is taken is at fault
        itself: it comes again after 2, 8, 32 and 128 s, and is parked then. A queue of which nothing is taken is down,
        and nothing is held against its messages. `MessageRefused` says it without being asked again.
        """
        ...


def relay(url: str, sink: Sink, *, batch: int = BATCH) -> int:
    """Hand over what is in the outbox and take it out; answers how many messages. `url` is that of `app_service`.

    Safe to run several times at once: one works, the others answer 0. What the sink took and the outbox still holds,
    since a crash came between, comes again. Raises what the sink has raised for a queue of which it took nothing, after
    the other queues were served.
    """
    sent = 0
    down: dict[str, Exception] = {}
    # As units connect: encrypted from afar, and not waiting for ever.
    with psycopg.connect(conninfo(url, APPLICATION_NAME), autocommit=True, prepare_threshold=None) as connection:
        while True:
            found, taken = _relay_batch(connection, sink, batch, down)
            sent += taken
            if found < batch:
                break
    for error in down.values():
        raise error
    return sent


def follow(url: str, sink: Sink, *, pause_s: float = 1.0, deadline_s: float = float("inf")) -> int:
    """`relay` again and again, with a pause when there is nothing, until `time.monotonic()` is past `deadline_s`."""
    sent = 0
    while time.monotonic() < deadline_s:
        taken = relay(url, sink)
        sent += taken
        if taken == 0:
            time.sleep(pause_s)
    return sent


def _relay_batch(connection: psycopg.Connection, sink: Sink, batch: int, down: dict[str, Exception]) -> tuple[int, int]:
    """How many were found, and how many of them were taken. Queues that are found down are put into `down`."""
    with connection.transaction(), connection.cursor(row_factory=class_row(Message)) as cursor:
        # One relay at a time: with two, a later message could overtake an earlier one of its key.
        locked = connection.execute("select pg_try_advisory_xact_lock(hashtextextended('app.outbox', 2))").fetchone()
        if locked is None or not locked[0]:
            return 0, 0
        messages = cursor.execute(_NEXT, {"down": list(down), "batch": batch}).fetchall()
        outcome = _Outcome()
        _hand_over(sink, messages, outcome)
        if outcome.taken:
            connection.execute("delete from app.outbox where id = any(%s)", [outcome.taken])
        for message, error in outcome.refused:
            _refuse(connection, message, error)
        for queue, error in outcome.down.items():
            first = next(message.id for message in messages if message.queue == queue)
            logger.error("nothing of %s was taken, from message %d on: %s", queue, first, error)
        down.update(outcome.down)
        return len(messages), len(outcome.taken)


@dataclass
class _Outcome:
    """What became of a batch."""

    taken: list[int] = field(default_factory=list)
    refused: list[tuple[Message, Exception]] = field(default_factory=list)
    down: dict[str, Exception] = field(default_factory=dict)


def _hand_over(sink: Sink, messages: Sequence[Message], outcome: _Outcome) -> None:
    """All at once; where that is refused queue by queue, and then one by one."""
    if not messages:
        return
    try:
        sink.deliver(messages)
    except Exception as error:  # noqa: BLE001 - whatever a sink raises is its refusal
        bad = _named(error, messages)
        queues = dict.fromkeys(message.queue for message in messages)
        if bad:
            outcome.refused += [(message, error) for message in bad]
            _hand_over(sink, [message for message in messages if _is_free(message, bad)], outcome)
        elif len(queues) > 1:
            for queue in queues:
                _hand_over(sink, [message for message in messages if message.queue == queue], outcome)
        elif len(messages) > 1:
            _one_by_one(sink, messages, error, outcome)
        else:
            outcome.down[messages[0].queue] = error
    else:
        outcome.taken += [message.id for message in messages]


def _one_by_one(sink: Sink, messages: Sequence[Message], error: Exception, outcome: _Outcome) -> None:
    """Messages of one queue, of which the sink did not take all at once."""
    lines: dict[object, list[Message]] = {}
    for message in messages:
        lines.setdefault(_line(message), []).append(message)
    taken: list[int] = []
    refused: list[tuple[Message, Exception]] = []
    # In any order, or the same few bad ones were tried for ever, and what is behind them never.
    for line in random.sample(list(lines.values()), len(lines)):
        for message in line:
            try:
                sink.deliver([message])
            except Exception as fault:  # noqa: BLE001 - as above
                refused.append((message, fault))
                break
            taken.append(message.id)
        if not taken and len(refused) == PROBES:
            break
    sure = [(message, fault) for message, fault in refused if taken or _named(fault, [message])]
    if len(sure) < len(refused):
        outcome.down[messages[0].queue] = error
    outcome.taken += taken
    outcome.refused += sure


def _named(error: Exception, messages: Sequence[Message]) -> list[Message]:
    """Those that the sink says are at fault."""
    if not isinstance(error, MessageRefused):
        return []
    return [message for message in messages if not error.ids or message.id in error.ids]


def _is_free(message: Message, bad: Sequence[Message]) -> bool:
    """It need not wait for one of these."""
    return all(message.id < each.id or _line(message) != _line(each) for each in bad)


def _line(message: Message) -> object:
    """What it stands in line with: those of its key, or nobody."""
    return message.id if message.key is None else (message.queue, message.key)


def _refuse(connection: psycopg.Connection, message: Message, error: Exception) -> None:
    values = {
        "id": message.id,
        # For whoever looks; an endless one would be a message of its own.
        "reason": f"{type(error).__name__}: {error}".replace("\0", "")[:500],
        "final": bool(_named(error, [message])),
        "most": REFUSALS,
    }
    row = connection.execute(_REFUSE, values).fetchone()
    parked = row is not None and row[0]
    log = logger.error if parked else logger.warning
    log("message %d of %s %s: %s", message.id, message.queue, "is parked" if parked else "was refused", error)
