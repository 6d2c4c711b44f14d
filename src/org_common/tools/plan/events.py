"""The exact simulation, event by event: a queue with servers, and Lambda's environments. One loop, no library."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush, heapreplace

import numpy as np
from numpy.typing import NDArray

from org_common.tools.plan.distribution import Floats

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
    """The most requests in progress. What is above is throttled, and does not come back."""
    scaling: int = SCALING
    """New environments in ten seconds."""
    provisioned: Steps = field(default_factory=tuple[tuple[float, int], ...])
    """Initialized environments from each time on, ascending. They count against the limit while they exist."""


@dataclass(frozen=True)
class Served:
    """What became of each request."""

    outcome: NDArray[np.uint8]
    """WARM, COLD, PROVISIONED or THROTTLED."""
    latency: Floats
    """Seconds; 0 for a throttled request."""
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


def serve(arrivals: Floats, durations: Floats, starts: Floats, pool: Pool, *, warm: int = 0) -> Served:
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
    for index, (at, duration) in enumerate(zip(arrivals.tolist(), durations.tolist(), strict=True)):
        while busy and busy[0] <= at:
            idle.append(heappop(busy))
        while idle and idle[0] < at - pool.idle_s:
            idle.popleft()
        while steps[step][0] <= at:
            ready, step = steps[step][1], step + 1
        while provisioned and provisioned[0] <= at:
            heappop(provisioned)
        if index == warm:
            alive = len(busy) + len(idle)
        if len(provisioned) < ready:
            heappush(provisioned, at + duration)
            outcome[index] = PROVISIONED
        elif len(busy) + max(ready, len(provisioned)) >= pool.limit:
            outcome[index] = THROTTLED
        elif idle:
            idle.pop()
            heappush(busy, at + duration)
        elif len(created) == pool.scaling and created[0] > at - SCALING_S:
            outcome[index] = THROTTLED
        else:
            created.append(at)
            heappush(busy, at + starts[index] + duration)
            outcome[index] = COLD
            alive = max(alive, len(busy)) if index >= warm else 0
    latency = np.where(outcome == THROTTLED, 0.0, durations + np.where(outcome == COLD, starts, 0.0))
    return Served(outcome[warm:], latency[warm:], alive)


def concurrency(arrivals: Floats, latency: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """The requests in progress from each moment on at which their number changes."""
    moments = np.concatenate([arrivals, arrivals + latency])
    change = np.concatenate([np.ones(len(arrivals), np.int64), np.full(len(arrivals), -1, np.int64)])
    # An end before a start at the same moment: the environment is free again.
    order = np.lexsort((change, moments))
    return moments[order], np.cumsum(change[order])
