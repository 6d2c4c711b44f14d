"""Monitoring: figures of the functions from moto's server, connections from PostgreSQL, usage from the table."""

from contextlib import closing
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import psycopg
import pytest

from tests.cora_modules.access.world import ACME, GLOBEX, pages
from tests.cora_modules.mgmt.cloud import Cloud
from tests.cora_modules.mgmt.world import MgmtWorld

pytestmark = pytest.mark.db

FUNCTIONS = "/admin/sys/monitoring/functions"
DATABASE = "/admin/sys/monitoring/database"
USAGE = f"/orgs/{ACME}/usage"


def ago(**past: float) -> str:
    return quote((datetime.now(UTC) - timedelta(**past)).isoformat())


# --- functions: moto's server implements ListFunctions, GetMetricData and FilterLogEvents -----


def test_figures_of_each_function(world: MgmtWorld, cloud: Cloud) -> None:
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    cloud.create_function("access-orgs")
    cloud.create_function("access-users")
    cloud.report("access-orgs", hour_ago, duration_ms=30, init_ms=200.5)
    cloud.report("access-orgs", hour_ago, duration_ms=10)
    cloud.measure("access-orgs", hour_ago, "Invocations", 4)

    response = world.as_("sam").get(FUNCTIONS)

    orgs, users = response.json()["items"]
    assert (response.status, response.json()["nextCursor"]) == (200, None)
    assert orgs == {
        "function": "access-orgs",
        "invocations": 4,
        "errors": 0,
        "p50Ms": 10.0,
        "p95Ms": 30.0,
        "p99Ms": 30.0,
        "coldStarts": 1,
        "coldStartRate": 0.5,
        "initP50Ms": 200.5,
        "initMaxMs": 200.5,
        "memoryMb": 512,
        "usedMb": 80,
        "timeouts": 0,
        "outOfMemory": 0,
        "isComplete": True,
    }
    assert (users["function"], users["invocations"], users["p50Ms"]) == ("access-users", 0, None)


def test_functions_of_other_stacks_are_left_out(
    world: MgmtWorld, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CORA_FUNCTION_PREFIX", "prod-")
    for name in ("prod-access-orgs", "dev-access-orgs"):
        cloud.create_function(name)

    items = world.as_("sam").get(FUNCTIONS).json()["items"]

    assert [item["function"] for item in items] == ["prod-access-orgs"]


def test_figures_begin_at_a_time(world: MgmtWorld, cloud: Cloud) -> None:
    cloud.create_function("access-orgs")
    cloud.report("access-orgs", datetime.now(UTC) - timedelta(hours=2), duration_ms=30)

    counts = [
        world.as_("sam").get(f"{FUNCTIONS}?since={since}").json()["items"][0]["invocations"]
        for since in (ago(hours=1), ago(hours=3))
    ]

    assert counts == [0, 1]


@pytest.mark.parametrize(
    "since",
    ["yesterday", "2026-11-30T08:00:00", ago(days=15), ago(days=-1), ""],
    ids=["no time", "without a zone", "15 days ago", "tomorrow", "empty"],
)
def test_time_out_of_range_is_refused(world: MgmtWorld, cloud: Cloud, since: str) -> None:
    response = world.as_("sam").get(f"{FUNCTIONS}?since={since}")

    assert (response.status, response.json()["errors"][0]["pointer"]) == (422, "#/since")


def test_unreachable_aws_is_unavailable(world: MgmtWorld, unreachable_cloud: None) -> None:
    response = world.as_("sam").get(FUNCTIONS)

    assert (response.status, response.json()["code"]) == (503, "aws_unavailable")


# --- database ---------------------------------------------------------------------------------


def test_connections_are_counted_by_function(world: MgmtWorld) -> None:
    url = world.local.login_url
    with psycopg.connect(url, application_name="kb-ingest") as ingest, psycopg.connect(url, application_name=""):
        ingest.execute("select 1")
        with closing(psycopg.connect(url, application_name="kb-ingest")):
            response = world.as_("sam").get(DATABASE)

    activity = response.json()
    applications = {each["name"]: each for each in activity["applications"]}
    assert (response.status, activity["isDetailed"]) == (200, True)
    assert applications["kb-ingest"] == {"name": "kb-ingest", "connections": 2, "active": 0, "idleInTransaction": 1}
    assert applications["unknown"]["connections"] >= 1
    assert 0 < activity["connections"] < activity["maxConnections"]


def test_waits_and_statements_are_those_of_functions(world: MgmtWorld) -> None:
    """One session holds a lock that another waits for; the superuser's statement is not shown."""
    login = psycopg.connect(world.local.login_url, application_name="kb-ingest", autocommit=True)
    with closing(login):
        with psycopg.connect(world.local.login_url) as holder:
            holder.execute("select pg_advisory_xact_lock(4711)")
            login.pgconn.send_query(b"select pg_advisory_lock(4711)")
            while not (waits := world.as_("sam").get(DATABASE).json())["waits"]:
                pass
        assert waits["waits"] == [{"event": "Lock advisory", "connections": 1}]
        (statement,) = waits["statements"]
        assert statement["statement"] == "select pg_advisory_lock(4711)"
        assert (statement["application"], statement["runningMs"] >= 0) == ("kb-ingest", True)


def test_states_are_hidden_without_the_role_for_them(world: MgmtWorld) -> None:
    world.admin.execute("revoke pg_read_all_stats from app_rules granted by app_migrator")
    try:
        with closing(psycopg.connect(world.local.login_url, application_name="kb-ingest")):
            activity = world.as_("sam").get(DATABASE).json()
    finally:
        world.admin.execute("grant pg_read_all_stats to app_rules granted by app_migrator")

    assert (activity["isDetailed"], activity["statements"], activity["waits"]) == (False, [], [])
    assert "kb-ingest" in [each["name"] for each in activity["applications"]]


# --- usage ------------------------------------------------------------------------------------


def test_usage_is_newest_first(world: MgmtWorld) -> None:
    for day in (1, 2, 3):
        for module in ("ws", "ai"):
            world.add(
                "usage_daily",
                org_id=ACME,
                day=f"2026-12-0{day}",
                module=module,
                calls=day,
                errors=0,
                duration_ms=5,
                cold_starts=0,
            )

    found = [(item["day"], item["module"]) for page in pages(world.as_("alice"), USAGE, 2) for item in page]

    assert found == [
        *[(f"2026-12-0{day}", module) for day in (3, 2, 1) for module in ("ai", "ws")],
        ("2026-01-31", "access"),
    ]


def test_usage_is_that_of_the_organization(world: MgmtWorld) -> None:
    world.admin.execute("update mgmt.usage_daily set calls = 77 where org_id = %s", [GLOBEX])

    assert [item["calls"] for item in world.as_("alice").get(USAGE).json()["items"]] == [20]
