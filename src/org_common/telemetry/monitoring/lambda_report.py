"""Reads Lambda's own log lines about invocations: `REPORT` lines, and `platform.report` of the JSON log format."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Literal

# Tab-separated in CloudWatch; other sinks turn tabs into spaces. "Billed Duration: 3 ms", "Max Memory Used: 76 MB".
_REPORT = re.compile(r"(?:^|\s)REPORT RequestId: ([0-9a-fA-F-]+)")
_NUMBER = re.compile(r"(?:^|\s)([A-Z][A-Za-z]*(?: [A-Z][A-Za-z]*)*): (\d+(?:\.\d+)?) (ms|MB)(?=\s|$)")
_WORD = re.compile(r"(?:^|\s)(Status|Error Type): (\S+)")


@dataclass(frozen=True, slots=True)
class LambdaReport:
    """What Lambda reports about one invocation. Times are in milliseconds, sizes in MB (1,048,576 bytes)."""

    request_id: str
    duration_ms: float
    billed_ms: float
    memory_mb: int
    """The configured size."""
    used_mb: int
    """The largest use of the environment so far, not only of this invocation."""
    init_ms: float | None = None
    """The init phase before this invocation; None for a warm start, and where init ran ahead of the invocation."""
    restore_ms: float | None = None
    """The restore from a SnapStart snapshot before this invocation; None without one."""
    status: Literal["success", "error", "failure", "timeout"] = "success"
    """`error` is an exception of the handler or the end of the process, `failure` an error of Lambda itself."""
    error_type: str | None = None
    """Such as `Runtime.OutOfMemory`; None without one."""

    @property
    def cold(self) -> bool:
        """The invocation waited for the start or the restore of an environment."""
        return self.init_ms is not None or self.restore_ms is not None

    @property
    def start_ms(self) -> float:
        """How long it waited for init or restore; 0 for a warm start."""
        return (self.init_ms or 0.0) + (self.restore_ms or 0.0)

    @property
    def out_of_memory(self) -> bool:
        """The process was ended because it used all memory."""
        full = self.used_mb >= self.memory_mb > 0
        return self.error_type == "Runtime.OutOfMemory" or (
            full and self.status == "error" and self.error_type in (None, "Runtime.ExitError")
        )


def parse_report(line: str) -> LambdaReport | None:
    """The report in a log line of either format; None for any other line. Unknown fields are ignored.

    Text lines may have lines of X-Ray behind them, and a prefix that a log shipper added.
    """
    if "REPORT RequestId" in line:
        return _from_text(line)
    if "platform.report" in line:
        return _from_json(line)
    return None


def _from_text(line: str) -> LambdaReport | None:
    found = _REPORT.search(line)
    if found is None:
        return None
    rest = line[found.end() :]
    # The first of a name counts: what follows may be another line.
    numbers = {(name, unit): float(value) for name, value, unit in reversed(_NUMBER.findall(rest))}
    words = dict(reversed(_WORD.findall(rest)))
    if ("Duration", "ms") not in numbers:
        return None
    duration_ms = numbers["Duration", "ms"]
    return LambdaReport(
        found[1],
        duration_ms,
        numbers.get(("Billed Duration", "ms"), duration_ms),
        int(numbers.get(("Memory Size", "MB"), 0)),
        int(numbers.get(("Max Memory Used", "MB"), 0)),
        numbers.get(("Init Duration", "ms")),
        numbers.get(("Restore Duration", "ms")),
        _status(words.get("Status")),
        words.get("Error Type"),
    )


def _from_json(line: str) -> LambdaReport | None:
    try:
        event: Any = json.loads(line)
        record = event["record"]
        metrics = record["metrics"]
        if event["type"] != "platform.report":
            return None
        return LambdaReport(
            str(record["requestId"]),
            float(metrics["durationMs"]),
            float(metrics.get("billedDurationMs", metrics["durationMs"])),
            int(metrics.get("memorySizeMB", 0)),
            int(metrics.get("maxMemoryUsedMB", 0)),
            _optional(metrics.get("initDurationMs")),
            _optional(metrics.get("restoreDurationMs")),
            _status(record.get("status")),
            record.get("errorType"),
        )
    except (ValueError, LookupError, TypeError, AttributeError):
        # A line of the function itself that mentions the type.
        return None


def _optional(value: Any) -> float | None:
    return None if value is None else float(value)


def _status(word: Any) -> Literal["success", "error", "failure", "timeout"]:
    # A word that does not exist yet is not a success.
    if word is None or word == "success":
        return "success"
    return word if word in ("failure", "timeout") else "error"
