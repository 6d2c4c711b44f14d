"""Retries of throttled requests: by Lambda for events of queues and asynchronous calls, by callers with backoff."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

import numpy as np

from org_common.tools.plan import theory
from org_common.tools.plan.distribution import Floats

# Lambda retries a throttled event for six hours, after one second at first and five minutes at most (AWS, "How Lambda
# handles errors and retries with asynchronous invocation").
EVENT_FIRST_S, EVENT_MOST_S, EVENT_AGE_S = 1.0, 300.0, 6 * 3600.0
# AWS SDKs in the mode "standard" wait for a random part of one second, then of two, of four, and of twenty at most.
CALLER_FIRST_S, CALLER_MOST_S = 1.0, 20.0
# What is still throttled a minute later is retried every few minutes: a backlog.
ROUNDS = 60


Number = TypeVar("Number", float, Floats)


class Retries:
    """When a throttled request of the exact simulation comes again."""

    def __init__(self, queued: Floats, retries: int, random: np.random.Generator) -> None:
        self.queued: list[float] = queued.tolist()
        """For each request, 1 if it is an event that Lambda retries."""
        self.retries: int = retries
        """Attempts of a synchronous caller after the first."""
        self.random: np.random.Generator = random

    def delay(self, index: int, attempt: int, age_s: float) -> float | None:
        """Seconds until the next attempt of a request after `attempt` failed retries; None if it is given up."""
        if self.queued[index]:
            wait = min(EVENT_FIRST_S * float(2 ** min(attempt, 10)), EVENT_MOST_S)
            return wait if age_s + wait <= EVENT_AGE_S else None
        if attempt >= self.retries:
            return None
        return float(self.random.random()) * min(CALLER_FIRST_S * float(2 ** min(attempt, 10)), CALLER_MOST_S)


@dataclass(frozen=True)
class Offered:
    """The attempts of each minute, with those that come again."""

    attempts: Floats
    refused: Floats
    """The share of attempts that are throttled."""
    lost: float
    """Requests that no attempt served."""
    called: float
    """Attempts of synchronous callers after their first."""
    redelivered: float
    """Attempts of Lambda after the first: at most one in each minute."""

    @property
    def accepted(self) -> Floats:
        """The requests that are served in each minute."""
        return self.attempts * (1 - self.refused)


def offered(counts: Floats, service_s: float, places: Floats, queued: float, retries: int) -> Offered:
    """Erlang's formula B for each minute, where what is throttled comes again: Cohen's fixed point.

    A caller's retries fall into the minute of the first attempt, an event's into the next minutes, for six hours at
    most. Both count as independent of what throttled them, so that short peaks throttle a retry too seldom.
    """
    attempts, refused = np.empty(len(counts)), np.empty(len(counts))
    backlog = lost = called = redelivered = 0.0
    for minute, (count, servers) in enumerate(zip(counts.tolist(), places.tolist(), strict=True)):
        events, calls = count * queued + backlog, count * (1 - queued)
        share = _fixed_point(events, calls, service_s / 60, int(servers), retries)
        each = tries(share, retries)
        attempts[minute], refused[minute] = events + calls * each, share
        lost += calls * share ** (retries + 1)
        redelivered += backlog
        called += calls * (each - 1)
        kept = min(events * share, float(counts[max(0, minute - int(EVENT_AGE_S / 60)) : minute + 1].sum()) * queued)
        lost += events * share - kept
        backlog = kept
    # The next day begins without it.
    return Offered(attempts, refused, lost + backlog, called, redelivered)


def tries(share: Number, retries: int) -> Number:
    """The mean attempts of a caller, each of which is throttled with this chance."""
    found = share * 0 + 1
    for _ in range(retries):
        found = found * share + 1
    return found


def _fixed_point(events: float, calls: float, minutes: float, servers: int, retries: int) -> float:
    """The share of attempts that are throttled, of the load that this share itself raises."""
    if not retries or not calls:
        return blocked(servers, round((events + calls) * minutes, 6))
    low, high = 0.0, 1.0
    for _ in range(ROUNDS):
        share = (low + high) / 2
        found = theory.erlang_b(servers, (events + calls * tries(share, retries)) * minutes)
        low, high = (share, high) if found > share else (low, share)
        if high - low < 1e-9 * max(low, 1e-6):
            break
    return low if low > 1e-12 else 0.0


@lru_cache(maxsize=100_000)
def blocked(servers: int, load: float) -> float:
    """Erlang B; minutes repeat."""
    return theory.erlang_b(servers, load) if load else 0.0
