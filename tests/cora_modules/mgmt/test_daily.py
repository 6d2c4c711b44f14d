"""The job of each day: usage from log lines that the SDK wrote, functions from REPORT lines, one alarm a day."""

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from cora_modules.mgmt import daily, monitoring
from cora_modules.mgmt.daily import Request, add_usage, aggregate_day, figures, rows
from cora_modules.mgmt.queries.monitoring import RECORD_DAY
from org_common import Database, FunctionHistory, Json, LambdaReport, service_transaction
from org_common.config.settings import Settings
from org_common.db import service as service_module
from org_common.db.service import service_database
from org_common.tools.serve.invoke import schedule_event
from org_common.values.types import LocalContext
from tests.cora_modules.access.world import ACME, GLOBEX
from tests.cora_modules.mgmt.cloud import Cloud
from tests.cora_modules.mgmt.world import MgmtWorld

TODAY = datetime.now(UTC).date()
NOON = datetime.now(UTC).replace(hour=0, minute=0, second=30, microsecond=0)


def line(org_id: object = ACME, status: int = 200, duration_ms: float = 10.4, **more: object) -> str:
    return json.dumps({"tenant": str(org_id), "status": status, "Duration": duration_ms, **more})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (line(), Request(str(ACME), 200, 10, cold=False)),
        (line(init_type="on-demand", ColdStart=1), Request(str(ACME), 200, 10, cold=True)),
        (line(status=500), Request(str(ACME), 500, 10, cold=False)),
        (line(status=409), Request(str(ACME), 409, 10, cold=False)),
        (line(str(ACME).upper()), Request(str(ACME), 200, 10, cold=False)),
        # The caller may be no member.
        (line(status=401), None),
        (line(status=403), None),
        (line(status=404), None),
        (line("acme"), None),
        ('{"tenant": 7, "status": 200, "Duration": 1}', None),
        ('{"status": 200, "Duration": 1}', None),
        (line(duration_ms=float("nan")), None),
        (line(duration_ms=float("inf")), None),
        (line().replace("200", "1e999"), None),
        (line(more=[]).replace("[]", "[" * 100_000), None),
        ("[]", None),
        ("null", None),
        ("REPORT RequestId: 0a-1", None),
        ("", None),
    ],
)
def test_line_is_a_request_or_ignored(text: str, expected: Request | None) -> None:
    assert Request.parse(text) == expected


def test_usage_is_added_by_organization_and_module() -> None:
    usage: Counter[tuple[str, str, str]] = Counter()
    add_usage(usage, "access", [line(), line(status=503), line(GLOBEX, init_type="snap-start"), "other"])
    add_usage(usage, "ws", [line()])

    assert sorted(rows(usage), key=str) == sorted(
        [
            {"org_id": str(ACME), "module": "access", "calls": 2, "errors": 1, "duration_ms": 20, "cold_starts": 0},
            {"org_id": str(ACME), "module": "ws", "calls": 1, "errors": 0, "duration_ms": 10, "cold_starts": 0},
            {"org_id": str(GLOBEX), "module": "access", "calls": 1, "errors": 0, "duration_ms": 10, "cold_starts": 1},
        ],
        key=str,
    )


def test_cold_starts_of_a_function_that_was_read_in_part_are_scaled() -> None:
    reports = [LambdaReport("id", 1, 1, 512, 80, init_ms=9.0 if at < 5 else None) for at in range(20)]
    history = FunctionHistory("orders", [(NOON, each) for each in reports], invocations=1000, is_complete=False)

    assert figures(history) == {"function": "orders", "invocations": 1000, "errors": 0, "cold_starts": 250}


# --- in the database --------------------------------------------------------------------------


@pytest.fixture
def service(world: MgmtWorld) -> Iterator[Database]:
    settings = Settings(service_database_url=world.local.service_url)
    with closing(service_database(settings)) as database:
        yield database


def alarms(world: MgmtWorld) -> list[dict[str, Any]]:
    query = "select message from app.outbox where queue = 'alarms' order by id"
    return [row["message"] for row in world.admin.execute(query)]


def record(service: Database, day: date, usage: list[Any], functions: list[Any]) -> int:
    parameters = {"day": day, "usage": Json(usage), "functions": Json(functions)}
    with service_transaction(reason="test", database=service) as tx:
        return int(tx.value(RECORD_DAY, parameters))


def function(name: str, invocations: int, cold_starts: int) -> dict[str, object]:
    return {"function": name, "invocations": invocations, "errors": 0, "cold_starts": cold_starts}


@pytest.mark.db
def test_day_is_aggregated_from_logs_and_metrics(world: MgmtWorld, cloud: Cloud, service: Database) -> None:
    """moto: ListFunctions, GetMetricData, FilterLogEvents."""
    cloud.create_function("access-orgs")
    cloud.create_function("ws-config")
    for at in range(4):
        cloud.report("access-orgs", NOON, duration_ms=10, init_ms=300 if at == 0 else None)
    cloud.log("access-orgs", NOON, line(), line(status=500), line(GLOBEX), line(uuid4()), line(status=404))
    cloud.log("access-orgs", NOON - timedelta(days=1), line())

    sent = aggregate_day(TODAY, database=service)

    usage = {(row["org_id"], row["module"]): row for row in world.read("usage_daily") if row["day"] == TODAY}
    assert usage.keys() == {(ACME, "access"), (GLOBEX, "access")}
    assert [usage[ACME, "access"][name] for name in ("calls", "errors", "duration_ms", "cold_starts")] == [2, 1, 20, 0]
    functions = {row["function"]: row for row in world.read("function_daily") if row["day"] == TODAY}
    assert {name: (row["invocations"], row["cold_starts"]) for name, row in functions.items()} == {
        "access-orgs": (4, 1),
        "ws-config": (0, 0),
    }
    assert sent == 1
    assert alarms(world) == [
        {
            "alarm": "cold_start_rate",
            "function": "access-orgs",
            "day": TODAY.isoformat(),
            "invocations": 4,
            "cold_starts": 1,
        }
    ]


@pytest.mark.db
def test_schedule_records_the_day_before(world: MgmtWorld, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORG_COMMON_SERVICE_DATABASE_URL", world.local.service_url)
    monkeypatch.setattr(service_module, "_default", None)
    cloud.create_function("access-orgs")
    cloud.log("access-orgs", NOON - timedelta(days=1), line())

    with closing(service_module.default()):
        assert monitoring.app(schedule_event("prod-aggregate_yesterday"), LocalContext("test", 29)) == {}

    yesterday = [row for row in world.read("usage_daily") if row["day"] == TODAY - timedelta(days=1)]
    assert [(row["org_id"], row["calls"]) for row in yesterday] == [(ACME, 1)]


@pytest.mark.db
def test_prefix_is_no_part_of_the_module(
    world: MgmtWorld, cloud: Cloud, service: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CORA_FUNCTION_PREFIX", "prod-")
    cloud.create_function("prod-access-orgs")
    cloud.log("prod-access-orgs", NOON, line())

    daily.aggregate_day(TODAY, database=service)

    assert [row["module"] for row in world.read("usage_daily") if row["day"] == TODAY] == ["access"]


@pytest.mark.db
@pytest.mark.parametrize(
    ("invocations", "cold_starts", "count"), [(0, 0, 0), (10, 1, 0), (1000, 100, 0), (1000, 101, 1), (1, 1, 1)]
)
def test_alarm_is_above_ten_percent(
    world: MgmtWorld, service: Database, invocations: int, cold_starts: int, count: int
) -> None:
    assert record(service, TODAY, [], [function("orders", invocations, cold_starts)]) == count
    assert len(alarms(world)) == count


@pytest.mark.db
def test_repetition_replaces_numbers_and_repeats_no_alarm(world: MgmtWorld, service: Database) -> None:
    row = {"org_id": str(ACME), "module": "ws", "calls": 1, "errors": 0, "duration_ms": 1, "cold_starts": 0}
    first = record(service, TODAY, [row, {**row, "module": "ai"}], [function("orders", 10, 5)])
    second = record(service, TODAY, [{**row, "calls": 7}], [function("orders", 20, 8)])

    usage = [(each["module"], each["calls"]) for each in world.read("usage_daily") if each["day"] == TODAY]
    assert (usage, first, second, len(alarms(world))) == ([("ws", 7)], 1, 0, 1)
    assert record(service, TODAY + timedelta(days=1), [], [function("orders", 10, 5)]) == 1


@pytest.mark.db
def test_eight_runs_at_once_send_one_alarm(world: MgmtWorld) -> None:
    def run(at: int) -> int:
        with closing(service_database(Settings(service_database_url=world.local.service_url))) as database:
            return record(database, TODAY, [], [function("orders", 10, 5), function("users", 10, 0)])

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(run, range(8))) == [0] * 7 + [1]
    assert len(alarms(world)) == 1


@pytest.mark.db
def test_failed_job_records_nothing(world: MgmtWorld, service: Database, unreachable_cloud: None) -> None:
    from botocore.exceptions import BotoCoreError  # type: ignore[import-untyped]

    before = world.snapshot()
    with pytest.raises(BotoCoreError):
        aggregate_day(TODAY, database=service)

    assert world.snapshot() == before
