"""The retry table: what is retried, and when. The code reads it, and the tests go through every row.

Nothing is retried that could take effect twice. An error without a row is raised unchanged.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import Enum
from typing import TypeVar

from org_common.db.protocol.counters import Counters
from org_common.db.protocol.errors import ConnectionLost, RolledBack, StatementFailed
from org_common.values.types import Deadline

T = TypeVar("T")


class Signal(Enum):
    """What the error was."""

    LOST = "the connection broke, or the server ended it"
    STARTING = "no server accepts the connection yet: refused, unknown host name, starting up"
    FULL = "the server has no connection left"
    PASSWORD = "the server refuses the password, which may have rotated"  # noqa: S105 - the name of an error
    UNTRUSTED = "the server failed verification: no TLS, no certificate for its name, or none from a trusted authority"
    UNRESPONSIVE = "the peer sent nothing until the deadline"
    TIME_LIMIT = "the server or pooler closed the connection at one of its time limits"
    STANDBY = "a write met a read-only server: a failover left us on a standby"
    CONFLICT = "a serialization failure or a deadlock: rolled back for certain"
    STALE_PLAN = "a prepared statement is gone, or was planned for a table that has changed"


class Phase(Enum):
    """When the error happened."""

    CONNECT = "before anything was sent"
    READ = "a Reader's statements were in flight"
    WRITE = "a Transaction was open, its COMMIT not sent"
    COMMIT = "COMMIT was in flight"


class Action(Enum):
    """What the SDK does about it."""

    BACK_OFF = "wait a moment, up to three times within the deadline; then 503"
    REFRESH = "fetch the secret again, once, and connect with it"
    RESEND = "send once more, on a new connection if the old one is gone: the server guarantees that nothing changed"
    RERUN = "run the handler again if its route has retry=True; else 503"
    SETTLE = "ask the server whether the transaction committed; CommitUnknown if it cannot say"
    DROP = "503 now; the connection is closed, so that the next request finds the primary"
    UNAVAILABLE = "503 now"
    TIMEOUT = "504 now"


TABLE: dict[tuple[Signal, Phase], Action] = {
    (Signal.LOST, Phase.CONNECT): Action.BACK_OFF,
    (Signal.LOST, Phase.READ): Action.RESEND,
    (Signal.LOST, Phase.WRITE): Action.RERUN,
    (Signal.LOST, Phase.COMMIT): Action.SETTLE,
    (Signal.STARTING, Phase.CONNECT): Action.BACK_OFF,
    (Signal.FULL, Phase.CONNECT): Action.BACK_OFF,
    (Signal.PASSWORD, Phase.CONNECT): Action.REFRESH,
    (Signal.UNTRUSTED, Phase.CONNECT): Action.UNAVAILABLE,
    (Signal.UNRESPONSIVE, Phase.CONNECT): Action.UNAVAILABLE,
    (Signal.UNRESPONSIVE, Phase.READ): Action.TIMEOUT,
    (Signal.UNRESPONSIVE, Phase.WRITE): Action.TIMEOUT,
    (Signal.UNRESPONSIVE, Phase.COMMIT): Action.SETTLE,
    # Sent again, a slow statement would double the load that made it slow.
    (Signal.TIME_LIMIT, Phase.READ): Action.TIMEOUT,
    (Signal.TIME_LIMIT, Phase.WRITE): Action.TIMEOUT,
    (Signal.TIME_LIMIT, Phase.COMMIT): Action.SETTLE,
    (Signal.STANDBY, Phase.WRITE): Action.DROP,
    (Signal.STANDBY, Phase.COMMIT): Action.DROP,
    (Signal.STALE_PLAN, Phase.READ): Action.RESEND,
    (Signal.STALE_PLAN, Phase.WRITE): Action.RERUN,
    (Signal.CONFLICT, Phase.READ): Action.RESEND,
    (Signal.CONFLICT, Phase.WRITE): Action.RERUN,
    (Signal.CONFLICT, Phase.COMMIT): Action.RERUN,
}


def action(found: Signal | None, phase: Phase) -> Action | None:
    """The action of the table, None without a row: the error is raised unchanged."""
    return None if found is None else TABLE.get((found, phase))


_BY_SQLSTATE = {
    "53300": Signal.FULL,
    "28P01": Signal.PASSWORD,
    "28000": Signal.PASSWORD,
    "57P03": Signal.STARTING,
    "57P01": Signal.LOST,
    "57P02": Signal.LOST,
    "57P05": Signal.LOST,
    "40001": Signal.CONFLICT,
    "40P01": Signal.CONFLICT,
    "25006": Signal.STANDBY,
}


def signal(sqlstate: str) -> Signal | None:
    """The signal of an SQLSTATE, None when a retry would not help."""
    return Signal.LOST if sqlstate[:2] == "08" else _BY_SQLSTATE.get(sqlstate)


# Statement, idle-in-transaction and transaction timeout; and PgBouncer's, whose SQLSTATE is always 08P01.
_TIME_LIMITS = frozenset({"57014", "25P03", "25P04"})
_POOLER_TIME_LIMITS = frozenset({"query timeout", "idle transaction timeout", "transaction timeout"})


def signal_in_flight(error: ConnectionLost | StatementFailed) -> Signal | None:
    """The signal of an error on an open connection, None when a retry would not help."""
    if isinstance(error, StatementFailed):
        if error.is_stale_plan:
            return Signal.STALE_PLAN
        found = signal(error.sqlstate)
        # The connection is intact. A function raised this code, or 08P01 is about the statement: a wrong number of
        # parameters. Sent again, it would fail again.
        return None if found is Signal.LOST else found
    reason = error.reason
    if reason is None:
        return Signal.LOST
    is_limit = reason.sqlstate in _TIME_LIMITS or reason.message.replace("_", " ") in _POOLER_TIME_LIMITS
    return Signal.TIME_LIMIT if is_limit else Signal.LOST


ATTEMPTS = 3
FIRST_WAIT_S = 0.05
# With less time left than this, no handler runs again.
LEAST_LEFT_S = 1.0


def retry_with_backoff(
    call: Callable[[], T],
    is_worth: Callable[[BaseException], bool],
    deadline_s: float,
    on_retry: Callable[[], None] = lambda: None,
) -> T:
    """The result of `call()`, called up to three times in all while `is_worth(error)` and there is time.

    No pause ends after `deadline_s` (of `time.monotonic()`). Each has full jitter, so that a thousand clients do not
    retry at once: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/. Raises the last error.
    """
    try:
        return call()
    except Exception as error:
        if not is_worth(error):
            raise
        failed = [error]

    # Imported only here: its eleven modules take 8 ms (on a machine where psycopg takes 110), which a request whose
    # first attempt succeeds does not pay. Here they are part of the pause.
    from tenacity import Retrying, retry_if_exception, stop_after_attempt, stop_before_delay, wait_random_exponential

    def call_again() -> T:
        # The first attempt was made above.
        if failed:
            raise failed.pop()
        on_retry()
        return call()

    return Retrying(
        retry=retry_if_exception(is_worth),
        stop=stop_after_attempt(ATTEMPTS) | stop_before_delay(deadline_s - time.monotonic()),
        wait=wait_random_exponential(multiplier=FIRST_WAIT_S, exp_base=4),
        reraise=True,
    )(call_again)


def retry_transaction(handler: Callable[[], T], deadline: Deadline, counters: Callable[[], Counters]) -> T:
    """The result of a handler with `retry=True`, run again while its transaction was rolled back for certain."""

    def count() -> None:
        counters().rerun += 1

    return retry_with_backoff(handler, lambda error: isinstance(error, RolledBack), deadline.at_s - LEAST_LEFT_S, count)
