"""Runs the outbox relay as a process, and lists, requeues and deletes refused messages."""

from __future__ import annotations

import signal
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from threading import Event, current_thread, main_thread
from typing import LiteralString, cast

import psycopg
from psycopg.rows import class_row

from org_common.db import relay
from org_common.tools.database.migrations import SchemaError
from org_common.tools.database.schema import scalar, server_message, session
from org_common.tools.project.modules import error_message, load_object, source_location
from org_common.tools.project.project import ToolError

_MAY_READ: LiteralString = """
select case when has_schema_privilege('app', 'usage') then has_table_privilege('app.outbox', 'select') end
"""


def run(url: str, sink: str, *, follow: bool) -> int:
    """Deliver the messages in the outbox, with `follow` until interrupted. Returns how many were delivered.

    `sink` is the "module:name" of an object with `deliver(messages)`. Its exceptions are reported as `ToolError`.
    """
    target = load_object(sink, f"the sink {sink}")
    if not callable(getattr(target, "deliver", None)):
        raise ToolError(
            f"the sink {sink} needs a method deliver(messages), and {type(target).__name__} has none: add it"
        )
    with reporting_errors(url), _reporting_sink(sink):
        # Connect once here: errors about the URL are then reported without its password.
        with session(url, "relay") as conn:
            _refuse_login(conn)
        if not follow:
            return relay.relay(url, cast("relay.Sink", target))
        with _stopping() as stop:
            return relay.follow(url, cast("relay.Sink", target), stop=stop)


def _refuse_login(conn: psycopg.Connection) -> None:
    if not scalar(conn, _MAY_READ):
        raise ToolError(
            f"{conn.info.user} may not read the outbox: use the URL of app_service, that of"
            " ORG_COMMON_SERVICE_DATABASE_URL"
        )


@contextmanager
def _reporting_sink(sink: str) -> Iterator[None]:
    """Turn exceptions of the sink into one line, with the project's file and line."""
    try:
        yield
    except ToolError:
        raise
    except Exception as error:
        if isinstance(error, psycopg.Error) and source_location(error) is None:
            # Of the outbox, not of a sink that writes to a database.
            raise
        raise ToolError(
            f"{error_message(error, f'the sink {sink}')}. Its messages stay in the outbox: run the relay again when the"
            " sink accepts them"
        ) from error


@contextmanager
def _stopping() -> Iterator[Event]:
    """An event that Ctrl-C and SIGTERM set, so that the relay ends after its batch. A second one ends it at once."""
    stop = Event()
    numbers = (signal.SIGINT, signal.SIGTERM) if current_thread() is main_thread() else ()
    previous = [signal.getsignal(number) for number in numbers]

    def restore() -> None:
        for number, handler in zip(numbers, previous, strict=True):
            signal.signal(number, handler)

    def ask(number: int, frame: object) -> None:
        restore()
        stop.set()

    for number in numbers:
        signal.signal(number, ask)
    try:
        yield stop
    finally:
        restore()


@dataclass(frozen=True)
class RefusedMessage:
    """A message that its sink has refused."""

    id: int
    queue: str
    key: str | None
    """Ordering key: messages with the same key are delivered in order."""
    refusals: int
    retry_at: datetime
    """When it is delivered again, unless it is parked."""
    parked_at: datetime | None
    """When automatic retries ended; None while it is retried."""
    reason: str
    waiting: int
    """How many messages with the same key wait behind it."""


@dataclass(frozen=True)
class QueueStatus:
    """The messages of one queue in the outbox."""

    queue: str
    waiting: int
    """Messages to deliver, with those that are retried later."""
    lag_s: float
    """Seconds since the transaction of the oldest of them began; 0 if none waits."""
    oldest: datetime | None
    """When that was."""
    refused: int
    """Messages that are retried later."""
    parked: int
    """Messages that wait for an operator."""


_QUEUES: LiteralString = """
select queue, count(*) filter (where parked_at is null)::int as waiting,
       coalesce(extract(epoch from now() - min(created_at) filter (where parked_at is null)), 0)::float8 as lag_s,
       min(created_at) filter (where parked_at is null) as oldest,
       count(*) filter (where refusals > 0 and parked_at is null)::int as refused, count(parked_at)::int as parked
from app.outbox group by queue order by queue
"""
_REFUSED: LiteralString = """
select o.id, o.queue, o.key, o.refusals, o.retry_at, o.parked_at, o.reason,
       (select count(*)::int from app.outbox b where b.queue = o.queue and b.key = o.key and b.id > o.id) as waiting
from app.outbox o where o.refusals > 0 order by o.parked_at is null, o.id
"""
_REQUEUE: LiteralString = """
update app.outbox set refusals = 0, retry_at = null, parked_at = null, reason = null
where refusals > 0 and (%(ids)s::bigint[] is null or id = any(%(ids)s))
returning id
"""


def list_queues(url: str) -> list[QueueStatus]:
    """The queues with messages in the outbox, by name."""
    with (
        reporting_errors(url),
        session(url, "outbox") as conn,
        conn.cursor(row_factory=class_row(QueueStatus)) as cursor,
    ):
        return cursor.execute(_QUEUES).fetchall()


def list_refused(url: str) -> list[RefusedMessage]:
    """The refused messages, parked ones first."""
    with (
        reporting_errors(url),
        session(url, "outbox") as conn,
        conn.cursor(row_factory=class_row(RefusedMessage)) as cursor,
    ):
        return cursor.execute(_REFUSED).fetchall()


def requeue(url: str, ids: Sequence[int] | None) -> int:
    """Reset refused messages so that they are delivered again: those in `ids`, or all for None. Returns how many.

    Raises `ToolError`, and changes nothing, if one of the ids is not a refused message.
    """
    with reporting_errors(url), session(url, "outbox") as conn, conn.transaction():
        requeued = {id for (id,) in conn.execute(_REQUEUE, {"ids": None if ids is None else list(ids)})}
        _refuse_delivered(conn, [id for id in ids or () if id not in requeued])
        refuse_unknown(ids or (), requeued, "refused message")
    return len(requeued)


def _refuse_delivered(conn: psycopg.Connection, ids: Sequence[int]) -> None:
    """Raise for messages that a trigger refused after the relay had delivered them."""
    query = "select distinct message_id from app.refused_messages where message_id = any(%s) order by 1"
    if delivered := [str(id) for (id,) in conn.execute(query, [list(ids)])]:
        raise ToolError(
            f"{', '.join(delivered)}: refused by a trigger, after the message had left the outbox; nothing was changed."
            " Its queue delivers it again, or has moved it to the dead-letter queue. `org-common outbox forget"
            f" {' '.join(delivered)}` removes it from the list"
        )


def discard(url: str, ids: Sequence[int]) -> int:
    """Delete messages, refused or not; messages that wait behind them continue. Returns how many.

    Raises `ToolError`, and changes nothing, if one of the ids does not exist.
    """
    with reporting_errors(url), session(url, "outbox") as conn, conn.transaction():
        deleted = {id for (id,) in conn.execute("delete from app.outbox where id = any(%s) returning id", [list(ids)])}
        refuse_unknown(ids, deleted, "message")
    return len(deleted)


def refuse_unknown(ids: Sequence[int], found: Collection[int], what: str) -> None:
    """Roll everything back for one unknown id: if one id is mistyped, others may be as well."""
    if unknown := [id for id in ids if id not in found]:
        raise ToolError(f"there is no {what} with the id {', '.join(map(str, unknown))}; nothing was changed")


@contextmanager
def reporting_errors(url: str) -> Iterator[None]:
    """Turn errors of the database into one line about the outbox."""
    try:
        yield
    except SchemaError as error:
        raise type(error)(f"the outbox cannot be reached: {error}") from None
    except psycopg.Error as error:
        raise ToolError(f"the outbox cannot be reached: {server_message(error)}") from None
