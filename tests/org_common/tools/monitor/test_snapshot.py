"""What is read: functions on moto's server, connections of an embedded PostgreSQL."""

import json
from contextlib import closing
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from org_common.telemetry.monitoring.function_monitor import FunctionHistory
from org_common.telemetry.monitoring.lambda_report import LambdaReport
from org_common.tools.database.local import LocalDatabase
from org_common.tools.monitor.snapshot import Activity, Slot, Snapshot, read_activity, read_functions
from org_common.tools.project.project import ToolError
from tests.support.aws import FakeAws

UNTIL = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
SINCE = UNTIL - timedelta(hours=4)


def report(duration_ms: float, **fields: float) -> LambdaReport:
    return LambdaReport("id", duration_ms, duration_ms, 512, 80, **fields)  # type: ignore[arg-type]


def test_document_for_programs() -> None:
    history = FunctionHistory("orders", [(SINCE, report(10.0, init_ms=250.0))])
    activity = Activity(97, 1, [("orders", 1, 1, 0)], [])

    found = json.loads(json.dumps(Snapshot(SINCE, UNTIL, [history], activity).document()))

    assert found["since"] == SINCE.isoformat()
    [function] = found["functions"]
    assert (function["function"], function["cold_starts"], function["p50_ms"]) == ("orders", 1, 10.0)
    assert found["database"]["applications"] == [["orders", 1, 1, 0]]


def test_slots_are_equal_parts_of_the_time() -> None:
    reports = [(SINCE, 1.0), (SINCE + timedelta(minutes=59), 3.0), (SINCE + timedelta(hours=1), 5.0), (UNTIL, 7.0)]
    history = FunctionHistory("orders", [(at, report(ms, init_ms=ms) if ms == 3 else report(ms)) for at, ms in reports])

    slots = Snapshot(SINCE, UNTIL, [history], None).slots(history, 4)

    assert slots == [Slot(2, 1, 3.0), Slot(1, 0, 5.0), Slot(0, 0, None), Slot(1, 0, 7.0)]


def test_account_without_functions(aws: FakeAws) -> None:
    assert read_functions("", SINCE, UNTIL) == []


def test_unreachable_aws_is_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**FakeAws("http://127.0.0.1:9").environ, "AWS_MAX_ATTEMPTS": "1"}.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(ToolError, match=r"^AWS: Could not connect to the endpoint URL"):
        read_functions("", SINCE, UNTIL)


@pytest.mark.db
def test_connections_are_counted_by_application(database: LocalDatabase) -> None:
    with closing(psycopg.connect(database.login_url, application_name="kb-ingest")) as conn:
        conn.execute("select 1")
        activity = read_activity(database.admin_url)

    assert ("kb-ingest", 1, 0, 1) in activity.applications
    assert 0 < activity.connections < activity.limit


@pytest.mark.db
def test_role_without_statistics_sees_names(database: LocalDatabase) -> None:
    with closing(psycopg.connect(database.admin_url, application_name="kb-ingest")):
        activity = read_activity(database.login_url)

    assert ("kb-ingest", 1, 0, 0) in activity.applications
    assert activity.statements == []
