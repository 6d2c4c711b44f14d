"""What a suite has measured, as `build/reports/<suite>.json` and `.md`: counts with denominators, seeds, versions."""

import json
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "build" / "reports"
PACKAGES = ("psycopg", "psycopg-binary", "psycopg-pool", "pydantic", "orjson")


@dataclass
class Run:
    """One figure: so many of so many, with what it was measured under."""

    good: int = 0
    of: int = 0
    facts: dict[str, Any] = field(default_factory=dict)
    samples: dict[str, list[float]] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        spreads = {name: spread(values) for name, values in self.samples.items()}
        return {"figure": self.good, "denominator": self.of, **self.facts, **spreads}


class Report:
    """Collects while the tests run; `write` at the end of the session. A suite that noted nothing writes nothing."""

    def __init__(self, suite: str, form: str) -> None:
        self.suite = suite
        self.form = form
        self.versions: dict[str, str] = {}
        self._started_s = time.time()
        self._runs: dict[str, Run] = {}
        self._matrices: dict[str, dict[str, dict[str, str]]] = {}

    @contextmanager
    def case(self, name: str, **facts: Any) -> Iterator[Run]:
        """One more of the denominator, and one more that is good unless the block raises."""
        run = self.run(name, **facts)
        run.of += 1
        yield run
        run.good += 1

    def run(self, name: str, **facts: Any) -> Run:
        """The run of this name, to add figures to."""
        run = self._runs.setdefault(name, Run())
        run.facts.update(facts)
        return run

    def sample(self, name: str, what: str, *values: float) -> None:
        """Values of which the report shows smallest, median, 99th percentile and largest."""
        self.run(name).samples.setdefault(what, []).extend(values)

    def cell(self, matrix: str, row: str, column: str, verdict: str) -> None:
        self._matrices.setdefault(matrix, {}).setdefault(row, {})[column] = verdict

    def as_dict(self) -> dict[str, Any]:
        return {
            "suite": self.suite,
            "form": self.form,
            "commit": commit(),
            "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._started_s)),
            "seconds": round(time.time() - self._started_s, 1),
            "machine": machine(),
            "versions": {"python": platform.python_version(), **installed(), **self.versions},
            "runs": {name: run.as_dict() for name, run in sorted(self._runs.items())},
            "matrices": self._matrices,
        }

    def write(self, folder: Path = FOLDER) -> None:
        if not self._runs:
            return
        folder.mkdir(parents=True, exist_ok=True)
        content = self.as_dict()
        (folder / f"{self.suite}.json").write_text(json.dumps(content, indent=1) + "\n")
        (folder / f"{self.suite}.md").write_text(_markdown(content))


def spread(values: Sequence[float]) -> dict[str, float]:
    ordered = sorted(values)
    if not ordered:
        return {}
    last = len(ordered) - 1
    parts = {"min": ordered[0], "p50": statistics.median(ordered), "p99": ordered[round(last * 0.99)]}
    return {name: round(value, 4) for name, value in {**parts, "max": ordered[-1]}.items()} | {"n": len(ordered)}


def installed() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "missing"
    return found


def machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**30
    return f"{os.cpu_count()} cores, {memory} GB, {platform.system()} {platform.release()}, {platform.machine()}"


def commit() -> str:
    """The commit that was tested; "+" when there is more in the tree than that."""
    try:
        head = _git("rev-parse", "--short=12", "HEAD")
        return head + ("+" if _git("status", "--porcelain") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(ROOT), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _markdown(content: dict[str, Any]) -> str:
    lines = [
        f"# {content['suite']}, {content['form']} form",
        "",
        f"Commit {content['commit']}, {content['started']}, {content['seconds']} s. {content['machine']}.",
        "",
        ", ".join(f"{name} {version}" for name, version in content["versions"].items()),
        "",
        "| run | figure | of | more |",
        "|---|---|---|---|",
    ]
    for name, run in content["runs"].items():
        more = "; ".join(
            f"{key}: {_shown(value)}" for key, value in run.items() if key not in ("figure", "denominator")
        )
        lines.append(f"| {name} | {run['figure']} | {run['denominator']} | {more} |")
    for name, rows in content["matrices"].items():
        columns = list(dict.fromkeys(column for row in rows.values() for column in row))
        lines += ["", f"## {name}", "", f"| | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
        lines += [f"| {row} | {' | '.join(cells.get(each, '') for each in columns)} |" for row, cells in rows.items()]
    return "\n".join(lines) + "\n"


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {each}" for key, each in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
