"""Runs a benchmark in fresh processes and prints ratios with what they were measured on."""

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
    """`ours` over `other`; `budget` is the most that it may be, `floor` the least where more is better."""

    label: str
    ours: str
    other: str
    budget: float


@dataclass(frozen=True)
class Added:
    """What `ours` takes longer than `other`; `budget_us` is the most that it may be."""

    label: str
    ours: str
    other: str
    budget_us: float


def blocks(
    variants: Mapping[str, Callable[[], object]], *, iterations: int, rounds: int = ROUNDS
) -> dict[str, list[float]]:
    """Seconds a call, a figure for each round: in each round every variant runs one block, after a block to warm up."""
    times: dict[str, list[float]] = {name: [] for name in variants}
    for at in range(-1, rounds):
        for name, call in variants.items():
            start = time.perf_counter()
            for _ in range(iterations):
                call()
            took = (time.perf_counter() - start) / iterations
            if at >= 0:
                times[name].append(took)
    return times


def in_fresh_processes(
    script: str, arguments: Sequence[str] = (), *, processes: int = PROCESSES
) -> list[dict[str, list[float]]]:
    """What `script child` prints, once for each process."""
    return [_child([sys.executable, script, "child", *arguments]) for _ in range(processes)]


def imports(statements: Mapping[str, str], *, before: str = "", processes: int = 21) -> list[dict[str, list[float]]]:
    """Each statement in fresh interpreters in turn, with byte code present; the first of each only writes that.

    What is imported `before` is there already, and not measured.
    """
    times: dict[str, list[float]] = {name: [] for name in statements}
    for at in range(-1, processes):
        for name, statement in statements.items():
            code = (
                f"{before}\nimport time; s = time.perf_counter()\n{statement}\nprint('[', time.perf_counter() - s, ']')"
            )
            took = json.loads(run([sys.executable, "-c", code]))
            if at >= 0:
                times[name] += took
    return [times]


def report(
    title: str,
    runs: Sequence[Mapping[str, Sequence[float]]],
    ratios: Sequence[Ratio],
    added: Sequence[Added] = (),
) -> None:
    """Print the median time of each variant, and each ratio and difference beside its budget."""
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
    """What the figures were measured on."""
    commit = run(["git", "-C", str(ROOT), "describe", "--always", "--dirty"]).strip()
    print(f"{platform_line()}, commit {commit}")


def platform_line() -> str:
    """The machine, and the versions that matter."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("psycopg", "pydantic", "orjson"))
    system = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    return f"{system}, Python {platform.python_version()}, {versions}"


def _child(command: Sequence[str]) -> dict[str, list[float]]:
    times: dict[str, list[float]] = json.loads(run(command))
    return times


def run(command: Sequence[str]) -> str:
    """What a program prints; it may write byte code."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, env=environment).stdout
