"""A plan as lines for a terminal, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from org_common.tools.plan.choice import Choice, Plan, Priced
from org_common.tools.plan.prices import Prices
from org_common.tools.plan.result import connections

HEAD = ("option", "p50 ms", "p95 ms", "p99 ms", "cold", "throttled", "busy", "peak", "places", "connections", "pooled")


def lines(plan: Plan, prices: Prices) -> Iterator[str]:
    """The lines, without line ends."""
    traffic = plan.workload.traffic
    yield (
        f"{traffic.requests:,.0f} requests in {traffic.seconds / 3600:.1f} h, "
        f"{plan.workload.memory_mb} MB, {plan.workload.arch}"
    )
    for note in traffic.notes:
        yield f"note: {note}"
    yield ""
    yield from table([(*HEAD, f"{prices.currency} a month"), *[cells(plan, each) for each in plan.priced]])
    for priced in plan.priced:
        if priced.result.retried or priced.result.redelivered:
            yield (
                f"{priced.result.option}: throttled attempts that came again: {priced.result.retried:,.0f} of callers, "
                f"{priced.result.redelivered:,.0f} of events"
            )
    yield ""
    yield from _bills(plan)
    yield ""
    yield _recommended("recommended", plan.choice)
    for name, choice in plan.changes:
        same = "the same" if choice.option == plan.choice.option else (choice.option or "no option reaches the goals")
        yield f"  {name}: {same}"
    methods = ", ".join(dict.fromkeys(each.result.method for each in plan.priced))
    yield f"computed: {methods}; prices of {prices.region}, read {prices.read}"


def document(plan: Plan, prices: Prices) -> dict[str, Any]:
    """The plan for programs. Times are in milliseconds, rates are shares, amounts are of a month."""
    return {
        "traffic": {
            "requests": plan.workload.traffic.requests,
            "seconds": plan.workload.traffic.seconds,
            "notes": list(plan.workload.traffic.notes),
        },
        "prices": {"region": prices.region, "currency": prices.currency, "read": prices.read},
        "options": [_option(plan, each) for each in plan.priced],
        "recommended": asdict(plan.choice),
        "changes": {name: asdict(choice) for name, choice in plan.changes},
    }


def table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The first column to the left, the others to the right."""
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    for first, *rest in rows:
        cells = [f"{cell:>{width}}" for cell, width in zip(rest, widths[1:], strict=True)]
        yield "  ".join([f"{first:<{widths[0]}}", *cells]).rstrip()


def cells(plan: Plan, priced: Priced) -> tuple[str, ...]:
    """The figures of an option, in the order of `HEAD` and then its price."""
    result = priced.result
    found = connections(result, plan.workload.database)
    return (
        result.option,
        *(f"{seconds * 1000:.1f}" for seconds in (result.times.p50, result.times.p95, result.times.p99)),
        f"{result.cold_rate:.3%}",
        f"{result.throttle_rate:.3%}",
        f"{result.mean_concurrency:.2f}",
        f"{result.peak_concurrency:.0f}",
        f"{result.environments}",
        f"{found.direct}/{found.room}" + ("" if found.fits_direct else " !"),
        f"{found.pooled}" + (" waits" if found.waits else ""),
        f"{priced.total:,.2f}",
    )


def _bills(plan: Plan) -> Iterator[str]:
    """The lines of the bills, side by side."""
    names = list(dict.fromkeys(line.name for priced in plan.priced for line in priced.lines))
    bills = [{line.name: line.amount for line in priced.lines} for priced in plan.priced]
    head = ["a month", *(priced.result.option for priced in plan.priced)]
    rows = [[name, *(f"{bill[name]:,.2f}" if name in bill else "-" for bill in bills)] for name in names]
    yield from table([head, *rows])


def _option(plan: Plan, priced: Priced) -> dict[str, Any]:
    result = priced.result
    return {
        "option": result.option,
        "method": result.method,
        "requests": result.requests,
        "p50_ms": result.times.p50 * 1000,
        "p95_ms": result.times.p95 * 1000,
        "p99_ms": result.times.p99 * 1000,
        "cold_rate": result.cold_rate,
        "throttle_rate": result.throttle_rate,
        "retried": result.retried,
        "redelivered": result.redelivered,
        "mean_concurrency": result.mean_concurrency,
        "peak_concurrency": result.peak_concurrency,
        "places": result.environments,
        "connections": asdict(connections(result, plan.workload.database)),
        "cost": [asdict(line) for line in priced.lines],
        "total": priced.total,
    }


def _recommended(title: str, choice: Choice) -> str:
    return f"{title}: {choice.reason}" if choice.option is None else f"{title}: {choice.option}, {choice.reason}"
