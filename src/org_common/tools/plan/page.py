"""A plan as one HTML page with plots. It is self-contained: the page loads nothing and runs no script."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

import numpy as np

from org_common.tools.plan.choice import Plan, Priced
from org_common.tools.plan.distribution import Floats
from org_common.tools.plan.prices import Prices
from org_common.tools.plan.result import connections
from org_common.tools.plan.table import HEAD, cells
from org_common.tools.project.html_page import html_page, section, table

WIDTH, HEIGHT, LEFT = 1120, 120, 70
SLOTS = 480
KEY_STYLE = "  svg.key { display: inline-block; width: 10px; margin: 0 2px 0 10px; }\n"
BAR_LEFT, BAR_HEIGHT = 190, 20
USED, GIVEN, GOOD, BAD, TRACK, INK, FAINT = "#3b6fb6", "#c8702f", "#2b8a6e", "#c0392b", "#eaeef2", "#1c2733", "#5b6875"
LINES = ("#3b6fb6", "#c8702f", "#2b8a6e", "#7b5aa6", "#a08a2c", "#b0305f", "#596673", "#a86ab0", "#2d5a97", "#a9581f")


def page(plan: Plan, prices: Prices) -> str:
    """The page."""
    traffic = plan.workload.traffic
    summary = f"{traffic.requests:,.0f} requests in {traffic.seconds / 3600:.1f} h, {plan.workload.memory_mb} MB"
    return html_page("Plan", [f"<p>{summary}</p>", *_sections(plan, prices)], KEY_STYLE)


def _sections(plan: Plan, prices: Prices) -> Iterator[str]:
    chosen = plan.choice.option or "no option"
    changes = [[escape(name), escape(choice.option or "none")] for name, choice in plan.changes]
    text = f"<p><b>{escape(chosen)}</b>: {escape(plan.choice.reason)}</p>"
    yield section("Recommendation", text + table(("if", "then"), changes))
    rows = [[escape(cell) for cell in cells(plan, each)] for each in plan.priced]
    yield section("Options", table((*HEAD, f"{prices.currency} a month"), rows))
    yield section(f"Cost, {prices.currency} a month", _costs(plan.priced))
    yield section(
        "95th percentile", _bars([(each.result.option, each.result.times.p95 * 1000) for each in plan.priced], "ms")
    )
    yield section(
        "Cold starts", _bars([(each.result.option, each.result.cold_rate * 100) for each in plan.priced], "%")
    )
    yield section("Database connections at the peak", _connections(plan))
    for each in plan.priced:
        legend = f"<p>{_key(USED)}requests in progress {_key(GIVEN)}environments or places, the most in each part</p>"
        yield section(each.result.option, legend + _over_time(each.result.busy, each.result.capacity))
    sources = sorted({line.source for each in plan.priced for line in each.lines})
    listed = "".join(f"<li>{escape(source)}</li>" for source in sources)
    yield section("Prices", f"<p>{escape(prices.region)}, read {escape(prices.read)}</p><ul>{listed}</ul>")


def svg(parts: Sequence[str], title: str, height: float = HEIGHT + 10) -> str:
    """A drawing as wide as the page."""
    head = f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(title)}">'
    return head + "".join(parts) + "</svg>"


def text(x: float, y: float, content: str, anchor: str = "start", colour: str = INK) -> str:
    """A label."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="12" fill="{colour}" text-anchor="{anchor}">{escape(content)}</text>'
    )


def _costs(priced: Sequence[Priced]) -> str:
    """A bar for each option, with a part for each line of its bill."""
    names = list(dict.fromkeys(line.name for each in priced for line in each.lines))
    colours = {name: LINES[at % len(LINES)] for at, name in enumerate(names)}
    top = max((each.total for each in priced), default=0) or 1
    parts: list[str] = []
    for at, each in enumerate(priced):
        y, x = 4 + at * (BAR_HEIGHT + 8), float(BAR_LEFT)
        parts.append(text(BAR_LEFT - 10, y + 15, each.result.option, "end"))
        for line in each.lines:
            width = line.amount / top * (WIDTH - BAR_LEFT - 120)
            tooltip = f"<title>{escape(line.name)}: {line.amount:,.2f}</title>"
            parts.append(f"<g>{tooltip}{_rect(x, y, width, BAR_HEIGHT, colours[line.name])}</g>")
            x += width
        parts.append(text(x + 8, y + 15, f"{each.total:,.2f}"))
    legend = "".join(f"{_key(colours[name])}{escape(name)} " for name in names)
    return f"<p>{legend}</p>" + svg(parts, "Cost of each option by line", len(priced) * (BAR_HEIGHT + 8) + 8)


def _bars(values: Sequence[tuple[str, float]], unit: str) -> str:
    top = max((value for _, value in values), default=0) or 1
    parts: list[str] = []
    for at, (name, value) in enumerate(values):
        y, width = 4 + at * (BAR_HEIGHT + 8), value / top * (WIDTH - BAR_LEFT - 120)
        parts += [
            text(BAR_LEFT - 10, y + 15, name, "end"),
            _rect(BAR_LEFT, y, width, BAR_HEIGHT, USED),
            text(BAR_LEFT + width + 8, y + 15, f"{value:.3g} {unit}"),
        ]
    return svg(parts, f"Bars of {len(values)} options in {unit}", len(values) * (BAR_HEIGHT + 8) + 8)


def _connections(plan: Plan) -> str:
    """Without a pooler, next to the line of what the server has room for."""
    found = [(each.result.option, connections(each.result, plan.workload.database)) for each in plan.priced]
    room = plan.workload.database.room
    span = WIDTH - BAR_LEFT - 120
    top = max(room, *(each.direct for _, each in found), 1)
    parts: list[str] = []
    for at, (name, each) in enumerate(found):
        y, width = 4 + at * (BAR_HEIGHT + 8), each.direct / top * span
        label = f"{each.direct}, pooled {each.pooled}"
        parts += [
            text(BAR_LEFT - 10, y + 15, name, "end"),
            _rect(BAR_LEFT, y, width, BAR_HEIGHT, GOOD if each.fits_direct else BAD),
            text(BAR_LEFT + width + 8, y + 15, label),
        ]
    height = len(found) * (BAR_HEIGHT + 8) + 26
    x = BAR_LEFT + room / top * span
    parts += [_rect(x, 0, 2, height - 20, INK), text(x, height - 6, f"room for {room}", "middle", FAINT)]
    return svg(parts, "Connections of each option against the limit", height)


def _over_time(busy: Floats, capacity: Floats) -> str:
    """Two stepped lines, with the most of each part of the time."""
    used, given = _most(busy), _most(capacity)
    top = max(float(used.max()), float(given.max()), 1.0)
    parts = [
        text(LEFT - 8, 12, f"{top:.0f}", "end"),
        text(LEFT - 8, HEIGHT, "0", "end"),
        _rect(LEFT, HEIGHT, WIDTH - LEFT, 1, FAINT),
        _line(given, top, GIVEN),
        _line(used, top, USED),
    ]
    return svg(parts, "Requests in progress and capacity over time")


def _most(values: Floats) -> Floats:
    width = max(1, -(-len(values) // SLOTS))
    return np.maximum.reduceat(values, np.arange(0, len(values), width))


def _line(values: Floats, top: float, colour: str) -> str:
    step = (WIDTH - LEFT) / len(values)
    path, last = "", None
    for at, value in enumerate(values.tolist()):
        if value != last:
            x, y = LEFT + at * step, HEIGHT - value / top * (HEIGHT - 4)
            path += f"H{x:.1f}V{y:.1f}" if path else f"M{x:.1f} {y:.1f}"
        last = value
    return f'<path d="{path}H{WIDTH}" fill="none" stroke="{colour}" stroke-width="1.5"/>'


def _key(colour: str) -> str:
    return f'<svg class="key" viewBox="0 0 10 10"><rect width="10" height="10" fill="{colour}"/></svg> '


def _rect(x: float, y: float, width: float, height: float, colour: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}"/>'
