"""Recommends one of the results, with its reason, and what would change it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from org_common.tools.plan import options
from org_common.tools.plan.prices import Line, Prices, cents
from org_common.tools.plan.result import Result, connections, fits
from org_common.tools.plan.workload import Workload

# Without goals of your own: times may be this much above the best that any option has.
MOST_ABOVE_BEST = 1.5
MOST_THROTTLED = 0.001
CHANGES = (("traffic x 0.5", 0.5, 1.0), ("traffic x 2", 2.0, 1.0), ("cold start x 2", 1.0, 2.0))


@dataclass(frozen=True)
class Goals:
    """What an option must reach, in seconds; None for no goal."""

    p95: float | None = None
    p99: float | None = None


@dataclass(frozen=True)
class Priced:
    """A result with its bill."""

    result: Result
    lines: Sequence[Line]

    @property
    def total(self) -> float:
        """A month, in the currency of the prices."""
        return cents(list(self.lines))


@dataclass(frozen=True)
class Choice:
    """The recommendation."""

    option: str | None
    """None if no option reaches the goals."""
    reason: str
    rejected: Sequence[tuple[str, str]]
    """The cheaper options, and the goal that each misses."""


@dataclass(frozen=True)
class Plan:
    """All that a plan says."""

    workload: Workload
    priced: Sequence[Priced]
    choice: Choice
    changes: Sequence[tuple[str, Choice]]
    """The recommendation after each change of the input."""


def plan(workload: Workload, prices: Prices, goals: Goals, *, free: bool = False) -> Plan:
    """Run all options, choose one, and choose again after each change."""
    priced = price(workload, prices, free=free)
    changes = [
        (name, choose(changed, price(changed, prices, free=free), goals))
        for name, changed in ((n, workload.changed(traffic=t, start=s)) for n, t, s in CHANGES)
    ]
    return Plan(workload, priced, choose(workload, priced, goals), changes)


def price(workload: Workload, prices: Prices, *, free: bool = False) -> list[Priced]:
    """The results of all options with their bills."""
    return [Priced(result, prices.lines(result.monthly(workload), free=free)) for result in options.run(workload)]


def choose(workload: Workload, priced: Sequence[Priced], goals: Goals) -> Choice:
    """The cheapest option that reaches the goals."""
    best = min(each.result.times.p99 for each in priced)
    rejected: list[tuple[str, str]] = []
    for each in sorted(priced, key=lambda one: one.total):
        missed = _missed(workload, each.result, goals, best)
        if not missed:
            return Choice(each.result.option, _reason(each, rejected), rejected)
        rejected.append((each.result.option, missed))
    first = "; ".join(f"{name}: {missed}" for name, missed in rejected)
    return Choice(None, f"no option reaches the goals: {first}", rejected)


def _missed(workload: Workload, result: Result, goals: Goals, best: float) -> str | None:
    """The first goal that a result misses; None if it reaches all."""
    p99 = goals.p99 if goals.p99 is not None or goals.p95 is not None else best * MOST_ABOVE_BEST
    if result.throttle_rate > MOST_THROTTLED:
        return f"{result.throttle_rate:.2%} throttled, or waiting for longer than the timeout"
    if not fits(result, workload.database):
        found = connections(result, workload.database)
        return (
            f"{found.direct} connections, with room for {found.room}"
            if workload.database.pool is None
            else (f"{found.direct} connections to the pooler, which accepts {workload.database.max_clients}")
        )
    if goals.p95 is not None and result.times.p95 > goals.p95:
        return f"p95 {_ms(result.times.p95)} is above {_ms(goals.p95)}"
    if p99 is not None and result.times.p99 > p99:
        return f"p99 {_ms(result.times.p99)} is above {_ms(p99)}"
    return None


def _reason(chosen: Priced, rejected: Sequence[tuple[str, str]]) -> str:
    times = chosen.result.times
    text = (
        f"the cheapest that reaches the goals: p95 {_ms(times.p95)}, p99 {_ms(times.p99)}, "
        f"{chosen.result.cold_rate:.2%} cold starts, {chosen.total:.2f} a month"
    )
    cheaper = "; ".join(f"{name}: {missed}" for name, missed in rejected)
    return f"{text}. Cheaper, but: {cheaper}" if cheaper else text


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"
