"""Reads measured times: what `org-common coldstart --json` wrote, or REPORT lines of Lambda's log."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from org_common.telemetry.monitoring.lambda_report import LambdaReport, parse_report
from org_common.tools.plan.distribution import Distribution
from org_common.tools.project.project import ToolError

# Without measurements: a handler with a few round trips to a database, and this project's own cold starts at 512 MB.
SERVICE, START, RESTORE = (0.05, 0.2), (0.6, 1.0), (0.3, 0.5)


@dataclass(frozen=True)
class Measured:
    """Distributions; None for what was not measured."""

    service: Distribution | None = None
    start: Distribution | None = None
    restore: Distribution | None = None
    memory_mb: int | None = None
    source: str = ""
    """What was read, for people."""


def of_coldstart(file: Path) -> Measured:
    """From a file of `org-common coldstart --json`. A cold start includes what a first request takes longer."""
    try:
        document = json.loads(file.read_bytes())
        warm, init, first = (np.array(document[name], dtype=np.float64) for name in ("warm_s", "init_s", "first_s"))
        service = Distribution.of(warm)
        start = init + np.maximum(first - service.percentile(50), 0)
        source = f"{len(init)} starts and {len(warm)} warm requests of {file}"
        return Measured(service, Distribution.of(start), source=source)
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise ToolError(
            f"{file} is not a file of coldstart: {error}; write one with org-common coldstart MODULE:NAME --json {file}"
        ) from error


def reports(file: Path) -> list[LambdaReport]:
    """The REPORT lines in a file, in either log format; other lines are passed over."""
    text = file.read_bytes().decode("utf-8", errors="replace")
    found = [report for line in text.splitlines() if (report := parse_report(line)) is not None]
    if not found:
        raise ToolError(f"{file} has no REPORT lines: export the log of a function, for example with aws logs tail")
    return found


def of_reports(file: Path) -> Measured:
    """From REPORT lines of one memory size."""
    found = reports(file)
    sizes = Counter(report.memory_mb for report in found)
    if len(sizes) > 1:
        shown = ", ".join(f"{count} of {size} MB" for size, count in sizes.most_common(4))
        raise ToolError(f"{file} mixes memory sizes ({shown}): compare them with org-common tune")
    return Measured(
        _times([report.duration_ms for report in found]),
        _times([report.init_ms for report in found if report.init_ms is not None]),
        _times([report.restore_ms for report in found if report.restore_ms is not None]),
        found[0].memory_mb or None,
        f"{len(found)} REPORT lines of {file}",
    )


def _times(milliseconds: Sequence[float]) -> Distribution | None:
    return Distribution.of([each / 1000 for each in milliseconds]) if milliseconds else None
