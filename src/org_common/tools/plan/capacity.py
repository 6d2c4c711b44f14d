"""Capacity over time: what autoscaling gives, with its delays, for the requests in progress of each minute."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from org_common.tools.plan.distribution import Floats

Ints = NDArray[np.int64]


def settled(scale: Callable[[Floats], Ints], busy: Floats) -> Ints:
    """The capacity of each minute if the same traffic came before: its first minute follows its last."""
    return scale(np.concatenate([busy, busy]))[len(busy) :]


@dataclass(frozen=True)
class Tracking:
    """Target tracking of Application Auto Scaling."""

    minimum: int
    maximum: int
    target: float = 0.7
    """The utilization that it keeps."""
    out_minutes: int = 3
    """Data points above the target before it adds capacity: the alarm that it creates has three of a minute."""
    in_minutes: int = 15
    """Data points below nine tenths of the target before it removes capacity: fifteen of a minute."""
    ready_minutes: int = 2
    """Until added capacity serves: the metric comes a minute late, and provisioning takes "a minute or two"."""
    queues: bool = False
    """What finds no room waits for the next minute, and then counts in its use. Else it goes elsewhere."""


def track(busy: Floats, tracking: Tracking) -> Ints:
    """The capacity of each minute. `busy` are the most units in use in a minute, had there been enough."""
    capacity, ordered = tracking.minimum, tracking.minimum
    pending: list[tuple[int, int]] = []
    above = below = 0
    waiting = 0.0
    found = np.empty(len(busy), np.int64)
    for minute, arriving in enumerate(busy.tolist()):
        while pending and pending[0][0] <= minute:
            capacity = pending.pop(0)[1]
        found[minute] = capacity
        use = arriving + waiting
        waiting = max(use - capacity, 0.0) if tracking.queues else 0.0
        # Units in use above the capacity are not seen: the metric counts to 100 %.
        share = min(use / capacity, 1.0) if capacity else 1.0 if use else 0.0
        above = above + 1 if share > tracking.target else 0
        below = below + 1 if share < tracking.target * 0.9 else 0
        wanted = min(max(ceil(share * capacity / tracking.target), tracking.minimum), tracking.maximum)
        if above >= tracking.out_minutes and wanted > ordered:
            ordered, above = wanted, 0
            pending.append((minute + 1 + tracking.ready_minutes, ordered))
        elif below >= tracking.in_minutes and wanted < ordered and not pending:
            ordered = wanted
            pending.append((minute + 1, ordered))
    return found


def schedule(busy: Floats, *, minimum: int, maximum: int, target: float = 0.7, start_minute: int = 0) -> Ints:
    """The capacity of each minute with a change each hour of the day, for the busiest minute that the hour ever had.

    A change that adds takes effect two minutes after the hour, because provisioning takes "a minute or two".
    """
    minutes = np.arange(len(busy)) + start_minute
    hours = minutes // 60 % 24
    by_hour = np.full(24, minimum, np.int64)
    for hour in range(24):
        here = busy[hours == hour]
        if here.size:
            by_hour[hour] = min(max(ceil(float(here.max()) / target), minimum), maximum)
    wanted: Ints = by_hour[hours]
    late = np.concatenate([wanted[:1], wanted[:1], wanted])[: len(wanted)]
    ready: Ints = np.minimum(wanted, late)
    return ready


def managed(busy: Floats, *, slots: int, minimum: int = 3, target: float = 0.5) -> Ints:
    """The instances of each minute of Lambda Managed Instances: they grow to twice as many in five minutes.

    `slots` are the requests that an instance serves at a time.
    """
    instances = minimum
    found = np.empty(len(busy), np.int64)
    history: list[int] = []
    for minute, use in enumerate(busy.tolist()):
        found[minute] = instances
        history.append(instances)
        wanted = max(ceil(use / slots / target), minimum)
        before = history[max(0, minute - 4)]
        # It removes slowly: a tenth each minute.
        instances = min(wanted, before * 2) if wanted > instances else max(wanted, instances - max(1, instances // 10))
    return found
