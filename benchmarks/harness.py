"""Runs benchmarks in fresh processes, and prints ratios, budgets and the machine."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parent.parent
PROCESSES = 5
ROUNDS = 15


@dataclass(frozen=True)
class Ratio:
    """The ratio `ours` / `other`; `budget` is its maximum."""

    label: str
    ours: str
    other: str
    budget: float


@dataclass(frozen=True)
class Added:
    """The difference `ours` - `other`; `budget_us` is its maximum in microseconds."""

    label: str
    ours: str
    other: str
    budget_us: float


def blocks(
    variants: Mapping[str, Callable[[], object]], *, iterations: int, rounds: int = ROUNDS
) -> dict[str, list[float]]:
    """Seconds per call, for each variant and round.

    Each round runs one block of every variant, after a warm-up round.
    """
    times: dict[str, list[float]] = {name: [] for name in variants}
    for index in range(-1, rounds):
        for name, call in variants.items():
            start = time.perf_counter()
            for _ in range(iterations):
                call()
            took = (time.perf_counter() - start) / iterations
            if index >= 0:
                times[name].append(took)
    return times


def in_fresh_processes(
    script: str, arguments: Sequence[str] = (), *, processes: int = PROCESSES
) -> list[dict[str, list[float]]]:
    """The output of `script child`, for each of the processes."""
    return [_child([sys.executable, script, "child", *arguments]) for _ in range(processes)]


def imports(statements: Mapping[str, str], *, before: str = "", processes: int = 21) -> list[dict[str, list[float]]]:
    """Seconds per statement, in interleaved fresh interpreters. One more run of each comes first, to write bytecode.

    The statements in `before` run first and are not measured.
    """
    times: dict[str, list[float]] = {name: [] for name in statements}
    for index in range(-1, processes):
        for name, statement in statements.items():
            code = (
                f"{before}\nimport time; s = time.perf_counter()\n{statement}\nprint('[', time.perf_counter() - s, ']')"
            )
            took = json.loads(run([sys.executable, "-c", code]))
            if index >= 0:
                times[name] += took
    return [times]


def report(
    title: str,
    runs: Sequence[Mapping[str, Sequence[float]]],
    ratios: Sequence[Ratio],
    added: Sequence[Added] = (),
) -> None:
    """Print the median time of each variant, and each ratio and difference with its budget."""
    print(f"\n{title}")
    for name in runs[0]:
        took = statistics.median([value for run in runs for value in run[name]])
        print(f"  {name:<58} {took * 1e6:10.1f} us")
    for ratio in ratios:
        medians = [
            statistics.median([a / b for a, b in zip(run[ratio.ours], run[ratio.other], strict=True)]) for run in runs
        ]
        middle = statistics.median(medians)
        verdict = "within" if middle <= ratio.budget else "OVER"
        print(
            f"  {ratio.label:<58} {middle:6.2f}   ({min(medians):.2f} - {max(medians):.2f})   "
            f"budget {ratio.budget:g}: {verdict}"
        )
    for each in added:
        medians = [
            statistics.median([a - b for a, b in zip(run[each.ours], run[each.other], strict=True)]) * 1e6
            for run in runs
        ]
        middle = statistics.median(medians)
        verdict = "within" if middle <= each.budget_us else "OVER"
        print(
            f"  {each.label:<58} {middle:6.1f} us ({min(medians):.1f} - {max(medians):.1f})   "
            f"budget {each.budget_us:g} us: {verdict}"
        )


def machine() -> None:
    """Print the machine, the versions and the commit."""
    commit = run(["git", "-C", str(ROOT), "describe", "--always", "--dirty"]).strip()
    print(f"{platform_line()}, commit {commit}")


def platform_line() -> str:
    """The machine and the relevant versions."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("psycopg", "pydantic", "orjson"))
    system = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    return f"{system}, Python {platform.python_version()}, {versions}"


def _child(command: Sequence[str]) -> dict[str, list[float]]:
    times: dict[str, list[float]] = json.loads(run(command))
    return times


def run(command: Sequence[str]) -> str:
    """The output of a program, which may write bytecode."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, env=environment).stdout
