"""The advice as lines for a terminal, as JSON, and as one HTML page with a chart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from html import escape
from typing import Any

from org_common.tools.plan.page import HEIGHT, LEFT, WIDTH, svg, text
from org_common.tools.plan.prices import Prices
from org_common.tools.plan.table import table
from org_common.tools.project.html_page import html_page, section
from org_common.tools.project.html_page import table as html_table
from org_common.tools.tune.advice import GOALS, Advice, Size
from org_common.tools.tune.samples import Interval

HEAD = ("memory", "warm", "cold", "failed", "mean ms", "p95 ms", "used MB")
COST, TIME = "#c8702f", "#3b6fb6"
BAR = 30


def lines(advice: Advice, prices: Prices) -> Iterator[str]:
    """The lines, without line ends."""
    if not advice.sizes:
        yield "no memory sizes were measured"
        return
    yield from table([(*HEAD, f"{prices.currency} a million"), *[cells(size) for size in advice.sizes]])
    yield ""
    top = max((size.cost.high for size in advice.sizes), default=0.0) or 1.0
    slow = max((size.mean_ms.high for size in advice.sizes), default=0.0) or 1.0
    for size in advice.sizes:
        cost, time = _bar(size.cost.value / top), _bar(size.mean_ms.value / slow)
        yield f"{size.memory_mb:>6} MB  cost {cost}  time {time}".rstrip()
    yield ""
    for size in advice.sizes:
        if size.problem is not None:
            yield f"{size.memory_mb} MB is not compared: {size.problem}"
    for goal in GOALS:
        if goal in advice.chosen:
            yield f"{goal}: {advice.chosen[goal]} MB ({advice.reasons[goal]})"
    if not advice.chosen:
        yield "no recommendation: two or more sizes with enough samples are needed"


def document(advice: Advice) -> dict[str, Any]:
    """The advice for programs. Intervals are of 95 %."""
    return {
        "sizes": [
            {
                "memory_mb": size.memory_mb,
                "warm": len(size.samples.durations_ms),
                "cold": size.samples.cold,
                "failed": size.samples.failed,
                "used_mb": size.samples.used_mb,
                "mean_ms": asdict(size.mean_ms),
                "p95_ms": asdict(size.p95_ms),
                "cost_per_million": asdict(size.cost),
                "problem": size.problem,
            }
            for size in advice.sizes
        ],
        "chosen": advice.chosen,
        "reasons": advice.reasons,
    }


def page(advice: Advice, prices: Prices) -> str:
    """The page; it loads nothing and runs no script."""
    rows = [[escape(cell) for cell in cells(size)] for size in advice.sizes]
    chosen = [
        [goal, f"{advice.chosen[goal]} MB", escape(advice.reasons[goal])] for goal in GOALS if goal in advice.chosen
    ]
    notes = "".join(f"<p>{size.memory_mb} MB: {escape(size.problem)}</p>" for size in advice.sizes if size.problem)
    sections = [
        ("Choice", html_table(("goal", "memory", "compared"), chosen) + notes),
        ("Sizes", html_table((*HEAD, f"{prices.currency} a million"), rows)),
        ("Time and cost", chart(advice)),
    ]
    summary = f"<p>prices of {escape(prices.region)}, read {escape(prices.read)}</p>"
    return html_page("Memory", [summary, *(section(title, content) for title, content in sections)])


def chart(advice: Advice) -> str:
    """Mean time and cost of each size, as shares of their highest, with their intervals."""
    sizes = [size for size in advice.sizes if len(size.samples.durations_ms)]
    if not sizes:
        return ""
    step = (WIDTH - 2 * LEFT) / max(len(sizes) - 1, 1)
    parts = [text(LEFT, 14, "cost", colour=COST), text(LEFT + 50, 14, "time", colour=TIME)]
    parts += [
        text(LEFT + at * step, 2 * HEIGHT + 18, f"{size.memory_mb} MB", "middle") for at, size in enumerate(sizes)
    ]
    for colour, values in ((COST, [size.cost for size in sizes]), (TIME, [size.mean_ms for size in sizes])):
        parts += _curve(values, step, colour)
    return svg(parts, "Time and cost of each memory size", 2 * HEIGHT + 26)


def cells(size: Size) -> tuple[str, ...]:
    """The figures of a size, in the order of `HEAD` and then its cost."""
    return (
        f"{size.memory_mb} MB",
        f"{len(size.samples.durations_ms)}",
        f"{size.samples.cold}",
        f"{size.samples.failed}",
        _shown(size.mean_ms),
        _shown(size.p95_ms),
        f"{size.samples.used_mb}",
        _shown(size.cost, 2),
    )


def _curve(values: list[Interval], step: float, colour: str) -> list[str]:
    top = max(value.high for value in values) or 1.0
    points = [(LEFT + at * step, 2 * HEIGHT * (1 - value.value / top * 0.85)) for at, value in enumerate(values)]
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    parts = [f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>']
    for (x, y), value in zip(points, values, strict=True):
        high, low = (2 * HEIGHT * (1 - each / top * 0.85) for each in (value.high, value.low))
        parts.append(
            f'<path d="M{x:.1f} {high:.1f}V{low:.1f}" stroke="{colour}" stroke-width="4" stroke-opacity="0.35"/>'
        )
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"><title>{value.value:.2f}</title></circle>'
        )
    return parts


def _shown(interval: Interval, digits: int = 1) -> str:
    if not interval.value:
        return "-"
    return f"{interval.value:.{digits}f} ({interval.low:.{digits}f}-{interval.high:.{digits}f})"


def _bar(share: float) -> str:
    return f"{'█' * max(round(share * BAR), 1 if share else 0):<{BAR}}"
