"""Metrics and REPORT lines of functions, on moto's server: ListFunctions, GetMetricData and FilterLogEvents."""

import io
import json
import zipfile
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from org_common.telemetry.monitoring import function_monitor
from org_common.telemetry.monitoring.function_monitor import FunctionHistory, FunctionMonitor, percentile
from org_common.telemetry.monitoring.lambda_report import LambdaReport
from org_common.values.types import Deadline
from tests.support.aws import FakeAws

NOW = datetime.now(UTC).replace(microsecond=0)
SINCE = NOW - timedelta(hours=2)


def report(duration_ms: float, **fields: Any) -> LambdaReport:
    return LambdaReport("id", duration_ms, duration_ms, 512, fields.pop("used_mb", 80), **fields)


def line(duration_ms: float, more: str = "") -> str:
    return (
        f"REPORT RequestId: 0a-1\tDuration: {duration_ms} ms\tBilled Duration: 9 ms\t"
        f"Memory Size: 512 MB\tMax Memory Used: 80 MB\t{more}\n"
    )


@pytest.mark.parametrize(
    ("count", "percent", "expected"),
    [(0, 50, None), (1, 50, 1), (1, 99, 1), (2, 50, 1), (100, 50, 50), (100, 95, 95), (100, 99, 99), (20, 95, 19)],
)
def test_percentile_is_a_measured_value(count: int, percent: int, expected: float | None) -> None:
    assert percentile(list(range(1, count + 1)), percent) == expected


def test_figures_of_a_function() -> None:
    reports = [
        report(10.0, init_ms=300.0),
        report(20.0, used_mb=100),
        report(3000.0, status="timeout"),
        report(5.0, restore_ms=100.0),
        report(7.0, status="error", error_type="Runtime.OutOfMemory", used_mb=512),
    ]
    stats = FunctionHistory("orders", [(NOW, each) for each in reports], invocations=9, errors=1).stats()

    assert stats.model_dump() == {
        "function": "orders",
        "invocations": 9,
        "errors": 2,
        "p50_ms": 10.0,
        "p95_ms": 3000.0,
        "p99_ms": 3000.0,
        "cold_starts": 2,
        "cold_start_rate": 0.4,
        "init_p50_ms": 100.0,
        "init_max_ms": 300.0,
        "memory_mb": 512,
        "used_mb": 512,
        "timeouts": 1,
        "out_of_memory": 1,
        "is_complete": True,
    }


def test_init_that_failed_and_ran_again_is_a_cold_start() -> None:
    history = FunctionHistory("orders")
    for text in (
        "INIT_REPORT Init Duration: 9999.79 ms\tPhase: init\tStatus: timeout",
        "INIT_REPORT Init Duration: 3004.47 ms\tPhase: invoke\tStatus: timeout",
        line(3004.47, "Status: timeout"),
        line(10.0, "Init Duration: 200.5 ms"),
        line(10.0),
        line(10.0),
    ):
        history.add(NOW, text)

    stats = history.stats()
    assert (stats.cold_starts, stats.cold_start_rate, stats.init_max_ms) == (2, 0.5, 3004.47)
    assert (len(history.reports), stats.timeouts) == (4, 1)


def test_function_that_has_not_run_has_no_figures() -> None:
    stats = FunctionHistory("orders").stats()

    assert (stats.invocations, stats.p50_ms, stats.cold_start_rate, stats.memory_mb) == (0, None, 0.0, None)


# --- on moto's server -------------------------------------------------------------------------


def create_function(aws: FakeAws, name: str) -> None:
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", "")
    iam, document = aws.client("iam"), json.dumps({"Version": "2012-10-17", "Statement": []})
    if "role" not in [role["RoleName"] for role in iam.list_roles()["Roles"]]:
        iam.create_role(RoleName="role", AssumeRolePolicyDocument=document)
    aws.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role="arn:aws:iam::123456789012:role/role",
        Handler="app.app",
        Code={"ZipFile": code.getvalue()},
    )


def put_lines(aws: FakeAws, name: str, lines: list[tuple[datetime, str]]) -> None:
    logs, group = aws.client("logs"), f"/aws/lambda/{name}"
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    events = [{"timestamp": int(at.timestamp() * 1000), "message": message} for at, message in lines]
    logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=events)


def put_metric(aws: FakeAws, name: str, metric: str, value: float) -> None:
    aws.client("cloudwatch").put_metric_data(
        Namespace="AWS/Lambda",
        MetricData=[
            {
                "MetricName": metric,
                "Dimensions": [{"Name": "FunctionName", "Value": name}],
                "Timestamp": NOW - timedelta(hours=1),
                "Value": value,
            }
        ],
    )


def test_metrics_and_lines_are_read(aws: FakeAws) -> None:
    for name in ("dev-orders", "dev-users", "prod-orders"):
        create_function(aws, name)
    then = NOW - timedelta(hours=1)
    put_lines(
        aws,
        "dev-orders",
        [
            (SINCE - timedelta(seconds=1), line(1)),
            (then, "START RequestId: 0a-1"),
            (then, line(30, "Init Duration: 200.5 ms")),
            (then, line(10)),
            (NOW, line(1)),
        ],
    )
    put_metric(aws, "dev-orders", "Invocations", 12)
    put_metric(aws, "dev-orders", "Errors", 3)

    orders, users = FunctionMonitor(aws.client, prefix="dev-").histories(SINCE, NOW)

    assert (orders.function, [each.duration_ms for _, each in orders.reports]) == ("dev-orders", [30.0, 10.0])
    assert [at for at, _ in orders.reports] == [then, then]
    assert (orders.invocations, orders.errors, orders.is_complete) == (12, 3, True)
    assert orders.stats().init_max_ms == 200.5
    # Its log group is created with its first line.
    assert (users.function, users.reports, users.invocations) == ("dev-users", [], 0)


class Pages:
    """Clients that return these pages, as AWS may: FilterLogEvents returns pages without events too."""

    class exceptions:  # noqa: N801 - as botocore names it
        class ResourceNotFoundException(Exception):
            pass

    def __init__(self, pages: list[dict[str, Any]]) -> None:
        self._pages = pages
        self.read = 0
        self.asked: list[dict[str, Any]] = []

    def __call__(self, service: str) -> "Pages":
        return self

    def get_paginator(self, operation: str) -> "Pages":
        return self

    def paginate(self, **arguments: Any) -> Any:
        self.asked.append(arguments)
        for page in self._pages:
            self.read += 1
            yield page


def test_functions_are_read_to_the_last_page() -> None:
    own = {"FunctionName": "dev-own-group", "LoggingConfig": {"LogGroup": "shared"}}
    pages: list[dict[str, Any]] = [{"Functions": [{"FunctionName": "dev-a"}]}, {"Functions": []}]
    pages += [{"Functions": [own, {"FunctionName": "b"}]}]

    assert FunctionMonitor(Pages(pages), prefix="dev-").functions() == {
        "dev-a": "/aws/lambda/dev-a",
        "dev-own-group": "shared",
    }


def test_lines_of_a_shared_log_group_belong_to_one_function() -> None:
    functions = [{"FunctionName": name, "LoggingConfig": {"LogGroup": "shared"}} for name in ("orders", "users")]
    events = [
        {"timestamp": 0, "message": line(1.0), "logStreamName": "2026/11/30/orders[$LATEST]0a"},
        {"timestamp": 0, "message": line(2.0), "logStreamName": "2026/11/30/users[7]0b"},
        {"timestamp": 0, "message": line(3.0), "logStreamName": "2026/11/30/new-users[7]0c"},
    ]
    client = Pages([{"Functions": functions, "events": events, "MetricDataResults": []}])

    orders, users = FunctionMonitor(client).histories(SINCE, NOW)

    assert [each.duration_ms for _, each in orders.reports] == [1.0]
    assert [each.duration_ms for _, each in users.reports] == [2.0]


def test_line_of_the_function_that_quotes_a_report_counts_for_nothing() -> None:
    quoted = ["[INFO]\t2026-11-30T08:00:00Z\t0a-1\t" + line(1.0), json.dumps({"message": line(2.0)}), " " + line(3.0)]
    events = [{"timestamp": 0, "message": message} for message in quoted]
    client = Pages([{"Functions": [{"FunctionName": "orders"}], "events": events, "MetricDataResults": []}])

    assert FunctionMonitor(client).histories(SINCE, NOW)[0].reports == []


def test_metrics_are_asked_for_in_parts_that_aws_accepts() -> None:
    functions = [{"FunctionName": f"f{at:04}"} for at in range(function_monitor.MAX_QUERIES)]
    client = Pages([{"Functions": functions, "events": [], "MetricDataResults": [{"Id": "i1", "Values": [2.0, 1.0]}]}])

    histories = FunctionMonitor(client).histories(SINCE, NOW)

    queries = [len(each["MetricDataQueries"]) for each in client.asked if "MetricDataQueries" in each]
    assert queries == [function_monitor.MAX_QUERIES] * 2
    assert [each.function for each in histories if each.invocations == 3] == ["f0001", "f0251"]


def log_pages(count: int) -> list[dict[str, Any]]:
    event = {"timestamp": int(NOW.timestamp() * 1000), "message": line(1)}
    return [{"events": [event] * (at % 2), "nextToken": "n"} for at in range(1, count)] + [{"events": [event]}]


@pytest.mark.parametrize(
    ("pages", "left_s", "read", "is_complete"),
    [
        (3, 60, 3, True),
        (function_monitor.MAX_PAGES, 60, function_monitor.MAX_PAGES, True),
        (function_monitor.MAX_PAGES + 1, 60, function_monitor.MAX_PAGES, False),
        (3, function_monitor.MARGIN_S / 2, 1, False),
    ],
)
def test_reading_is_bounded_and_says_so(pages: int, left_s: float, read: int, is_complete: bool) -> None:
    client, history = Pages(log_pages(pages)), FunctionHistory("orders")

    [*FunctionMonitor(client, deadline=Deadline.after(left_s)).lines("group", "", SINCE, NOW, history)]

    assert (client.read, history.is_complete) == (read, is_complete)
