"""The snapshot as lines for a terminal, with a sparkline for each function."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from org_common.telemetry.line import visible
from org_common.telemetry.monitoring.function_monitor import FunctionHistory
from org_common.tools.monitor.snapshot import Activity, Snapshot

BARS = "▁▂▃▄▅▆▇█"
SLOTS = 24
# Above it, the rate is marked.
MAX_COLD_RATE = 0.1
HEAD = (
    "function",
    "calls",
    "errors",
    "p50 ms",
    "p95 ms",
    "p99 ms",
    "cold",
    "rate",
    "init ms",
    "memory MB",
    "over time",
)


def lines(snapshot: Snapshot) -> Iterator[str]:
    """The lines, without line ends. Names and SQL are made visible: others wrote them."""
    yield f"{_clock(snapshot.since)} to {_clock(snapshot.until)}"
    if snapshot.histories:
        yield ""
        yield from _table([HEAD, *[_function(snapshot, history) for history in snapshot.histories]])
        if not all(history.is_complete for history in snapshot.histories):
            yield "* not all log lines were read: choose a shorter time with --hours"
    if snapshot.activity is not None:
        yield from _activity(snapshot.activity)


def sparkline(values: Sequence[float]) -> str:
    """One character per value, as high as its share of the largest; a space for none."""
    top = max(values, default=0)
    return "".join(BARS[max(0, -(-int(value * 8) // max(int(top), 1)) - 1)] if value else " " for value in values)


def _function(snapshot: Snapshot, history: FunctionHistory) -> tuple[str, ...]:
    stats = history.stats()
    rate = f"{stats.cold_start_rate:.1%}" + (" !" if stats.cold_start_rate > MAX_COLD_RATE else "")
    return (
        visible(stats.function) + ("" if stats.is_complete else " *"),
        f"{stats.invocations}",
        f"{stats.errors}",
        *[_number(value) for value in (stats.p50_ms, stats.p95_ms, stats.p99_ms)],
        f"{stats.cold_starts}",
        rate,
        _number(stats.init_p50_ms),
        "-" if stats.used_mb is None else f"{stats.used_mb}/{stats.memory_mb}",
        sparkline([slot.invocations for slot in snapshot.slots(history, SLOTS)]),
    )


def _activity(activity: Activity) -> Iterator[str]:
    yield ""
    yield f"{activity.connections} of {activity.limit} connections"
    head = ("application", "connections", "active", "idle in transaction")
    yield from _table([head, *[(visible(name), *map(str, counts)) for name, *counts in activity.applications]])
    if activity.statements:
        yield ""
        head = ("application", "running ms", "waits for", "statement")
        rows = [(visible(name), str(ms), wait or "-", _one_line(sql)) for name, ms, wait, sql in activity.statements]
        yield from _table([head, *rows])


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The first and last columns to the left, the others to the right."""
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    for first, *middle, last in rows:
        cells = [f"{cell:>{width}}" for cell, width in zip(middle, widths[1:-1], strict=True)]
        yield "  ".join([f"{first:<{widths[0]}}", *cells, last]).rstrip()


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _one_line(sql: str) -> str:
    return visible(" ".join(sql.split()))


def _clock(at: object) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
