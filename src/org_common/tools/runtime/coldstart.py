"""Measures cold starts: how long an environment takes to start, for its first request, and for warm requests."""

from __future__ import annotations

import json
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from org_common.tools.project.project import ToolError
from org_common.tools.runtime.environment import Environment, Function
from org_common.tools.runtime.imports import Import, parse, slowest

WARM = 50
# Lambda, eu-central-1 and most regions, first tier: dollars per GB-second, 2026-11. INIT is billed for all zip
# functions since 2025-08-01 (AWS compute blog, "standardizes billing for INIT Phase").
PRICES = {"x86_64": 0.0000166667, "arm64": 0.0000133334}


@dataclass(frozen=True)
class Start:
    """The measurements of one environment."""

    init_s: float
    first_s: float
    warm_s: tuple[float, ...]
    peak_mb: float = 0.0
    """Most memory resident until the first response, in megabytes; 0 if it was not measured."""

    @property
    def to_first_answer_s(self) -> float:
        """From process start to the first response. Init alone is misleading: lazy imports only move time to it."""
        return self.init_s + self.first_s


def start(function: Function, event: Any, *, warm: int = WARM, pause_s: float = 0.0) -> Start:
    """Start one environment, send the event once and then `warm` times, and stop the environment.

    `pause_s` is the mean of random pauses before warm requests: a process that was idle finds cold caches.
    """
    # The same pauses in each environment, so that revisions are compared on the same ones.
    pauses = random.Random(1)  # noqa: S311 - no secret
    with Environment(function) as environment:
        first = environment.invoke(event)
        if first.error is not None:
            raise ToolError(f"{function.handler} failed: {first.error}\n{environment.output()}")
        peak_mb = environment.peak_mb()
        again: list[float] = []
        for _ in range(warm):
            time.sleep(pauses.expovariate(1 / pause_s) if pause_s else 0.0)
            again.append(environment.invoke(event).took_s)
        return Start(environment.init_s, first.took_s, tuple(again), peak_mb)


def run_interleaved(
    functions: Mapping[str, Function],
    event: Any,
    count: int,
    *,
    say: Callable[[str], None] = lambda _: None,
    start: Callable[[Function, Any], Start] = start,
) -> dict[str, list[Start]]:
    """Start each function `count` times, in the order A B A B.

    One more start of each comes first and is not counted: it writes the bytecode and fills the disk cache.
    """
    starts: dict[str, list[Start]] = {name: [] for name in functions}
    for index in range(-1, count):
        for name, function in functions.items():
            measured = start(function, event)
            if index >= 0:
                starts[name].append(measured)
                say(f"{name} {index + 1} of {count}: init {measured.init_s * 1000:.0f} ms")
    return starts


def imports(function: Function) -> list[Import]:
    """The imports of a cold start. Uses a separate start, because profiling slows it down."""
    with Environment(replace(function, options=(*function.options, "-X", "importtime"))) as environment:
        return parse(environment.output())


def describe(starts: Sequence[Start]) -> list[str]:
    """The measurements as lines of text: medians, and percentiles of warm requests over all environments."""
    warm = sorted(seconds for start in starts for seconds in start.warm_s)
    lines = [
        _line("init", [start.init_s for start in starts]),
        _line("first request", [start.first_s for start in starts]),
        _line("start to first response", [start.to_first_answer_s for start in starts]),
    ]
    peaks = sorted(start.peak_mb for start in starts)
    if peaks[0]:
        lines.append(f"{'peak memory':<24} {statistics.median(peaks):.1f} MB   ({peaks[0]:.1f} - {peaks[-1]:.1f})")
    if warm:
        percentiles = ", ".join(f"p{share} {_percentile(warm, share) * 1000:.2f}" for share in (50, 90, 99))
        lines.append(f"{'warm request':<24} {percentiles} ms ({len(warm)} requests)")
    return lines


def dump(starts: Sequence[Start]) -> str:
    """The measurements as JSON, in seconds: of each start its init and first request, and all warm requests."""
    times = {
        "init_s": [start.init_s for start in starts],
        "first_s": [start.first_s for start in starts],
        "warm_s": [seconds for start in starts for seconds in start.warm_s],
    }
    return json.dumps(times) + "\n"


def compare(ours: Sequence[Start], theirs: Sequence[Start]) -> list[str]:
    """Ratios of neighbouring starts, which a busy machine slows down equally: median, lowest and highest."""
    lines: list[str] = []
    for name, seconds in (("init", _init), ("start to first response", _first_answer)):
        ratios = sorted(seconds(a) / seconds(b) for a, b in zip(ours, theirs, strict=True))
        lines.append(f"{name:<24} {statistics.median(ratios):.3f}   ({ratios[0]:.3f} - {ratios[-1]:.3f})")
    return lines


def median_init_s(starts: Sequence[Start]) -> float:
    """The median init time."""
    return statistics.median(each.init_s for each in starts)


def cost(init_s: float, memory_mb: int, arch: str) -> float:
    """The price in dollars of INIT for a million cold starts, without requests and handler time."""
    return init_s * memory_mb / 1024 * PRICES[arch] * 1_000_000


def describe_imports(roots: Sequence[Import], count: int = 10) -> list[str]:
    """The slowest imports as lines of text."""
    return [f"{module.self_us / 1000:8.1f} ms  {module.name}" for module in slowest(roots, count)]


@contextmanager
def temporary() -> Iterator[Path]:
    """A folder that is removed at the end of the block."""
    with tempfile.TemporaryDirectory(prefix="org-common-") as folder:
        yield Path(folder)


@contextmanager
def revision(root: Path, name: str) -> Iterator[Path]:
    """The project at another git revision, in a worktree that is removed at the end of the block."""
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="org-common-revision-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        checkout = folder / "checkout"
        _git(root, "worktree", "add", "--detach", "--quiet", str(checkout), name)
        stack.callback(_git, root, "worktree", "remove", "--force", str(checkout))
        top = Path(_git(root, "rev-parse", "--show-toplevel").strip())
        yield checkout / root.resolve().relative_to(top.resolve())


def function_from_checkout(root: Path, handler: str, bytecode: Path, variables: Mapping[str, str]) -> Function:
    """A function that runs from a checkout with this environment's packages; its bytecode goes to `bytecode`."""
    path = [folder for folder in (root / "src", root) if folder.is_dir()]
    return Function(
        handler,
        path,
        python=Path(sys.executable),
        variables={"PYTHONPYCACHEPREFIX": str(bytecode), **variables},
    )


def _git(root: Path, *arguments: str) -> str:
    git = shutil.which("git")
    if git is None:
        raise ToolError("git is required to compare revisions, and is not on PATH: install git")
    result = subprocess.run([git, "-C", str(root), *arguments], capture_output=True, text=True, check=False)
    if result.returncode:
        raise ToolError(f"git {arguments[0]}: {result.stderr.strip()}")
    return result.stdout


def _init(start: Start) -> float:
    return start.init_s


def _first_answer(start: Start) -> float:
    return start.to_first_answer_s


def _line(name: str, values: Sequence[float]) -> str:
    ordered = sorted(values)
    low, high = ordered[0] * 1000, ordered[-1] * 1000
    return f"{name:<24} {statistics.median(ordered) * 1000:.1f} ms   ({low:.1f} - {high:.1f}, {len(ordered)} starts)"


def _percentile(ordered: Sequence[float], share: int) -> float:
    return ordered[min(len(ordered) - 1, len(ordered) * share // 100)]
