"""The exact simulation, event by event: a queue with servers, and Lambda's environments. One loop, no library."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush, heapreplace
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from org_common.tools.plan.distribution import Floats
from org_common.tools.plan.retries import Retries

# How many new environments a function may add in ten seconds (AWS, "Lambda scaling behavior", since November 2023).
SCALING, SCALING_S = 1000, 10.0
Steps = Sequence[tuple[float, int]]
WARM, COLD, PROVISIONED, THROTTLED = range(4)


@dataclass(frozen=True)
class Pool:
    """The rules for the environments of one function."""

    idle_s: float = 300.0
    """An environment that is idle for longer ends. AWS documents no time."""
    limit: int = 1000
    """The most requests in progress. What is above is throttled."""
    scaling: int = SCALING
    """New environments in ten seconds."""
    provisioned: Steps = field(default_factory=tuple[tuple[float, int], ...])
    """Initialized environments from each time on, ascending. They count against the limit while they exist."""


@dataclass(frozen=True)
class Served:
    """What became of each request."""

    outcome: NDArray[np.uint8]
    """WARM, COLD, PROVISIONED or THROTTLED, of the last attempt."""
    latency: Floats
    """Seconds from the first attempt on; 0 for a throttled request."""
    waited: Floats
    """Of the latency, the seconds until the last attempt."""
    attempts: NDArray[np.int64]
    """How often each request was tried again."""
    alive: int
    """The most environments on demand at once, busy or idle."""


def queue(arrivals: Floats, durations: Floats, servers: int) -> Floats:
    """The wait of each request for one of the servers, first come, first served. Arrivals ascend."""
    free = [0.0] * servers
    waits: list[float] = []
    wait = waits.append
    for at, duration in zip(arrivals.tolist(), durations.tolist(), strict=True):
        start = free[0]
        if start <= at:
            wait(0.0)
            heapreplace(free, at + duration)
        else:
            wait(start - at)
            heapreplace(free, start + duration)
    return np.array(waits)


def queue_with_steps(arrivals: Floats, durations: Floats, servers: Steps) -> Floats:
    """The wait of each request where the number of servers changes. Those that go finish their request."""
    times = [at for at, _ in servers[1:]]
    free = [servers[0][0]] * servers[0][1]
    cuts = [0, *np.searchsorted(arrivals, times).tolist(), len(arrivals)]
    waits: list[Floats] = []
    for index, (at, count) in enumerate(servers):
        heapify(free)
        while len(free) > count:
            heappop(free)
        free += [at] * (count - len(free))
        heapify(free)
        part = slice(cuts[index], cuts[index + 1])
        waits.append(_serve(arrivals[part], durations[part], free))
    return np.concatenate(waits)


def _serve(arrivals: Floats, durations: Floats, free: list[float]) -> Floats:
    waits: list[float] = []
    for at, duration in zip(arrivals.tolist(), durations.tolist(), strict=True):
        start = max(free[0], at)
        waits.append(start - at)
        heapreplace(free, start + duration)
    return np.array(waits)


def serve(
    arrivals: Floats, durations: Floats, starts: Floats, pool: Pool, *, warm: int = 0, retries: Retries | None = None
) -> Served:
    """Serve requests as Lambda does. `starts` are the times of a cold start, should the request need one.

    The first `warm` requests only fill the pool: they are not in what is returned.

    A request takes a free provisioned environment, or else the environment that became idle last, or else a new one.
    The order of reuse decides the cold starts at low rates. AWS documents none; that of a stack is assumed.
    """
    outcome = np.zeros(len(arrivals), dtype=np.uint8)
    busy: list[float] = []
    idle: deque[float] = deque()
    provisioned: list[float] = []
    created: deque[float] = deque(maxlen=pool.scaling)
    steps, step, ready, alive = [*pool.provisioned, (float("inf"), 0)], 0, 0, 0
    refused = _Refused(arrivals, retries)
    lasts = durations.tolist()
    for at, index, attempt in refused.attempts():
        duration = lasts[index]
        while busy and busy[0] <= at:
            idle.append(heappop(busy))
        while idle and idle[0] < at - pool.idle_s:
            idle.popleft()
        while steps[step][0] <= at:
            ready, step = steps[step][1], step + 1
        while provisioned and provisioned[0] <= at:
            heappop(provisioned)
        if index == warm and not attempt:
            alive = len(busy) + len(idle)
        if len(provisioned) < ready:
            heappush(provisioned, at + duration)
            outcome[index] = PROVISIONED
        elif len(busy) + max(ready, len(provisioned)) >= pool.limit:
            outcome[index] = refused.again(at, index, attempt)
        elif idle:
            idle.pop()
            heappush(busy, at + duration)
            outcome[index] = WARM
        elif len(created) == pool.scaling and created[0] > at - SCALING_S:
            outcome[index] = refused.again(at, index, attempt)
        else:
            created.append(at)
            heappush(busy, at + starts[index] + duration)
            outcome[index] = COLD
            alive = max(alive, len(busy)) if index >= warm else alive
    latency = refused.waited + durations + np.where(outcome == COLD, starts, 0.0)
    latency[outcome == THROTTLED] = 0.0
    return Served(outcome[warm:], latency[warm:], refused.waited[warm:], refused.tried[warm:], alive)


class _Refused:
    """The throttled requests that come again."""

    def __init__(self, arrivals: Floats, retries: Retries | None) -> None:
        self.arrivals: list[float] = arrivals.tolist()
        self.retries = retries
        self.waiting: list[tuple[float, int, int]] = []
        self.waited = np.zeros(len(arrivals))
        self.tried = np.zeros(len(arrivals), np.int64)

    def attempts(self) -> Iterator[tuple[float, int, int]]:
        """All attempts in the order of their times: the time, the request, and how many came before."""
        if self.retries is None:
            # Without a generator's turn for each request: a tenth of the simulation's time.
            return zip(self.arrivals, range(len(self.arrivals)), repeat(0), strict=False)
        return self._with_retries()

    def _with_retries(self) -> Iterator[tuple[float, int, int]]:
        for index, at in enumerate(self.arrivals):
            while self.waiting and self.waiting[0][0] <= at:
                yield heappop(self.waiting)
            yield at, index, 0
        while self.waiting:
            yield heappop(self.waiting)

    def again(self, at: float, index: int, attempt: int) -> int:
        """Plan the next attempt. The outcome counts if there is none."""
        delay = None if self.retries is None else self.retries.delay(index, attempt, at - self.arrivals[index])
        if delay is not None:
            heappush(self.waiting, (at + delay, index, attempt + 1))
            self.tried[index] = attempt + 1
            self.waited[index] = at + delay - self.arrivals[index]
        return THROTTLED


def concurrency(arrivals: Floats, latency: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """The requests in progress from each moment on at which their number changes."""
    moments = np.concatenate([arrivals, arrivals + latency])
    change = np.concatenate([np.ones(len(arrivals), np.int64), np.full(len(arrivals), -1, np.int64)])
    # An end before a start at the same moment: the environment is free again.
    order = np.lexsort((change, moments))
    return moments[order], np.cumsum(change[order])
