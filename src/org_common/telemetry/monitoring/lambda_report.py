"""Reads Lambda's own log lines about invocations: `REPORT` lines, and `platform.report` of the JSON log format."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Literal

# Not INIT_REPORT or RESTORE_REPORT.
_REPORT = re.compile(r"(?:^|\s)REPORT(?=\s)")
_INIT_REPORT = re.compile(r"(?:^|\s)INIT_REPORT(?=\s)")
# Tab-separated in CloudWatch; other sinks turn tabs into spaces. "Billed Duration: 3 ms", "Max Memory Used: 76 MB".
# The length of a name is bounded: a line of the function itself may be 256 KB of words.
_FIELD = re.compile(r"(?:^|(?<=\s))([A-Z][A-Za-z]{0,30}(?: [A-Z][A-Za-z]{0,30}){0,4}): ([^\s]+)(?: (ms|MB)(?=\s|$))?")
_NUMBER = re.compile(r"\d{1,15}(?:\.\d{1,15})?")
_MALFORMED = (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError)

Status = Literal["success", "error", "failure", "timeout"]


@dataclass(frozen=True, slots=True)
class LambdaReport:
    """What Lambda reports about one invocation. Times are in milliseconds, sizes in MB (1,048,576 bytes)."""

    request_id: str
    duration_ms: float
    billed_ms: float
    """Contains the restore and, since August 2025, init: add neither."""
    memory_mb: int
    """The configured size."""
    used_mb: int
    """The largest use of the environment so far, not only of this invocation."""
    init_ms: float | None = None
    """The init phase before this invocation; None for a warm start, and where init ran ahead of the invocation."""
    restore_ms: float | None = None
    """The restore from a SnapStart snapshot before this invocation; None without one."""
    status: Status = "success"
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


@dataclass(frozen=True, slots=True)
class InitReport:
    """What Lambda reports about an init of its own line: one that failed, or that ran again within an invocation."""

    duration_ms: float
    phase: str
    """`init`, or `invoke` for an init that runs again within the next invocation, whose report has no `init_ms`."""
    status: Status = "success"
    error_type: str | None = None


def parse_report(line: str) -> LambdaReport | None:
    """The report in a log line of either format; None for any other line. Unknown fields are ignored.

    Text lines may have lines of X-Ray behind them, and a prefix that a log shipper added. A line that begins with a
    brace is JSON, so a message that quotes a report counts for nothing.
    """
    if line.lstrip().startswith("{"):
        return _from_json(line) if "platform.report" in line else None
    found = _REPORT.search(line)
    return None if found is None else _from_text(line[found.end() :])


def parse_init_report(line: str) -> InitReport | None:
    """The `INIT_REPORT` in a log line, or the `platform.initReport` of the JSON format; None for any other line."""
    if line.lstrip().startswith("{"):
        return _init_from_json(line) if "platform.initReport" in line else None
    found = _INIT_REPORT.search(line)
    numbers, words = ({}, {}) if found is None else _fields(line[found.end() :])
    if "Init Duration" not in numbers:
        return None
    status, error_type = _status(words.get("Status")), words.get("Error Type")
    return InitReport(numbers["Init Duration"], words.get("Phase", "init"), status, error_type)


def _from_text(rest: str) -> LambdaReport | None:
    numbers, words = _fields(rest)
    if "RequestId" not in words or "Duration" not in numbers:
        return None
    request_id, duration_ms, status = words["RequestId"], numbers["Duration"], words.get("Status")
    if status is None and f"{request_id} Task timed out" in rest:
        # The end of an older log, as `invoke` returns it: the status is a line of its own.
        status = "timeout"
    return LambdaReport(
        request_id,
        duration_ms,
        numbers.get("Billed Duration", duration_ms),
        int(numbers.get("Memory Size", 0)),
        int(numbers.get("Max Memory Used", 0)),
        numbers.get("Init Duration"),
        numbers.get("Restore Duration"),
        _status(status),
        words.get("Error Type"),
    )


def _fields(text: str) -> tuple[dict[str, float], dict[str, str]]:
    """The fields that are numbers with a unit, and the others, by name."""
    numbers: dict[str, float] = {}
    words: dict[str, str] = {}
    for name, value, unit in _FIELD.findall(text):
        # The first of a name counts: what follows may be another line.
        if not unit:
            words.setdefault(name, value)
        elif _NUMBER.fullmatch(value):
            numbers.setdefault(name, float(value))
    return numbers, words


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
    except _MALFORMED:
        # A line of the function itself that mentions the type.
        return None


def _init_from_json(line: str) -> InitReport | None:
    try:
        event: Any = json.loads(line)
        record = event["record"]
        if event["type"] != "platform.initReport":
            return None
        phase, error_type = record.get("phase", "init"), record.get("errorType")
        return InitReport(float(record["metrics"]["durationMs"]), str(phase), _status(record.get("status")), error_type)
    except _MALFORMED:
        return None


def _optional(value: Any) -> float | None:
    return None if value is None else float(value)


def _status(word: Any) -> Status:
    # A word that does not exist yet is not a success.
    if word is None or word == "success":
        return "success"
    return word if word in ("failure", "timeout") else "error"
