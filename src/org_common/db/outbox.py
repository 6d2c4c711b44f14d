"""The outbox: messages that are sent if, and only if, the transaction that they belong to was committed.

A `Transaction` puts them in; a relay on the service login takes them out and hands them to a sink, at least once, those
of one key in their order.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import psycopg
from psycopg.rows import class_row

from org_common.db.statement import Wire, prepare_own

BATCH = 100
_SEND = prepare_own("select app.send(%(queue)s, %(key)s, %(message)s)")


@dataclass(frozen=True)
class Message:
    """One message of the outbox. `id` is the same each time it is delivered; `key` orders, None does not."""

    id: int
    queue: str
    key: str | None
    message: dict[str, Any]


class Sink(Protocol):
    """Where messages go: SQS, or whatever a project has."""

    def deliver(self, messages: Sequence[Message]) -> None:
        """Take all of them, in this order, for good; raising leaves all of them in the outbox to come again."""
        ...


def sending(queue: str, message: dict[str, Any], key: str | None) -> Wire:
    """Puts a message in, within a transaction."""
    return _SEND.bind({"queue": queue, "key": key, "message": message})


def relay(url: str, sink: Sink, *, batch: int = BATCH) -> int:
    """Hand over what is in the outbox and take it out; answers how many messages. `url` is that of `app_service`.

    Safe to run several times at once: one works, the others answer 0. What the sink took and the outbox still holds,
    since a crash came between, comes again.
    """
    sent = 0
    with psycopg.connect(url, autocommit=True, prepare_threshold=None) as connection:
        while True:
            taken = _relay_batch(connection, sink, batch)
            sent += taken
            if taken < batch:
                return sent


def follow(url: str, sink: Sink, *, pause_s: float = 1.0, until_s: float = float("inf")) -> int:
    """`relay` again and again, with a pause when there is nothing, until `time.monotonic()` is past `until_s`."""
    sent = 0
    while time.monotonic() < until_s:
        taken = relay(url, sink)
        sent += taken
        if taken == 0:
            time.sleep(pause_s)
    return sent


def _relay_batch(connection: psycopg.Connection, sink: Sink, batch: int) -> int:
    with connection.transaction(), connection.cursor(row_factory=class_row(Message)) as cursor:
        # One relay at a time: with two, a later message could overtake an earlier one of its key.
        locked = connection.execute("select pg_try_advisory_xact_lock(hashtextextended('app.outbox', 2))").fetchone()
        if locked is None or not locked[0]:
            return 0
        messages = cursor.execute(
            "select id, queue, key, message from app.outbox order by id limit %s", [batch]
        ).fetchall()
        if messages:
            sink.deliver(messages)
            connection.execute("delete from app.outbox where id = any(%s)", [[message.id for message in messages]])
        return len(messages)
