"""Validates the schedule expressions and time zones of EventBridge Scheduler and Application Auto Scaling.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

from __future__ import annotations

import re
import zoneinfo
from datetime import datetime

_MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
_DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
# Name, lowest and highest number, names from the lowest on.
_FIELDS: tuple[tuple[str, int, int, list[str]], ...] = (
    ("minutes", 0, 59, []),
    ("hours", 0, 23, []),
    ("day of the month", 1, 31, []),
    ("month", 1, 12, _MONTHS),
    ("day of the week", 1, 7, _DAYS),
    ("year", 1970, 2199, []),
)
_UNITS = ("minute", "hour", "day")


def problem_of(expression: str) -> str | None:
    """What is wrong with a rate(...), cron(...) or at(...) expression; None if it is valid."""
    match = re.fullmatch(r"(rate|cron|at)\((.+)\)", expression)
    if match is None:
        return f"{expression!r} is not a schedule. Example: rate(5 minutes), or cron(0 3 * * ? *)"
    problem = {"rate": _rate, "cron": _cron, "at": _at}[match[1]](match[2])
    return None if problem is None else f"{expression!r}: {problem}"


def is_timezone(name: str) -> bool:
    """Whether it is a name of the IANA database: "Europe/Berlin"."""
    return name in zoneinfo.available_timezones()


def _rate(text: str) -> str | None:
    match = re.fullmatch(r"([1-9][0-9]*) (\w+)", text)
    units = [] if match is None else [unit if match[1] == "1" else f"{unit}s" for unit in _UNITS]
    if match is not None and match[2] in units:
        return None
    return "a rate is a number and its unit, minutes, hours or days: rate(1 hour), rate(5 minutes)"


def _at(text: str) -> str | None:
    try:
        datetime.strptime(text, "%Y-%m-%dT%H:%M:%S")  # noqa: DTZ007 - the time zone is another argument
    except ValueError:
        return "a time is written like 2027-01-31T08:00:00"
    return None


def _cron(text: str) -> str | None:
    fields = text.split()
    if len(fields) != len(_FIELDS):
        return f"it has {len(fields)} fields, and six are needed: minutes, hours, day, month, day of the week, year"
    if [fields[2], fields[4]].count("?") != 1:
        return "exactly one of day of the month and day of the week is a question mark"
    for field, (name, low, high, names) in zip(fields, _FIELDS, strict=True):
        if field == "?" and name.startswith("day"):
            continue
        if not all(_is_part(part, low, high, names, is_day=name.startswith("day")) for part in field.split(",")):
            return f"{field!r} is not a valid {name}, {low} to {high}"
    return None


def _is_part(part: str, low: int, high: int, names: list[str], *, is_day: bool) -> bool:
    if is_day and re.fullmatch(r"L(?:-[0-9]+)?|LW|[0-9]+W|[0-9A-Z]+L|[0-9A-Z]+#[1-5]", part):
        number = re.match(r"[0-9]+", part)
        return number is None or low <= int(number[0]) <= high
    value, slash, step = part.partition("/")
    if slash and not (step.isascii() and step.isdecimal() and 1 <= int(step) <= high):
        return False
    if value == "*":
        return True
    numbers = [_number(end, low, names) for end in value.split("-")]
    return len(numbers) <= 2 and all(number is not None and low <= number <= high for number in numbers)


def _number(text: str, low: int, names: list[str]) -> int | None:
    if text.upper() in names:
        return low + names.index(text.upper())
    return int(text) if text.isascii() and text.isdecimal() else None
