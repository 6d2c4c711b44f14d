"""Traffic: how many requests arrive in each part of the time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from org_common.tools.plan.distribution import Floats
from org_common.tools.project.project import ToolError

DAY_S = 86_400
MAX_DAYS = 92


@dataclass(frozen=True)
class Traffic:
    """Requests over time."""

    counts: Floats
    """The requests in each bin: their number, or its mean if `poisson`."""
    bin_s: int
    """Seconds of a bin."""
    poisson: bool = True
    """The number of requests in a bin varies by chance, as it does for independent callers."""
    start_s: int = 0
    """The second of the day, in UTC, at which the first bin begins."""
    notes: Sequence[str] = ()
    """What was noticed while a trace was read."""

    @property
    def seconds(self) -> int:
        """How long it lasts."""
        return len(self.counts) * self.bin_s

    @property
    def requests(self) -> float:
        """The requests in all, or their mean."""
        return float(self.counts.sum())

    def scaled(self, factor: float) -> Traffic:
        """This many times the requests, which then vary by chance."""
        return replace(self, counts=self.counts * factor, poisson=True)

    def per_second(self) -> Floats:
        """The requests of each second, spread evenly over a bin."""
        return np.repeat(self.counts / self.bin_s, self.bin_s)

    def per_minute(self) -> Floats:
        """The requests of each minute; the last may be shorter."""
        seconds = self.per_second()
        return np.add.reduceat(seconds, np.arange(0, len(seconds), 60))

    def arrivals(self, random: np.random.Generator) -> Floats:
        """The time of each request in seconds, ascending: evenly spread within its bin."""
        number = random.poisson(self.counts) if self.poisson else np.rint(self.counts).astype(np.int64)
        times = np.repeat(np.arange(len(number), dtype=np.float64), number)
        times += random.random(len(times))
        times.sort()
        times *= self.bin_s
        return times


def steady(rate: float, *, burst: float = 1.0, hours: float = 24.0) -> Traffic:
    """A day of requests at `rate` a second for some `hours` in its middle, with ten minutes of `burst` times as many.

    Outside the hours, nothing arrives. The burst begins in the middle of the hours.
    """
    if not (0 < rate < 1e6 and burst >= 1 and 0 < hours <= 24):
        raise ToolError("the rate must be above 0 and below a million, the burst at least 1, the hours 0 to 24")
    minutes = np.arange(DAY_S // 60)
    middle = len(minutes) / 2
    active = np.abs(minutes + 0.5 - middle) <= hours * 30
    counts = np.where(active, rate * 60, 0.0)
    counts[int(middle) : int(middle) + 10] *= burst
    return Traffic(counts, 60)
