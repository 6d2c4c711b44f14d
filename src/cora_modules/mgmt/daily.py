"""The job of each day: what organizations used the day before, and how often functions started cold."""

import json
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from org_common import Database, FunctionHistory, FunctionMonitor, Json, service_transaction

from cora_modules.mgmt.aws import client, prefix
from cora_modules.mgmt.queries.monitoring import RECORD_DAY

# The log lines of requests on paths with an organization.
REQUESTS = '{ $.tenant = "*" }'
# The callers of these responses may be no members.
OUTSIDERS = (401, 403, 404)
# A day of a busy function is more than a request has time for: two million lines.
MAX_PAGES = 500


class Request(NamedTuple):
    """A log line of a request, as far as usage is concerned."""

    org_id: str
    status: int
    duration_ms: int
    cold: bool

    @classmethod
    def parse(cls, line: str) -> "Request | None":
        """The request in a log line of the SDK; None for any other line, and for callers who may be no members."""
        try:
            fields: dict[str, Any] = json.loads(line)
            # Rounded here: a duration that is not a number ends this line and not the day.
            duration_ms = round(fields["Duration"])
            request = cls(str(UUID(fields["tenant"])), int(fields["status"]), duration_ms, "init_type" in fields)
        except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError):
            return None
        return None if request.status in OUTSIDERS else request


def aggregate_day(day: date, *, database: Database | None = None) -> int:
    """Record the usage and the functions of a day, UTC, in one transaction. Returns how many alarms were sent.

    A repetition replaces the numbers and repeats no alarm. Call it when the day is over.
    """
    since = datetime.combine(day, time.min, UTC)
    until = since + timedelta(days=1)
    monitor = FunctionMonitor(client, prefix=prefix(), max_pages=MAX_PAGES)
    histories = monitor.histories(since, until)
    groups = monitor.functions()
    usage: Counter[tuple[str, str, str]] = Counter()
    for name, group in groups.items():
        lines = monitor.lines(group, REQUESTS, since, until, function=name)
        module = name.removeprefix(prefix()).partition("-")[0]
        add_usage(usage, module, (message for _, message in lines))
    parameters = {"day": day, "usage": Json(rows(usage)), "functions": Json([figures(each) for each in histories])}
    with service_transaction(reason="record the usage of a day", database=database) as tx:
        return int(tx.value(RECORD_DAY, parameters))


def add_usage(usage: Counter[tuple[str, str, str]], module: str, lines: Iterable[str]) -> None:
    """Add the requests in log lines of a module to the usage, by organization, module and number."""
    for request in filter(None, map(Request.parse, lines)):
        usage[request.org_id, module, "calls"] += 1
        usage[request.org_id, module, "errors"] += request.status >= 500
        usage[request.org_id, module, "duration_ms"] += request.duration_ms
        usage[request.org_id, module, "cold_starts"] += request.cold


def rows(usage: Counter[tuple[str, str, str]]) -> list[dict[str, object]]:
    """The usage as rows, one for each organization and module."""
    names = ("calls", "errors", "duration_ms", "cold_starts")
    keys = sorted({(org_id, module) for org_id, module, _ in usage})
    return [
        {"org_id": org_id, "module": module, **{name: usage[org_id, module, name] for name in names}}
        for org_id, module in keys
    ]


def figures(history: FunctionHistory) -> dict[str, object]:
    """What is recorded of a function. Its rate of cold starts is one of the invocations that were read."""
    stats = history.stats()
    read = len(history.reports)
    cold = stats.cold_starts if stats.is_complete or not read else round(stats.invocations * stats.cold_start_rate)
    return {
        "function": stats.function,
        "invocations": stats.invocations,
        "errors": stats.errors,
        "cold_starts": cold,
    }
