"""`org-common outbox`: the outbox's way out, as a process, and what to do with messages that nobody takes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString, cast

import psycopg
from psycopg.rows import class_row

from org_common.db import relay
from org_common.tools.database.migrations import SchemaError
from org_common.tools.database.schema import server_message, session
from org_common.tools.project.modules import load_object
from org_common.tools.project.project import ToolError


def run(url: str, sink: str, *, follow: bool) -> int:
    """Hand over what there is, or with `follow` whatever comes; answers how many messages. `sink` is "module:name"."""
    target = load_object(sink, f"the sink {sink}")
    if not callable(getattr(target, "deliver", None)):
        raise ToolError(f"the sink {sink} has no method deliver(messages)")
    work = relay.follow if follow else relay.relay
    with _reporting_errors(url):
        # Whatever is wrong with the address is told here, without its password.
        with session(url, "relay"):
            pass
        return work(url, cast("relay.Sink", target))


@dataclass(frozen=True)
class RefusedMessage:
    """A message that its sink has refused. It comes again at `retry_at`, or never by itself once it is parked.

    `waiting`: how many of its key wait behind it.
    """

    id: int
    queue: str
    key: str | None
    refusals: int
    retry_at: datetime
    parked_at: datetime | None
    reason: str
    waiting: int


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


def list_refused(url: str) -> list[RefusedMessage]:
    """The messages that were refused, parked ones first."""
    with (
        _reporting_errors(url),
        session(url, "outbox") as conn,
        conn.cursor(row_factory=class_row(RefusedMessage)) as cursor,
    ):
        return cursor.execute(_REFUSED).fetchall()


def requeue(url: str, ids: Sequence[int] | None) -> int:
    """Let refused messages go again, as if they never had been: those of `ids`, or all. Answers how many."""
    with _reporting_errors(url), session(url, "outbox") as conn, conn.transaction():
        found = {id for (id,) in conn.execute(_REQUEUE, {"ids": None if ids is None else list(ids)})}
        _refuse_unknown(ids or (), found, "refused message")
    return len(found)


def discard(url: str, ids: Sequence[int]) -> int:
    """Throw messages away, refused or not, and let go what waits behind them. Answers how many."""
    with _reporting_errors(url), session(url, "outbox") as conn, conn.transaction():
        found = {id for (id,) in conn.execute("delete from app.outbox where id = any(%s) returning id", [list(ids)])}
        _refuse_unknown(ids, found, "message")
    return len(found)


def _refuse_unknown(ids: Sequence[int], found: Collection[int], what: str) -> None:
    """None of them is touched then: whoever has mistyped one may have mistyped another."""
    if unknown := [id for id in ids if id not in found]:
        raise ToolError(f"there is no {what} {', '.join(map(str, unknown))}; nothing was changed")


@contextmanager
def _reporting_errors(url: str) -> Iterator[None]:
    try:
        yield
    except SchemaError as error:
        raise type(error)(f"the outbox cannot be reached: {error}") from None
    except psycopg.OperationalError as error:
        raise ToolError(f"the outbox cannot be reached: {server_message(error)}") from None
