"""How the Lambda functions of an account have run: CloudWatch metrics, and Lambda's `REPORT` lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from org_common.telemetry.monitoring.lambda_report import (
    InitReport,
    LambdaReport,
    parse_init_report,
    parse_report,
)
from org_common.values.model import Model
from org_common.values.types import Deadline

# Both log formats. A function has one of them.
REPORTS = '?"REPORT RequestId" ?"INIT_REPORT" ?"platform.report" ?"platform.initReport"'
# How Lambda's own lines begin. A line of the function may quote one.
OWN_LINES = ("REPORT ", "INIT_REPORT ", "{")
MAX_PAGES = 10
# Of GetMetricData.
MAX_QUERIES = 500
# Stop reading lines when the caller has less time than this left.
MARGIN_S = 3.0
DAY_S = 86_400


class FunctionStats(Model):
    """How one function has run. Times are in milliseconds; None without an invocation that tells."""

    function: str
    invocations: int
    """From CloudWatch metrics, or from REPORT lines if those are more."""
    errors: int
    """Invocations that failed, timeouts included; not HTTP responses with an error status."""
    p50_ms: float | None
    """Of the durations, without init."""
    p95_ms: float | None
    p99_ms: float | None
    cold_starts: int
    """Invocations that waited for init, for an init that had failed and ran again, or for the restore of a snapshot."""
    cold_start_rate: float
    """The share of cold starts in the REPORT lines that were read, 0 to 1."""
    init_p50_ms: float | None
    """How long cold starts waited."""
    init_max_ms: float | None
    memory_mb: int | None
    """The configured memory of the last invocation."""
    used_mb: int | None
    """The largest use of memory."""
    timeouts: int
    out_of_memory: int
    is_complete: bool
    """False if not all REPORT lines were read: there were more than `max_pages` of them, or no time was left.

    Percentiles, cold starts, memory and timeouts are then those of the first lines, the oldest ones. `invocations` and
    `errors` are complete, from the metrics.
    """


@dataclass
class FunctionHistory:
    """What was read about one function."""

    function: str
    reports: list[tuple[datetime, LambdaReport]] = field(default_factory=list)
    """In the order of the log."""
    is_complete: bool = True
    """False if there were more."""
    inits: list[InitReport] = field(default_factory=list)
    """Inits that ran again within an invocation, whose report does not show them."""
    invocations: int = 0
    """CloudWatch's sum."""
    errors: int = 0
    """CloudWatch's sum."""

    def add(self, at: datetime, line: str) -> None:
        """Add what a line of Lambda's own reports."""
        report = parse_report(line)
        if report is not None:
            self.reports.append((at, report))
            return
        init = parse_init_report(line)
        if init is not None and init.phase == "invoke":
            self.inits.append(init)

    def stats(self) -> FunctionStats:
        """The figures."""
        reports = [report for _, report in self.reports]
        durations = sorted(report.duration_ms for report in reports)
        starts = sorted(
            [report.start_ms for report in reports if report.cold] + [init.duration_ms for init in self.inits]
        )
        failed = sum(report.status != "success" for report in reports)
        return FunctionStats(
            function=self.function,
            invocations=max(self.invocations, len(reports)),
            errors=max(self.errors, failed),
            p50_ms=percentile(durations, 50),
            p95_ms=percentile(durations, 95),
            p99_ms=percentile(durations, 99),
            cold_starts=len(starts),
            cold_start_rate=min(round(len(starts) / len(reports), 4), 1.0) if reports else 0.0,
            init_p50_ms=percentile(starts, 50),
            init_max_ms=starts[-1] if starts else None,
            memory_mb=reports[-1].memory_mb if reports else None,
            used_mb=max((report.used_mb for report in reports), default=None),
            timeouts=sum(report.status == "timeout" for report in reports),
            out_of_memory=sum(report.out_of_memory for report in reports),
            is_complete=self.is_complete,
        )


class FunctionMonitor:
    """Reads metrics and log lines of the functions whose names start with `prefix`.

    `client` creates a botocore client for the name of a service. Its errors are raised as they are. With a `deadline`,
    reading stops in time, and histories are incomplete. `max_pages` bounds what is read of each log; a page has up to
    1 MB, which is about 4,000 lines.
    """

    def __init__(
        self,
        client: Callable[[str], Any],
        *,
        prefix: str = "",
        deadline: Deadline | None = None,
        max_pages: int = MAX_PAGES,
    ) -> None:
        self._client = client
        self._prefix = prefix
        self._max_pages = max_pages
        self._deadline = deadline

    def functions(self) -> dict[str, str]:
        """The log group of each function, by name."""
        pages = self._client("lambda").get_paginator("list_functions").paginate()
        return {
            each["FunctionName"]: each.get("LoggingConfig", {}).get("LogGroup") or f"/aws/lambda/{each['FunctionName']}"
            for page in pages
            for each in page["Functions"]
            if each["FunctionName"].startswith(self._prefix)
        }

    def histories(self, since: datetime, until: datetime) -> list[FunctionHistory]:
        """What the functions did between two times, sorted by name."""
        groups = self.functions()
        histories = [FunctionHistory(name) for name in sorted(groups)]
        self._add_sums(histories, since, until)
        for history in histories:
            group = groups[history.function]
            for at, message in self.lines(group, REPORTS, since, until, history, function=history.function):
                if message.startswith(OWN_LINES):
                    history.add(at, message)
        return histories

    def lines(
        self,
        group: str,
        pattern: str,
        since: datetime,
        until: datetime,
        history: FunctionHistory | None = None,
        *,
        function: str | None = None,
    ) -> Iterator[tuple[datetime, str]]:
        """Log lines that match a CloudWatch filter pattern. Marks the history if there are more than are read.

        With `function`, those of this function alone: several may have one group, and name their streams
        "2026/11/30/orders[$LATEST]…" in it.
        """
        own = "" if function is None or group == f"/aws/lambda/{function}" else f"/{function}["
        logs = self._client("logs")
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=group, filterPattern=pattern, startTime=_millis(since), endTime=_millis(until) - 1
        )
        try:
            for number, page in enumerate(pages, 1):
                for event in page["events"]:
                    if own in event.get("logStreamName", own):
                        yield datetime.fromtimestamp(event["timestamp"] / 1000, UTC), event["message"]
                if "nextToken" in page and (number == self._max_pages or self._is_late()):
                    if history is not None:
                        history.is_complete = False
                    return
        except logs.exceptions.ResourceNotFoundException:
            # The function has not run yet.
            return

    def _is_late(self) -> bool:
        return self._deadline is not None and self._deadline.left_s() < MARGIN_S

    def _add_sums(self, histories: Sequence[FunctionHistory], since: datetime, until: datetime) -> None:
        """Add CloudWatch's sums to the histories."""
        for at in range(0, len(histories), MAX_QUERIES // 2):
            part = histories[at : at + MAX_QUERIES // 2]
            queries = [
                _sum_query(f"{kind}{number}", metric, history.function, since, until)
                for number, history in enumerate(part)
                for kind, metric in (("i", "Invocations"), ("e", "Errors"))
            ]
            pages = (
                self._client("cloudwatch")
                .get_paginator("get_metric_data")
                .paginate(MetricDataQueries=queries, StartTime=since, EndTime=until)
            )
            for page in pages:
                for result in page["MetricDataResults"]:
                    history, total = part[int(result["Id"][1:])], int(sum(result["Values"]))
                    if result["Id"].startswith("i"):
                        history.invocations += total
                    else:
                        history.errors += total


def percentile(values: Sequence[float], percent: int) -> float | None:
    """The nearest-rank percentile of sorted values; None without values."""
    return values[-(-len(values) * percent // 100) - 1] if values else None


def _sum_query(id: str, metric: str, function: str, since: datetime, until: datetime) -> dict[str, Any]:
    # Periods below an hour are kept for 63 days at most, and no request gets more than 100,800 values.
    period_s = 3600 if (until - since).total_seconds() > DAY_S else 300
    dimensions = [{"Name": "FunctionName", "Value": function}]
    named = {"Namespace": "AWS/Lambda", "MetricName": metric, "Dimensions": dimensions}
    return {"Id": id, "MetricStat": {"Metric": named, "Period": period_s, "Stat": "Sum"}}


def _millis(at: datetime) -> int:
    return int(at.timestamp() * 1000)
