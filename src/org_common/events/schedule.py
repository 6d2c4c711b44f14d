"""Schedules: rules of EventBridge, and EventBridge Scheduler with and without an input of its own.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

from __future__ import annotations

from org_common.events.envelope import is_event

TYPE_CHECKING = False

if TYPE_CHECKING:
    from org_common.values.types import Event

_SOURCES = ("aws.events", "aws.scheduler")
_UNITS = ("minute", "hour", "day")


def is_tick(event: Event) -> bool:
    """Whether it is the event of a schedule without an input."""
    return is_event(event) and event["source"] in _SOURCES and event["detail-type"] == "Scheduled Event"


def schedule_names(event: Event) -> list[str]:
    """The schedules or rules that the event names, without their group."""
    resources = event.get("resources")
    named = [event.get("schedule"), *(resources if isinstance(resources, list) else ())]
    return [name.rpartition("/")[2] for name in named if isinstance(name, str)]


def check_expression(expression: str) -> None:
    """Raises `TypeError` for an expression that EventBridge does not accept."""
    kind, opened, rest = expression.partition("(")
    fields = rest.removesuffix(")").split() if opened and rest.endswith(")") else []
    checks = {"rate": _is_rate, "cron": _is_cron, "at": _is_time}
    if kind in checks and checks[kind](fields):
        return
    raise TypeError(
        f"schedule({expression!r}): expected a rate, rate(1 day) or rate(5 minutes), or six fields, "
        "of which the day of the month or of the week is a question mark: cron(0 3 * * ? *)"
    )


def _is_rate(fields: list[str]) -> bool:
    if len(fields) != 2 or not (fields[0].isascii() and fields[0].isdecimal() and int(fields[0]) > 0):
        return False
    return fields[1] in (_UNITS if int(fields[0]) == 1 else [f"{unit}s" for unit in _UNITS])


def _is_cron(fields: list[str]) -> bool:
    return len(fields) == 6 and "?" in (fields[2], fields[4])


def _is_time(fields: list[str]) -> bool:
    return len(fields) == 1 and len(fields[0]) == 19 and fields[0][10] == "T"
