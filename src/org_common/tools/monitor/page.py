"""The snapshot as one HTML page with plots. It is self-contained: the page loads nothing and runs no script."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from org_common.telemetry.monitoring.function_monitor import FunctionHistory
from org_common.tools.monitor.snapshot import Activity, Slot, Snapshot
from org_common.tools.monitor.terminal import MAX_COLD_RATE
from org_common.tools.project.html_page import html_page, section, table

WIDTH, HEIGHT, LEFT = 1120, 120, 60
SLOTS = 96
WARM, COLD, LINE, FAINT, INK = "#3b6fb6", "#c8702f", "#2b8a6e", "#5b6875", "#1c2733"
TRACK, BAD = "#eaeef2", "#c0392b"
HEAD = ("function", "calls", "errors", "p50 ms", "p95 ms", "p99 ms", "cold starts", "rate", "init ms", "memory MB")


def page(snapshot: Snapshot) -> str:
    """The page."""
    parts = [*_functions(snapshot), *([] if snapshot.activity is None else _activity(snapshot.activity))]
    time = f"{snapshot.since:%Y-%m-%d %H:%M} to {snapshot.until:%Y-%m-%d %H:%M} UTC"
    return html_page("Functions and database", [f"<p>{time}</p>", *parts])


def _functions(snapshot: Snapshot) -> Iterator[str]:
    if not snapshot.histories:
        return
    rows = [_row(history) for history in snapshot.histories]
    yield section("Functions", table(HEAD, rows))
    for history in snapshot.histories:
        slots = snapshot.slots(history, SLOTS)
        if any(slot.invocations for slot in slots):
            note = "" if history.is_complete else "<p>Not all log lines were read: the plot shows the first ones.</p>"
            yield section(history.function, note + _calls(slots) + _durations(slots))


def _row(history: FunctionHistory) -> list[str]:
    stats = history.stats()
    rate = f"{stats.cold_start_rate:.1%}"
    if stats.cold_start_rate > MAX_COLD_RATE:
        rate = f'<span class="bad">{rate}</span>'
    figures = [stats.p50_ms, stats.p95_ms, stats.p99_ms]
    return [
        escape(stats.function),
        f"{stats.invocations}",
        f"{stats.errors}",
        *["-" if value is None else f"{value:.1f}" for value in figures],
        f"{stats.cold_starts}",
        rate,
        "-" if stats.init_p50_ms is None else f"{stats.init_p50_ms:.0f}",
        "-" if stats.used_mb is None else f"{stats.used_mb}/{stats.memory_mb}",
    ]


def _calls(slots: Sequence[Slot]) -> str:
    """Bars of invocations; the lower part of each are cold starts."""
    top = max(slot.invocations for slot in slots)
    step, parts = (WIDTH - LEFT) / len(slots), _axis(f"{top}", "calls")
    for at, slot in enumerate(slots):
        x, height = LEFT + at * step, slot.invocations / top * HEIGHT
        cold = slot.cold_starts / top * HEIGHT
        parts += [
            f"<g><title>{slot.invocations} calls, {slot.cold_starts} cold starts</title>",
            _rect(x, HEIGHT - height, step * 0.8, height - cold, WARM),
            _rect(x, HEIGHT - cold, step * 0.8, cold, COLD),
            "</g>",
        ]
    return _svg(parts, "Calls over time, cold starts in orange")


def _durations(slots: Sequence[Slot]) -> str:
    """Points of the 95th percentile, joined where slots follow each other."""
    top = max(slot.p95_ms or 0.0 for slot in slots) or 1.0
    step, parts, path, joined = (WIDTH - LEFT) / len(slots), _axis(f"{top:.0f}", "p95 ms"), "", False
    for at, slot in enumerate(slots):
        if slot.p95_ms is None:
            joined = False
            continue
        x, y = LEFT + at * step + step * 0.4, HEIGHT - slot.p95_ms / top * HEIGHT
        path += f"{'L' if joined else 'M'}{x:.1f} {y:.1f}"
        joined = True
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{LINE}"><title>{slot.p95_ms:.1f} ms</title></circle>'
        )
    parts.append(f'<path d="{path}" fill="none" stroke="{LINE}" stroke-width="1.5"/>')
    return _svg(parts, "95th percentile of the duration over time")


def _activity(activity: Activity) -> Iterator[str]:
    share = activity.connections / max(activity.limit, 1)
    bar = [
        _rect(LEFT, 0, WIDTH - LEFT, 20, TRACK),
        _rect(LEFT, 0, min(share, 1) * (WIDTH - LEFT), 20, BAD if share > 0.8 else LINE),
    ]
    applications = table(
        ("application", "connections", "active", "idle in transaction"),
        [[escape(name), *map(str, counts)] for name, *counts in activity.applications],
    )
    text = f"<p>{activity.connections} of {activity.limit} connections</p>"
    yield section("Database", text + _svg(bar, "Connections against the limit", height=20) + applications)
    if activity.statements:
        rows = [[escape(name), f"{ms}", escape(wait), escape(sql)] for name, ms, wait, sql in activity.statements]
        yield section("Running statements", table(("application", "running ms", "waits for", "statement"), rows))


def _axis(top: str, unit: str) -> list[str]:
    text = '<text x="{}" y="{}" font-size="12" fill="{}" text-anchor="end">{}</text>'
    return [
        text.format(LEFT - 8, 12, INK, top),
        text.format(LEFT - 8, 28, FAINT, unit),
        text.format(LEFT - 8, HEIGHT, INK, 0),
        _rect(LEFT, HEIGHT, WIDTH - LEFT, 1, FAINT),
    ]


def _rect(x: float, y: float, width: float, height: float, colour: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}"/>'


def _svg(parts: Sequence[str], title: str, height: float = HEIGHT + 10) -> str:
    head = f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{title}">'
    return head + "".join(parts) + "</svg>"
