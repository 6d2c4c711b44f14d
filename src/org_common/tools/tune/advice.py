"""Time and cost of each memory size, and which is the cheapest, the fastest and the balanced one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from org_common.telemetry.monitoring.lambda_report import LambdaReport
from org_common.tools.plan.prices import Prices
from org_common.tools.tune.samples import Interval, Samples, by_memory

MILLION = 1_000_000
# A size must have this much above what was used.
HEADROOM = 1.2
GOALS = ("balanced", "cheapest", "fastest")


@dataclass(frozen=True)
class Size:
    """A memory size with what it costs."""

    samples: Samples
    mean_ms: Interval
    """Of billed times, warm."""
    p95_ms: Interval
    cost: Interval
    """Of a million warm requests, in the currency of the prices."""
    problem: str | None
    """Why it is not compared; None if it is."""

    @property
    def memory_mb(self) -> int:
        """Megabytes."""
        return self.samples.memory_mb


@dataclass(frozen=True)
class Advice:
    """The sizes, and which to choose."""

    sizes: Sequence[Size]
    chosen: dict[str, int]
    """The size in MB for each goal; empty if fewer than two sizes can be compared."""
    reasons: dict[str, str]
    """What the choice of each goal rests on."""


def advise(reports: Iterable[LambdaReport], prices: Prices, arch: str) -> Advice:
    """Compare the sizes."""
    sizes = [_size(samples, prices, arch) for samples in by_memory(reports)]
    good = [size for size in sizes if size.problem is None]
    if len(good) < 2:
        return Advice(sizes, {}, {})
    cheapest = _best(good, lambda size: size.cost, prefer=lambda size: size.mean_ms.value)
    fastest = _best(good, lambda size: size.mean_ms, prefer=lambda size: size.cost.value)
    # Relative to the best of each, cost and time count the same.
    balanced = min(good, key=lambda size: size.cost.value * size.mean_ms.value)
    chosen = {"balanced": balanced, "cheapest": cheapest, "fastest": fastest}
    return Advice(
        sizes,
        {goal: size.memory_mb for goal, size in chosen.items()},
        {goal: _reason(goal, size, good) for goal, size in chosen.items()},
    )


def patch(function: str, memory_mb: int) -> str:
    """The lines for pyproject.toml."""
    name = function if function.replace("-", "").replace("_", "").isalnum() else f'"{function}"'
    return f"[tool.org-common.functions.{name}]\nmemory = {memory_mb}"


def _size(samples: Samples, prices: Prices, arch: str) -> Size:
    problem = samples.problem
    if problem is None and samples.used_mb * HEADROOM > samples.memory_mb:
        problem = f"{samples.used_mb} MB were used: {HEADROOM:g} times as much is needed"
    if not len(samples.durations_ms):
        nothing = Interval(0.0, 0.0, 0.0)
        return Size(samples, nothing, nothing, nothing, problem)
    mean = samples.mean_ms()
    each = samples.memory_mb / 1024 / 1000 * prices.unit(f"duration_{arch}") * MILLION
    return Size(samples, mean, samples.p95_ms(), mean.scaled(each, prices.unit("requests") * MILLION), problem)


def _best(sizes: Sequence[Size], value: Callable[[Size], Interval], *, prefer: Callable[[Size], float]) -> Size:
    """The size with the lowest value. Where the difference may be chance, the preferred one."""
    lowest = min(sizes, key=lambda size: value(size).value)
    return min((size for size in sizes if value(size).overlaps(value(lowest))), key=prefer)


def _reason(goal: str, size: Size, sizes: Sequence[Size]) -> str:
    def ratio(other: Size) -> str:
        cost, time = size.cost.value / other.cost.value - 1, size.mean_ms.value / other.mean_ms.value - 1
        same = size.mean_ms.overlaps(other.mean_ms)
        return (
            f"than {other.memory_mb} MB {cost:+.0%} cost and {time:+.0%} time{', which may be chance' if same else ''}"
        )

    near = [other for other in sizes if other is not size]
    near.sort(key=lambda other: abs(other.memory_mb - size.memory_mb))
    return "; ".join(ratio(other) for other in near[:2])
