"""The simulation for volume: Lambda's environments in ticks of a millisecond, some ten nanoseconds a request.

Two facts make it short. Environments that are reused most recent first, and end after being idle for T, number exactly
the maximum of the requests in progress over the last T. And a cold start is a request that raises that maximum.

Its error: starts are rounded down to a tick and times up, so that each request is in progress for at most two ticks
longer than it was. The idle time is a whole number of seconds. Percentiles come from the tables of the distributions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from org_common.tools.plan.distribution import SIZE, Distribution

TICK_S = 0.001
PER_S = 1000
# Cold starts delay later ends, which may change later cold starts: repeated until nothing changes.
ROUNDS = 200
PART = 100_000
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Volume:
    """What was counted."""

    requests: int
    cold: int
    throttled: int
    """By the limit on new environments in ten seconds, and where a peak rises above the limit of the account."""
    busy_s: float
    """The seconds of all requests, with their cold starts."""
    peak: Ints
    """The most requests in progress in each second."""
    alive: Ints
    """The environments at the end of each second, busy or idle."""
    unsettled: int
    """Parts whose cold starts still changed after the last round."""


def simulate(
    counts: NDArray[np.float64],
    service: Distribution,
    start: Distribution,
    *,
    idle_s: int = 300,
    random: np.random.Generator,
    scaling: int = 1000,
    limit: Ints | None = None,
    poisson: bool = True,
    warm_s: int = 0,
) -> Volume:
    """Serve the requests of each second, spread evenly within it. `counts` are their number, or its mean.

    `limit` are the most requests in progress in each second; what raises their number above it, is throttled.
    The first `warm_s` seconds only fill the pool, and are not counted.
    """
    state = _State(service, start, idle_s, random)
    first = 0
    while first < len(counts):
        if first == warm_s:
            state.forget()
        # Parts that fit into the caches of a processor are twice as fast.
        length = int(min(idle_s, 60, max(1, PART // max(counts[first], 1))))
        length = min(length, warm_s - first) if first < warm_s else length
        state.advance(counts[first : first + length], poisson=poisson)
        first += length
    cold = np.concatenate(state.cold)
    tens = np.add.reduceat(cold, np.arange(0, len(cold), 10))
    peak, alive = np.concatenate(state.peaks), np.concatenate(state.alive)
    above = np.zeros_like(peak) if limit is None else np.maximum(peak - limit, 0)
    throttled = int(np.maximum(tens - scaling, 0).sum()) + int(np.maximum(np.diff(above, prepend=0), 0).sum())
    return Volume(
        state.requests,
        max(int(cold.sum()) - throttled, 0),
        throttled,
        state.busy_ticks * TICK_S,
        peak - above,
        alive,
        state.unsettled,
    )


class _State:
    """What is in progress between parts, and what was counted so far."""

    def __init__(self, service: Distribution, start: Distribution, idle_s: int, random: np.random.Generator) -> None:
        self.service, self.start, self.idle_s, self.random = _ticks(service), _ticks(start), idle_s, random
        self.carried: Ints = np.zeros(int(self.service[-1] + self.start[-1]) + 2, np.int64)
        self.running = 0
        # The peaks of the last `idle_s` seconds.
        self.recent: Ints = np.zeros(idle_s, np.int64)
        self.requests = self.busy_ticks = self.unsettled = 0
        self.cold: list[Ints] = []
        self.peaks: list[Ints] = []
        self.alive: list[Ints] = []

    def forget(self) -> None:
        """Count from here on."""
        self.requests = self.busy_ticks = 0
        self.cold, self.peaks, self.alive = [], [], []

    def advance(self, counts: NDArray[np.float64], *, poisson: bool) -> None:
        """Serve the requests of the next seconds."""
        seconds = len(counts)
        arrived = self._arrivals(counts, poisson=poisson)
        at = np.repeat(np.arange(len(arrived), dtype=np.int32), arrived)
        times = self.service.take(self.random.integers(0, SIZE, len(at), dtype=np.uint16))
        before = _suffix_maxima(self.recent, seconds)
        leaving, level, cold = self._count(at + times, arrived, before)
        if cold is not None:
            times, leaving, level, cold = self._settle(at, times, arrived, before, cold)
        self.requests += len(at)
        self.busy_ticks += int(times.sum(dtype=np.int64))
        self._remember(leaving, level, cold, seconds)

    def _arrivals(self, counts: NDArray[np.float64], *, poisson: bool) -> Ints:
        """The requests that arrive in each tick."""
        if poisson:
            if (counts == counts[0]).all():
                return self.random.poisson(counts[0] / PER_S, len(counts) * PER_S)
            return self.random.poisson(np.repeat(counts / PER_S, PER_S))
        number = np.rint(counts).astype(np.int64)
        at = np.repeat(np.arange(len(counts)) * PER_S, number)
        at += self.random.integers(0, PER_S, len(at))
        return np.bincount(at, minlength=len(counts) * PER_S)

    def _count(self, ends: NDArray[np.int32], arrived: Ints, before: Ints) -> tuple[Ints, Ints, Ints | None]:
        """The ends in each tick, the requests in progress, and the cold starts; None for none."""
        ticks = len(arrived)
        leaving = np.bincount(ends, minlength=ticks + len(self.carried))
        leaving[: len(self.carried)] += self.carried
        level = np.cumsum(arrived - leaving[:ticks])
        level += self.running
        if level.max() <= before[-1]:
            return leaving, level, None
        highest = np.maximum.accumulate(level)
        earlier = np.concatenate([[self.running], highest[:-1]])
        return leaving, level, np.maximum(level - np.maximum(np.repeat(before, PER_S), earlier), 0)

    def _settle(
        self, at: NDArray[np.int32], base: NDArray[np.int32], arrived: Ints, before: Ints, cold: Ints
    ) -> tuple[NDArray[np.int32], Ints, Ints, Ints | None]:
        """The same with the times of the cold starts, which are the last requests of their ticks."""
        last = np.cumsum(arrived)
        extra = self.start.take(self.random.integers(0, SIZE, len(at), dtype=np.uint16))
        times = base
        for _ in range(ROUNDS):
            chosen = _last_of(last, cold)
            times = base.copy()
            times[chosen] += extra[chosen]
            leaving, level, again = self._count(at + times, arrived, before)
            if again is None or np.array_equal(again, cold):
                return times, leaving, level, again
            # At most as many cold starts in a tick as requests.
            cold = np.minimum(again, arrived)
        self.unsettled += 1
        return times, *self._count(at + times, arrived, before)

    def _remember(self, leaving: Ints, level: Ints, cold: Ints | None, seconds: int) -> None:
        ticks = seconds * PER_S
        rest = leaving[ticks:]
        self.carried[:] = 0
        self.carried[: len(rest)] = rest[: len(self.carried)]
        self.running = int(level[-1])
        peaks = level.reshape(seconds, PER_S).max(axis=1)
        window = np.concatenate([self.recent, peaks])
        self.recent = window[-self.idle_s :]
        none = np.zeros(seconds, np.int64)
        self.cold.append(none if cold is None else cold.reshape(seconds, PER_S).sum(axis=1))
        self.peaks.append(peaks)
        self.alive.append(_sliding_maxima(window, self.idle_s)[1:])


def _ticks(times: Distribution) -> NDArray[np.int32]:
    """Rounded up; a request is in progress for at least a tick, a start may take none."""
    ticks = np.ceil(times.table / TICK_S - 1e-9)
    return np.maximum(ticks, 0).astype(np.int32)


def _suffix_maxima(recent: Ints, seconds: int) -> Ints:
    """The maximum of the recent seconds that still count, for each second to come."""
    maxima: Ints = np.maximum.accumulate(recent[::-1])[::-1]
    return maxima[:seconds]


def _sliding_maxima(values: Ints, width: int) -> Ints:
    maxima: Ints = np.lib.stride_tricks.sliding_window_view(values, width).max(axis=1)
    return maxima


def _last_of(last: Ints, cold: Ints) -> Ints:
    """The places of the last `cold` requests of each tick; `last` is where its requests end."""
    where = np.flatnonzero(cold)
    if not where.size:
        return where
    number = cold[where]
    offsets = np.arange(int(number.sum())) - np.repeat(np.cumsum(number) - number, number)
    return np.repeat(last[where] - number, number) + offsets


def weighted_percentiles(parts: Sequence[tuple[NDArray[np.float64], float]], percents: Sequence[float]) -> list[float]:
    """The percentiles of a mixture: of each part the values, and its weight."""
    used = [(values, weight) for values, weight in parts if weight > 0]
    if not used:
        return [0.0 for _ in percents]
    values = np.concatenate([each for each, _ in used])
    weights = np.concatenate([np.full(len(each), weight / len(each)) for each, weight in used])
    order = np.argsort(values, kind="stable")
    shares = np.cumsum(weights[order])
    places = np.searchsorted(shares, np.array(percents) / 100 * shares[-1])
    return [float(value) for value in values[order][np.minimum(places, len(values) - 1)]]
