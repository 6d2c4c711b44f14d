"""The requests of a workload: drawn one by one if there are few, or described for each minute."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from org_common.tools.plan import events
from org_common.tools.plan.distribution import Floats
from org_common.tools.plan.workload import Workload


@dataclass(frozen=True)
class Requests:
    """The drawn requests."""

    arrivals: Floats
    durations: Floats
    random: np.random.Generator
    """To draw more."""


@dataclass(frozen=True)
class Minutes:
    """The requests of each minute."""

    counts: Floats
    mean: Floats
    """The mean of requests in progress, warm."""
    peak: Floats
    """The most of them at once."""


def is_exact(workload: Workload) -> bool:
    """Whether the requests are drawn one by one."""
    return workload.traffic.requests <= workload.exact_up_to


def draw(workload: Workload) -> Requests:
    """The same for the same workload and seed, so that the ways to run it are compared on the same requests."""
    random = np.random.default_rng(workload.seed)
    arrivals = workload.traffic.arrivals(random)
    return Requests(arrivals, workload.service.sample(random, len(arrivals)), random)


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
