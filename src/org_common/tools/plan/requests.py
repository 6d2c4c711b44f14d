"""The requests of a workload: drawn one by one if there are few, or described for each minute."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from org_common.tools.plan import events
from org_common.tools.plan.distribution import Floats
from org_common.tools.plan.retries import Retries
from org_common.tools.plan.workload import Workload


@dataclass(frozen=True)
class Requests:
    """The drawn requests, ascending. They begin with some of "yesterday", before time 0."""

    all_arrivals: Floats
    all_durations: Floats
    warm: int
    """How many are of yesterday: they fill the pool, and are not counted."""
    random: np.random.Generator
    """To draw more."""
    queued: Floats
    """1 for each of all requests that Lambda retries."""

    @property
    def arrivals(self) -> Floats:
        """Those that count."""
        return self.all_arrivals[self.warm :]

    @property
    def durations(self) -> Floats:
        """Of those that count."""
        return self.all_durations[self.warm :]


@dataclass(frozen=True)
class Minutes:
    """The requests of each minute."""

    counts: Floats
    mean: Floats
    """The mean of requests in progress, warm."""
    peak: Floats
    """The most of them at once."""


def before_s(workload: Workload) -> int:
    """The seconds at the end of the traffic that come before it, as if it repeated.

    Environments that the empty pool needed in their first seconds have ended when they are over.
    """
    return min(2 * workload.idle_s + 60, workload.traffic.seconds) // 60 * 60


def is_exact(workload: Workload) -> bool:
    """Whether the requests are drawn one by one."""
    return workload.traffic.requests <= workload.exact_up_to


def draw(workload: Workload) -> Requests:
    """The same for the same workload and seed, so that the ways to run it are compared on the same requests."""
    random = np.random.default_rng(workload.seed)
    arrivals = workload.traffic.arrivals(random)
    durations = workload.service.sample(random, len(arrivals))
    first = int(np.searchsorted(arrivals, workload.traffic.seconds - before_s(workload)))
    return Requests(
        np.concatenate([arrivals[first:] - workload.traffic.seconds, arrivals]),
        np.concatenate([durations[first:], durations]),
        len(arrivals) - first,
        random,
        (np.random.default_rng([workload.seed, 1]).random(2 * len(arrivals) - first) < workload.queued).astype(
            np.float64
        ),
    )


def retries(workload: Workload, requests: Requests) -> Retries | None:
    """What comes again of the throttled requests; None for nothing."""
    if not workload.queued and not workload.retries:
        return None
    return Retries(requests.queued, workload.retries, np.random.default_rng([workload.seed, 2]))


def minutes(workload: Workload, requests: Requests | None) -> Minutes:
    """Counted if the requests were drawn, expected otherwise: their number in progress is then Poisson."""
    length = -(-workload.traffic.seconds // 60)
    if requests is None:
        counts = workload.traffic.per_minute()
        mean = counts / 60 * workload.service.mean
        return Minutes(counts, mean, np.ceil(mean + 4 * np.sqrt(mean)))
    minute = (requests.arrivals // 60).astype(np.int64)
    counts = np.bincount(minute, minlength=length).astype(np.float64)
    work = np.bincount(minute, weights=requests.durations, minlength=length)
    return Minutes(counts, work / 60, peaks(requests.arrivals, requests.durations, length))


def peaks(arrivals: Floats, latency: Floats, length: int) -> Floats:
    """The most requests in progress in each minute."""
    found = np.zeros(length)
    if not len(arrivals):
        return found
    moments, level = events.concurrency(arrivals, latency)
    minute = np.minimum((moments // 60).astype(np.int64), length - 1)
    np.maximum.at(found, minute, level.astype(np.float64))
    # What is in progress when a minute begins, counts in it.
    before = np.searchsorted(moments, np.arange(1, length) * 60.0) - 1
    found[1:] = np.maximum(found[1:], np.where(before >= 0, level[before], 0))
    return found
