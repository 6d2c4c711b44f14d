"""The functions of this repository on each option of `org-common plan`, for steady, spiky and night-quiet traffic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from org_common.tools.layer.targets import Target
from org_common.tools.manifest import document
from org_common.tools.plan import options
from org_common.tools.plan.distribution import Distribution, Floats
from org_common.tools.plan.prices import Prices, cents
from org_common.tools.plan.ticks import weighted_percentiles
from org_common.tools.plan.traffic import Traffic, steady
from org_common.tools.plan.workload import Workload
from org_common.tools.project.project import Project, make_importable

ROOT = Path(__file__).parents[1]
CHART = ROOT / "docs" / "operations" / "planning.svg"
# Requests a second of all routes together. Each also asks the authorizer, whose answers are not cached.
RATE = 5.0
# Shares of the requests, and p50 and p95 of a warm one in seconds; what is not named is one of the others.
SHARES = {"access-auth": 1.0, "access-orgs": 0.15, "access-users": 0.15, "chat-chats": 0.10, "chat-messages": 0.10}
TIMES = {
    "access-auth": (0.004, 0.01),
    "chat-messages": (2.0, 8.0),
    "chat-streaming": (3.0, 12.0),
    "kb-ingest": (4.0, 20.0),
}
# The part of the time that needs a processor: answers of a model are mostly waited for.
CPU = {"chat-messages": 0.02, "chat-streaming": 0.02}
OTHERS_S, START_S, RESTORE_S = (0.03, 0.12), (0.6, 1.0), (0.3, 0.5)
SHARED = ("managed-instances", "fargate")
WIDTH, LEFT, ROW = 1000, 190, 22
COLOURS = ("#3b6fb6", "#c8702f", "#2b8a6e")


@dataclass(frozen=True)
class Figures:
    """One option under one kind of traffic."""

    traffic: str
    option: str
    p95_ms: float
    """Of all requests."""
    cold_rate: float
    throttle_rate: float
    connections: int
    """Without a pooler, of functions that use the database."""
    total: float


def kinds(share: float) -> dict[str, Traffic]:
    """A day of each kind, with nearly the same number of requests."""
    rate = RATE * share
    minutes = np.arange(24 * 60)
    spikes = np.where(minutes % 120 < 5, 12.0, 0.54)
    night = np.where((minutes >= 7 * 60) & (minutes < 21 * 60), 1.68, 0.05)
    return {
        "steady": steady(rate),
        "spiky": Traffic(rate * 60 * spikes, 60),
        "night-quiet": Traffic(rate * 60 * night, 60),
    }


def main() -> None:
    """Print the table, and draw it."""
    project = Project.find(ROOT)
    make_importable(project)
    functions = document.manifest(project, Target("3.13", "arm64"))["functions"]
    prices = Prices.load()
    rest = (1 - sum(SHARES.values()) + SHARES["access-auth"]) / (len(functions) - len(SHARES))
    print(f"{len(functions)} functions, {RATE:g} requests a second, prices of {prices.region}, read {prices.read}")
    columns = ("p95 ms", "cold", "throttled", "connections", "USD a month")
    print(f"{'traffic':<12} {'option':<22} " + " ".join(f"{column:>11}" for column in columns))
    found: list[Figures] = []
    for traffic in kinds(1.0):
        each = [_workload(name, function, traffic, rest) for name, function in functions.items()]
        found += [_figures(traffic, option, each, prices) for option in options.NAMES]
        for figures in found[-len(options.NAMES) :]:
            rates = f"{figures.cold_rate:>11.3%} {figures.throttle_rate:>11.2%}"
            totals = f"{figures.connections:>11} {figures.total:>11.2f}"
            print(f"{traffic:<12} {figures.option:<22} {figures.p95_ms:>11.0f} {rates} {totals}")
    CHART.write_text(_chart(found), encoding="utf-8")


def _workload(name: str, function: dict[str, Any], traffic: str, rest: float) -> tuple[Workload, bool]:
    """The workload of a function, and whether it uses the database."""
    times = Distribution.lognormal(*TIMES.get(name, OTHERS_S))
    workload = Workload(
        kinds(SHARES.get(name, rest))[traffic],
        times,
        Distribution.lognormal(*START_S),
        Distribution.lognormal(*RESTORE_S),
        memory_mb=function["memory"],
        timeout_s=function["timeout"],
        cpu_share=CPU.get(name, 0.25),
    )
    return workload, any(setting.endswith("database") for setting in function["settings"])


def _figures(traffic: str, option: str, each: Sequence[tuple[Workload, bool]], prices: Prices) -> Figures:
    """One function after the other; what runs all of them in the same place, with all their traffic."""
    if option in SHARED:
        each = [(_together([workload for workload, _ in each]), True)]
    p95 = cold = throttled = requests = total = 0.0
    connections = 0
    parts: list[tuple[Floats, float]] = []
    for workload, uses_database in each:
        result = options.run_one(workload, option)
        start = workload.restore if option == "snapstart" else workload.start
        with_start = np.random.default_rng(1).permutation(start.table) + workload.service.table
        parts += [(workload.service.table, result.requests - result.cold), (with_start, result.cold)]
        p95, throttled = result.times.p95, throttled + result.throttled
        cold, requests = cold + result.cold, requests + result.requests
        connections += result.environments if uses_database else 0
        total += cents(prices.lines(result.monthly(workload)))
    if len(each) > 1:
        [p95] = weighted_percentiles(parts, [95])
    return Figures(traffic, option, p95 * 1000, cold / requests, throttled / requests, connections, total)


def _together(each: Sequence[Workload]) -> Workload:
    """The sum of the traffic, with the mixture of the times."""
    counts = [workload.traffic.counts for workload in each]
    random = np.random.default_rng(1)
    parts = [random.choice(w.service.table, max(int(w.traffic.requests // 10), 1)) for w in each]
    return Workload(
        Traffic(np.sum(counts, axis=0), 60),
        Distribution.of(np.concatenate(parts)),
        each[0].start,
        each[0].restore,
        cpu_share=sum(workload.cpu_share * workload.load for workload in each)
        / sum(workload.load for workload in each),
        exact_up_to=2_000_000,
    )


def _chart(found: Sequence[Figures]) -> str:
    """A panel for each figure: options in rows, a bar for each kind of traffic."""
    panels = (
        ("95th percentile, ms", [figures.p95_ms for figures in found], ".0f"),
        ("cold starts, % of requests", [figures.cold_rate * 100 for figures in found], ".2f"),
        ("connections without a pooler", [float(figures.connections) for figures in found], ".0f"),
        ("cost, USD a month", [figures.total for figures in found], ".0f"),
    )
    traffics = list(dict.fromkeys(figures.traffic for figures in found))
    parts = [f'<text x="8" y="20" fill="#5b6875">{", ".join(traffics)} traffic, from top to bottom</text>']
    y = 34.0
    for title, values, digits in panels:
        parts.append(f'<text x="8" y="{y + 14}" font-weight="700">{title}</text>')
        y += 22
        top = max(values) or 1.0
        for option in options.NAMES:
            parts.append(f'<text x="{LEFT - 10}" y="{y + 15}" text-anchor="end">{escape(option)}</text>')
            for figures, value in zip(found, values, strict=True):
                if figures.option == option:
                    at = traffics.index(figures.traffic)
                    width = value / top * (WIDTH - LEFT - 80)
                    x, above = LEFT + width + 5, y + at * (ROW - 2) / 3
                    parts.append(
                        f'<rect x="{LEFT}" y="{above:.1f}" width="{width:.1f}" height="6" fill="{COLOURS[at]}"/>'
                    )
                    parts.append(f'<text x="{x:.1f}" y="{above + 6:.1f}" font-size="8">{value:{digits}}</text>')
            y += ROW + 2
        y += 14
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y:.0f}" width="{WIDTH}" height="{y:.0f}">'
    group = '<g font-family="system-ui, Segoe UI, Helvetica, Arial, sans-serif" font-size="13">'
    return "\n".join([head, f'<rect width="{WIDTH}" height="{y:.0f}" fill="#fff"/>', group, *parts, "</g></svg>", ""])


if __name__ == "__main__":
    main()
