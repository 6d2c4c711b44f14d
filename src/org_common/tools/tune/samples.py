"""The measured invocations of each memory size, and whether they are enough to compare."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from org_common.telemetry.monitoring.lambda_report import LambdaReport

Floats = NDArray[np.float64]
# Fewer say too little of a 95th percentile, and of the mean of a skewed distribution.
FEWEST = 30
# The widest confidence interval of a mean, to each side.
WIDEST = 0.10
RESAMPLES = 2000
# Times that jump by this factor are of two populations, if each has a tenth of the samples.
JUMP, SHARE = 3.0, 0.1
# A drift between the halves: both as a ratio of means, and in standard errors.
DRIFT, DRIFT_Z = 1.2, 4.0


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95 % confidence interval."""

    value: float
    low: float
    high: float

    def overlaps(self, other: Interval) -> bool:
        """Whether the difference may be chance."""
        return self.low <= other.high and other.low <= self.high

    def scaled(self, factor: float, plus: float = 0.0) -> Interval:
        """All three, multiplied and then increased."""
        return Interval(self.value * factor + plus, self.low * factor + plus, self.high * factor + plus)


@dataclass(frozen=True)
class Samples:
    """The invocations at one memory size. Cold starts and failures are counted, and not part of the times."""

    memory_mb: int
    durations_ms: Floats
    billed_ms: Floats
    cold: int
    failed: int
    used_mb: int
    """The most that an environment used."""

    @property
    def problem(self) -> str | None:
        """Why these samples cannot be compared; None if they can."""
        count = len(self.durations_ms)
        if count < FEWEST:
            return f"{count} warm invocations are too few: {FEWEST} or more are needed"
        return self._mixed() or self._wide()

    def mean_ms(self) -> Interval:
        """The mean of billed times."""
        return self._interval(self.billed_ms, lambda values: values.mean(axis=-1))

    def p95_ms(self) -> Interval:
        """The 95th percentile of the times."""
        return self._interval(self.durations_ms, lambda values: np.percentile(values, 95, axis=-1))

    def _interval(self, values: Floats, statistic: Callable[[Floats], Any]) -> Interval:
        """By the bootstrap, with a fixed seed."""
        random = np.random.default_rng(self.memory_mb)
        # More add nothing to the interval but time.
        used = values if len(values) <= 5000 else random.choice(values, 5000, replace=False)
        again = np.concatenate(
            [statistic(used[random.integers(0, len(used), (100, len(used)))]) for _ in range(RESAMPLES // 100)]
        )
        center, shrink = float(statistic(values)), (len(used) / len(values)) ** 0.5
        low, high = np.percentile(again, [2.5, 97.5]) - float(statistic(used))
        return Interval(center, center + float(low) * shrink, center + float(high) * shrink)

    def _mixed(self) -> str | None:
        ordered = np.sort(np.maximum(self.durations_ms, 0.01))
        edge = max(int(len(ordered) * SHARE), 1)
        inner = ordered[edge - 1 : len(ordered) - edge + 1]
        ratios = inner[1:] / inner[:-1]
        if ratios.size and ratios.max() >= JUMP:
            at = int(ratios.argmax())
            return (
                f"the times are of two kinds, up to {inner[at]:.0f} ms and from {inner[at + 1]:.0f} ms: "
                "select the lines of one event or route"
            )
        first, second = np.array_split(self.durations_ms, 2)
        error = float(np.sqrt(first.var() / len(first) + second.var() / len(second)))
        means = sorted((float(first.mean()), float(second.mean())))
        if means[1] > means[0] * DRIFT and means[1] - means[0] > DRIFT_Z * error:
            return (
                f"the times changed, from {first.mean():.0f} to {second.mean():.0f} ms in the mean of each half: "
                "select lines of one release and load"
            )
        return None

    def _wide(self) -> str | None:
        mean = self.mean_ms()
        wide = max(mean.high - mean.value, mean.value - mean.low) / max(mean.value, 1e-9)
        if wide <= WIDEST:
            return None
        needed = int(len(self.durations_ms) * (wide / WIDEST) ** 2) + 1
        return f"the mean is known to {wide:.0%} only: about {needed} invocations are needed for {WIDEST:.0%}"


def by_memory(reports: Iterable[LambdaReport]) -> list[Samples]:
    """The samples of each size, the smallest first. A request that is there twice counts once."""
    unique = {report.request_id: report for report in reports}
    sizes = sorted({report.memory_mb for report in unique.values() if report.memory_mb > 0})
    return [_of_size(size, [report for report in unique.values() if report.memory_mb == size]) for size in sizes]


def _of_size(memory_mb: int, reports: Sequence[LambdaReport]) -> Samples:
    good = [report for report in reports if report.status == "success"]
    warm = [report for report in good if not report.cold]
    return Samples(
        memory_mb,
        np.array([report.duration_ms for report in warm]),
        np.array([report.billed_ms for report in warm]),
        sum(report.cold for report in good),
        len(reports) - len(good),
        max((report.used_mb for report in reports), default=0),
    )
