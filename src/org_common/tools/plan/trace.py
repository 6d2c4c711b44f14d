"""Reads traffic from files: tables of times, exports of CloudWatch, access logs. A damaged file is one clear line."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from org_common.tools.plan.distribution import Floats
from org_common.tools.plan.traffic import DAY_S, MAX_DAYS, Traffic
from org_common.tools.project.project import ToolError

TIMES = ("timestamp", "@timestamp", "time", "datetime", "date", "at", "label", "full label", "requesttime", "ts")
COUNTS = ("count", "requests", "invocations", "sum", "value", "calls", "hits", "samplecount")
# What a console of CloudWatch writes above the rows of an export.
_META = ("full label", "label", "label id", "id", "statistic", "region", "period", "account", "namespace", "metric")
_ACCESS = re.compile(r"\[(\d{2}/[A-Z][a-z]{2}/\d{4}:\d{2}:\d{2}:\d{2} [+-]\d{4})\]")
_ISO = re.compile(r"\d{4}[-/]\d{2}[-/]\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?(?:\s?(?:Z|[+-]\d{2}:?\d{2}))?")
MOST_A_SECOND = 1_000_000
_YEARS = (datetime(2000, 1, 1, tzinfo=UTC).timestamp(), datetime(2100, 1, 1, tzinfo=UTC).timestamp())
Row = tuple[float, float]


def read(file: Path, zone: tzinfo = UTC) -> Traffic:
    """The traffic in a file. Times without an offset are in `zone`. `ToolError` with one line for any other file."""
    text = file.read_bytes().decode("utf-8-sig", errors="replace")
    if not text.strip():
        raise ToolError(f"{file} is empty: give a file with a time in each line, or use --rate")
    rows, counted = _rows(file, text, zone)
    return _counted(file, rows) if counted else _single(file, rows)


def _rows(file: Path, text: str, zone: tzinfo) -> tuple[list[Row], bool]:
    """The times with their counts, and whether the counts are those of whole periods."""
    first = text.lstrip()[:1]
    if first == "{" and (document := _json(text)) is not None:
        return list(_cloudwatch(file, document, zone)), True
    head = text.lstrip().partition("\n")[0]
    if first == "{" or _ACCESS.search(head) or _ISO.match(head.replace('"', "")):
        # A table without its header has times in its first column, too; a log has text behind the time.
        if first != "{" and (plain := _plain_table(file, text, zone)) is not None:
            return plain, True
        return list(_log(file, text, zone)), False
    return _table(file, text, zone)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _cloudwatch(file: Path, document: Any, zone: tzinfo) -> Iterator[Row]:
    """What `get-metric-data` and `get-metric-statistics` print."""
    found: list[tuple[Any, Any]] = []
    if isinstance(document, dict) and isinstance(document.get("MetricDataResults"), list):
        for result in document["MetricDataResults"]:
            if isinstance(result, dict):
                found += zip(result.get("Timestamps") or [], result.get("Values") or [], strict=False)
    elif isinstance(document, dict) and isinstance(document.get("Datapoints"), list):
        found = [(each.get("Timestamp"), each.get("Sum")) for each in document["Datapoints"] if isinstance(each, dict)]
    else:
        raise ToolError(f"{file} is JSON, but not of CloudWatch: expected MetricDataResults, or Datapoints with a Sum")
    for at, value in found:
        yield _time(file, 0, str(at), zone), _count(file, 0, str(value))


def _plain_table(file: Path, text: str, zone: tzinfo) -> list[Row] | None:
    """Rows of exactly a time and a number; None for anything else."""
    head = next(csv.reader([text.lstrip().partition("\n")[0]]), [])
    if len(head) != 2 or not _is_number(head[1]):
        return None
    return [
        (_time(file, number, row[0], zone), _count(file, number, row[1] if len(row) > 1 else ""))
        for number, row in enumerate(csv.reader(io.StringIO(text)), 1)
        if any(row)
    ]


def _table(file: Path, text: str, zone: tzinfo) -> tuple[list[Row], bool]:
    lines = text.splitlines()
    delimiter = max(",;\t", key=lines[0].count)
    try:
        table = list(csv.reader(lines, delimiter=delimiter))
    except csv.Error as error:
        raise ToolError(f"{file} is not a table: {error}") from error
    names = [name.strip().lower() for name in table[0]]
    at = next((names.index(name) for name in TIMES if name in names), None)
    if at is None:
        raise ToolError(f"{file} has no column of times: {_shown(names)}; name one of them timestamp")
    value = next((names.index(name) for name in COUNTS if name in names), None)
    if value is None and names[at] in _META and len(names) == 2:
        value = 1 - at
    rows: list[Row] = []
    for number, row in enumerate(table[1:], 2):
        if not any(row) or (names[at] in _META and row[0].strip().lower() in _META):
            continue
        if len(row) <= max(at, value or 0):
            raise ToolError(f"{file}:{number} has {len(row)} columns, and the first line {len(names)}")
        when = _time(file, number, row[at], zone)
        rows.append((when, 1.0 if value is None else _count(file, number, row[value])))
    return rows, value is not None


def _log(file: Path, text: str, zone: tzinfo) -> Iterator[Row]:
    unread, total = 0, 0
    for line in text.splitlines():
        if not line.strip():
            continue
        total += 1
        if found := _ACCESS.search(line):
            yield datetime.strptime(found[1], "%d/%b/%Y:%H:%M:%S %z").timestamp(), 1.0
        elif found := _ISO.search(line):
            yield _time(file, total, found[0], zone), 1.0
        else:
            unread += 1
    if unread > total / 2:
        raise ToolError(f"{file}: {unread} of {total} lines have no time, such as 2026-11-30T12:00:00Z")


def _time(file: Path, line: int, text: str, zone: tzinfo) -> float:
    text = text.strip()
    try:
        seconds = _seconds(text, zone)
    except (ValueError, OverflowError):
        raise ToolError(f"{_place(file, line)}: {text[:40]!r} is not a time, such as 2026-11-30T12:00:00Z") from None
    if not _YEARS[0] <= seconds < _YEARS[1]:
        raise ToolError(f"{_place(file, line)}: the time {text[:40]!r} is not in the years 2000 to 2099")
    return seconds


@lru_cache(maxsize=1024)
def _seconds(text: str, zone: tzinfo) -> float:
    """Since 1970. Consecutive rows often have the same time."""
    if text[4:5] not in ("-", "/") and _is_number(text):
        number = float(text)
        return number / 1000 if number > 1e11 else number
    at = datetime.fromisoformat(text.replace("/", "-").replace(",", ".").replace(" +", "+"))
    return (at if at.tzinfo else at.replace(tzinfo=zone)).timestamp()


def _count(file: Path, line: int, text: str) -> float:
    if text.isdecimal() and len(text) < 12:
        return float(text)
    # An empty cell of an export is a period without data.
    number = float(text) if _is_number(text) else 0.0 if not text.strip() else -1.0
    if not 0 <= number < 1e12:
        raise ToolError(f"{_place(file, line)}: {text[:40]!r} is not a number of requests")
    return number


def _is_number(text: str) -> bool:
    return re.fullmatch(r"\s*-?\d{1,20}(\.\d{1,20})?([eE][+-]?\d{1,3})?\s*", text) is not None


def _place(file: Path, line: int) -> str:
    return f"{file}:{line}" if line else str(file)


def _shown(names: Iterable[str]) -> str:
    shown = ", ".join(name[:30] or "(empty)" for name in list(names)[:8])
    return f"its first line has {shown}"


def _checked(file: Path, traffic: Traffic) -> Traffic:
    if traffic.counts.max() / traffic.bin_s > MOST_A_SECOND:
        raise ToolError(f"{file} has more than {MOST_A_SECOND:,} requests a second: look at the column of counts")
    return traffic


def _sorted(file: Path, rows: Sequence[Row]) -> tuple[Floats, Floats, list[str]]:
    if not rows:
        raise ToolError(f"{file} has no rows with a time")
    times, counts = np.array([at for at, _ in rows]), np.array([count for _, count in rows])
    notes: list[str] = []
    if (np.diff(times) < 0).any():
        notes.append("the rows were not in the order of their times, and were sorted")
        order = np.argsort(times, kind="stable")
        times, counts = times[order], counts[order]
    days = (times[-1] - times[0]) / DAY_S
    if days > MAX_DAYS:
        raise ToolError(
            f"{file} has times from {_iso(times[0])} to {_iso(times[-1])}, {days:.0f} days: "
            f"at most {MAX_DAYS} can be simulated; look for a clock that jumped"
        )
    return times, counts, notes


def _single(file: Path, rows: Sequence[Row]) -> Traffic:
    """Traffic of single requests. Two at the same moment are two."""
    times, counts, notes = _sorted(file, rows)
    bin_s = 1 if times[-1] - times[0] <= 7 * DAY_S else 60
    first = int(times[0] // bin_s) * bin_s
    bins = np.bincount(((times - first) // bin_s).astype(np.int64), weights=counts).astype(np.float64)
    traffic = Traffic(bins, bin_s, poisson=False, start_s=first % DAY_S, notes=notes)
    if traffic.seconds < 60:
        raise ToolError(f"{file} covers {traffic.seconds} s: a plan needs at least a minute of traffic")
    return _checked(file, traffic)


def _counted(file: Path, rows: Sequence[Row]) -> Traffic:
    """Traffic of counts for periods. The same row twice counts once; different counts of a period add up."""
    unique = list(dict.fromkeys(rows))
    times, counts, notes = _sorted(file, unique)
    if len(unique) < len(rows):
        notes.append(f"{len(rows) - len(unique)} rows were there twice, and count once")
    steps = np.diff(times)
    steps = steps[steps >= 1]
    if not steps.size:
        raise ToolError(f"{file} has one period: counts need two or more, or use --rate")
    # The most frequent step: gaps and a change of clocks are longer ones.
    lengths, often = np.unique(np.rint(steps), return_counts=True)
    period = int(lengths[often.argmax()])
    if period > 3600:
        raise ToolError(f"{file} has a row for every {period} s: counts of an hour or less are needed")
    places = np.floor((times - times[0]) / period + 1e-6).astype(np.int64)
    bins = np.bincount(places, weights=counts).astype(np.float64)
    missing = int((np.bincount(places) == 0).sum())
    if missing:
        notes.append(f"{missing} of {len(bins)} periods of {period} s have no row, and count as no traffic")
    return _checked(file, replace(Traffic(bins, period), start_s=int(times[0]) % DAY_S, notes=notes))


def _iso(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"
