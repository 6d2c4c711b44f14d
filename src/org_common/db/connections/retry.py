"""What may be tried again, and when: one table, read by the code and walked through by the tests.

Nothing is retried that could happen twice. A row that is not here fails as it is.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import Enum
from typing import TypeVar

from org_common.db.protocol.counters import Counters
from org_common.db.protocol.errors import RolledBack
from org_common.values.types import Deadline

T = TypeVar("T")


class Signal(Enum):
    """What went wrong."""

    LOST = "the connection broke, or the server ended it"
    STARTING = "nobody answers yet: refused, no such name, starting up"
    FULL = "the server has no connection left"
    PASSWORD = "the password does not hold (any more)"  # noqa: S105 - the name of a fault
    UNTRUSTED = "the server did not prove who it is: no TLS, no certificate for its name, none of an authority we trust"
    MUTE = "the peer said nothing until the deadline"
    STANDBY = "a write met a read-only server: a failover left us on a standby"
    CONFLICT = "a serialization failure or a deadlock: rolled back for certain"
    STALE_PLAN = "a prepared statement is gone, or was made for a table that has changed"


class Phase(Enum):
    """When it went wrong."""

    CONNECT = "before anything was sent"
    READ = "a Reader's unit was in flight"
    WRITE = "a Transaction was open, its COMMIT not sent"
    COMMIT = "COMMIT was in flight"


class Action(Enum):
    """What is done about it."""

    BACK_OFF = "wait a moment, up to three times within the deadline; then 503"
    REFRESH = "ask for the secret again, once, and connect with it"
    RESEND = "once more, on a new connection where the old one is gone: nothing was changed, the server guarantees it"
    RERUN = "the whole handler again, where its route says retry=True; else 503"
    SETTLE = "ask the server what became of the transaction; CommitUnknown if it cannot say"
    DROP = "503 now; the connection is given up, so that the next request finds the primary"
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
    (Signal.MUTE, Phase.CONNECT): Action.UNAVAILABLE,
    (Signal.MUTE, Phase.READ): Action.TIMEOUT,
    (Signal.MUTE, Phase.WRITE): Action.TIMEOUT,
    (Signal.MUTE, Phase.COMMIT): Action.SETTLE,
    (Signal.STANDBY, Phase.WRITE): Action.DROP,
    (Signal.STANDBY, Phase.COMMIT): Action.DROP,
    (Signal.STALE_PLAN, Phase.READ): Action.RESEND,
    (Signal.STALE_PLAN, Phase.WRITE): Action.RERUN,
    (Signal.CONFLICT, Phase.READ): Action.RESEND,
    (Signal.CONFLICT, Phase.WRITE): Action.RERUN,
    (Signal.CONFLICT, Phase.COMMIT): Action.RERUN,
}


def action(found: Signal | None, phase: Phase) -> Action | None:
    """What the table says, None where it says nothing: the error stands."""
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
    """What an SQLSTATE says; None for one that is no reason to try again."""
    return Signal.LOST if sqlstate[:2] == "08" else _BY_SQLSTATE.get(sqlstate)


ATTEMPTS = 3
FIRST_WAIT_S = 0.05
# With less time than this left no handler is run again.
LEAST_LEFT_S = 1.0


def retry_with_backoff(
    call: Callable[[], T],
    is_worth: Callable[[BaseException], bool],
    deadline_s: float,
    on_retry: Callable[[], None] = lambda: None,
) -> T:
    """What `call()` answers; up to three times in all, while its error is worth another try and there is time for it.

    No pause ends after `deadline_s` (of `time.monotonic()`); each has full jitter, so that a thousand do not come at
    once: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/. What stands in the end is the last
    error.
    """
    try:
        return call()
    except Exception as error:
        if not is_worth(error):
            raise
        failed = [error]

    # Not before it is needed: 8 ms of eleven modules (on a machine on which psycopg takes 110) that no request pays
    # whose first try succeeds. Here they are a part of the pause.
    from tenacity import Retrying, retry_if_exception, stop_after_attempt, stop_before_delay, wait_random_exponential

    def call_again() -> T:
        # The first try was made above.
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
    """The answer of a handler with `retry=True`, run again while what it wrote was rolled back for certain."""

    def count() -> None:
        counters().rerun += 1

    return retry_with_backoff(handler, lambda error: isinstance(error, RolledBack), deadline.at_s - LEAST_LEFT_S, count)
