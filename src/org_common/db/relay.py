"""Outbox relay: delivers the messages of the outbox to a sink, on the service login.

Each message is delivered at least once, those of one key in order. A message that the sink refuses is retried later,
and later messages of its key wait for it. Several relays share the work.
"""

from __future__ import annotations

import json
import logging
import random
import time
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import psycopg

from org_common.config.settings import Settings
from org_common.db.connections.connect import conninfo
from org_common.db.delivery import Message, MessageRefused, Outcome, PartialDelivery, Sink, deliver, named
from org_common.db.service import service_url
from org_common.telemetry import metrics
from org_common.values.types import Deadline

__all__ = ["Message", "MessageRefused", "PartialDelivery", "Sink", "follow", "relay", "relay_outbox"]

logger: logging.Logger = logging.getLogger(__name__)

APPLICATION_NAME = "org-common relay"
BATCH = 100
# Of a batch, as PostgreSQL stores them: compressed if they are large.
BATCH_BYTES = 8 * 1024 * 1024
# A message is parked at its fifth refusal: they are 2, 8, 32 and 128 s apart, three minutes in all.
REFUSALS = 5
# A relay looks this many batches ahead for keys that no other relay works on.
AHEAD = 10
# One purge deletes at most 1,000 messages.
PURGE, PURGE_S = 1_000, 60.0
# The longest pause of `follow` while a queue or the database is down.
MAX_PAUSE_S = 30.0
# `relay_outbox` starts no batch when less time is left: a queue that does not respond takes about this long.
STOP_S = 10.0

# In the order of their ids, without those that wait for a retry and those behind them with the same key.
_PENDING = """
from app.outbox o
where o.parked_at is null and (o.retry_at is null or o.retry_at <= now()) and o.queue <> all(%(down)s)
  and not exists (
    select from app.outbox before
    where before.queue = o.queue and before.key = o.key and before.id < o.id
      and (before.parked_at is not null or before.retry_at > now())
  )
"""
# The messages of a key, or one message without a key, belong to one relay at a time. With two, a later message could
# overtake an earlier one of its key. The lock ends with the transaction, however the relay ends.
_LINE = "hashtextextended(concat_ws(E'\\n', o.queue, coalesce(o.key, '#' || o.id)), 2)"
_CLAIM = f"""
with ahead as materialized (select o.id, {_LINE} as line {_PENDING} order by o.id limit %(ahead)s),
lines as materialized (select line from ahead group by line order by min(id)),
claimed as materialized (select line from lines where pg_try_advisory_xact_lock(line) limit %(batch)s)
select (select array_agg(line) from claimed), (select max(id) from ahead)
"""
# A statement of its own: it must see what the relay that had the lock before has committed.
_NEXT = f"""
select id, queue, key, message::text, refusals, created_at, traceparent from (
  select o.*, sum(pg_column_size(o.message)) over (order by o.id) - pg_column_size(o.message) as before {_PENDING}
    and o.id <= %(last)s and {_LINE} = any(%(lines)s::bigint[])
  order by o.id limit %(batch)s
) o where before < %(bytes)s order by id
"""
_REFUSE = """
update app.outbox
set refusals = refusals + 1, reason = %(reason)s, retry_at = now() + 2 * 4 ^ least(refusals, 10) * interval '1 second',
    parked_at = case when %(final)s or refusals + 1 >= %(most)s then now() end
where id = %(id)s
returning parked_at is not null
"""
_LAG = """
select extract(epoch from clock_timestamp() - created_at)::float8 from app.outbox
where parked_at is null order by id limit 1
"""


@dataclass
class _Run:
    """What one run has to remember from batch to batch."""

    batch: int
    deadline_s: float = float("inf")
    stop: Event = field(default_factory=Event)
    down: dict[str, Exception] = field(default_factory=dict)
    delivered: int = 0
    """Since the last purge."""
    purged_s: float = float("-inf")

    def is_over(self) -> bool:
        return self.stop.is_set() or time.monotonic() >= self.deadline_s


def relay(url: str, sink: Sink, *, batch: int = BATCH, deadline_s: float = float("inf")) -> int:
    """Deliver the messages of the outbox; returns how many. `url` is the URL of `app_service`.

    A message that the sink accepted leaves the outbox. It stays among the delivered messages for 30 days, where
    consumers look up who sent it; each run deletes older ones.

    Starts no batch after `time.monotonic()` has reached `deadline_s`. Safe to run concurrently: several relays share
    the messages, and those of one key stay in order. A message that the sink accepted is delivered again if a crash
    prevented its removal. Raises the sink's exception for a queue that is down, after it has served the other queues.
    """
    with _connect(url) as connection:
        return _drain(connection, sink, _Run(batch, deadline_s))


def relay_outbox(sink: Sink, *, deadline: Deadline | None = None, settings: Settings | None = None) -> int:
    """Deliver the messages of the outbox from a scheduled function; returns how many.

    Starts no batch in the last 10 s before `deadline`. The URL of `app_service` comes from `settings`, by default those
    of the environment. Raises the sink's exception for a queue that is down, after it has served the other queues.
    """
    end_s = float("inf") if deadline is None else deadline.at_s - STOP_S
    url = service_url(settings or Settings.from_env())(deadline_s=end_s)
    return relay(url, sink, deadline_s=end_s)


def follow(
    url: str,
    sink: Sink,
    *,
    pause_s: float = 1.0,
    deadline_s: float = float("inf"),
    stop: Event | None = None,
) -> int:
    """Deliver messages until `stop` is set or `time.monotonic()` reaches `deadline_s`; returns how many.

    Waits `pause_s` when there is nothing to deliver. While a queue or the database is down it logs the error, and waits
    longer each time, up to 30 s, so that it does not load what is recovering.
    """
    run = _Run(BATCH, deadline_s, stop or Event())
    sent = failures = 0
    while not run.is_over():
        try:
            with _connect(url) as connection:
                while not run.is_over():
                    taken = _drain(connection, sink, run)
                    sent += taken
                    failures = 0
                    if taken == 0:
                        run.stop.wait(pause_s)
        except Exception as error:  # noqa: BLE001 - a process that ends for an outage would only be started again
            failures += 1
            wait_s = min(pause_s * 2 ** min(failures, 10), MAX_PAUSE_S) * random.uniform(0.5, 1)  # noqa: S311 - jitter
            logger.warning("the relay continues in %.1f s: %s: %s", wait_s, type(error).__name__, error)
            run.stop.wait(min(wait_s, max(0.0, deadline_s - time.monotonic())))
    return sent


def _connect(url: str) -> psycopg.Connection:
    # The settings of the SDK's connections: TLS for a remote host, and timeouts.
    return psycopg.connect(conninfo(url, APPLICATION_NAME), autocommit=True, prepare_threshold=None)


def _drain(connection: psycopg.Connection, sink: Sink, run: _Run) -> int:
    """Deliver until the outbox is empty or the run is over."""
    sent = 0
    run.down.clear()
    oldest = connection.execute(_LAG).fetchone()
    metrics.outbox_lag(0.0 if oldest is None else oldest[0])
    while not run.is_over():
        found, taken = _relay_batch(connection, sink, run.batch, run.down)
        sent += taken
        _purge(connection, run, taken)
        if not found:
            break
    for error in run.down.values():
        raise error
    return sent


def _purge(connection: psycopg.Connection, run: _Run, delivered: int) -> None:
    """Delete delivered messages that are 30 days old: once a minute, and often enough to keep up."""
    run.delivered += delivered
    if run.delivered >= PURGE or time.monotonic() - run.purged_s >= PURGE_S:
        connection.execute("select app.purge_delivered()")
        run.delivered, run.purged_s = 0, time.monotonic()


def _relay_batch(connection: psycopg.Connection, sink: Sink, batch: int, down: dict[str, Exception]) -> tuple[int, int]:
    """How many messages were found, and how many of them were accepted. Adds queues that are down to `down`."""
    with connection.transaction():
        messages = _claim(connection, {"down": list(down), "batch": batch})
        outcome = Outcome()
        deliver(sink, messages, outcome)
        if outcome.taken:
            # To the delivered messages, among which consumers look up who sent one.
            connection.execute("select app.mark_delivered(%s)", [outcome.taken])
        parked = [_refuse(connection, message, error) for message, error in outcome.refused]
    metrics.outbox_batch(len(outcome.taken), len(outcome.refused), sum(parked))
    for queue, error in outcome.down.items():
        first = next(message.id for message in messages if message.queue == queue)
        logger.error("queue %s accepted nothing, from message %d on: %s", queue, first, error)
    down.update(outcome.down)
    if not (outcome.taken or outcome.refused or outcome.down):
        # The sink neither accepted nor refused them: the next batch would be the same.
        return 0, 0
    return len(messages), len(outcome.taken)


def _claim(connection: psycopg.Connection, params: dict[str, Any]) -> list[Message]:
    """The next messages that no other relay works on, for this transaction."""
    row = connection.execute(_CLAIM, {**params, "ahead": params["batch"] * AHEAD}).fetchone()
    lines, last = row or (None, None)
    if not lines:
        return []
    rows = connection.execute(_NEXT, {**params, "lines": lines, "last": last, "bytes": BATCH_BYTES}).fetchall()
    return [
        Message(id, queue, key, json.loads(text), refusals, created_at, text, traceparent)
        for id, queue, key, text, refusals, created_at, traceparent in rows
    ]


def _refuse(connection: psycopg.Connection, message: Message, error: Exception) -> bool:
    """Note a refusal; returns whether the message is parked."""
    values = {
        "id": message.id,
        # For the operator; cut, since a sink may raise an arbitrarily long text.
        "reason": f"{type(error).__name__}: {error}".replace("\0", "")[:500],
        "final": bool(named(error, [message])),
        "most": REFUSALS,
    }
    row = connection.execute(_REFUSE, values).fetchone()
    parked = row is not None and bool(row[0])
    log = logger.error if parked else logger.warning
    log("message %d of %s %s: %s", message.id, message.queue, "is parked" if parked else "was refused", error)
    return parked
