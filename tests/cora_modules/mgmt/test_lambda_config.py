"""The configuration of functions. `moto` marks what moto's server implements, `stub` what the recorder adds to it."""

import json
from typing import Any

import pytest

from org_common.testing.client import Answer
from tests.cora_modules.mgmt.cloud import Cloud
from tests.cora_modules.mgmt.recorder import Recorder
from tests.cora_modules.mgmt.world import FUNCTION, MgmtWorld

pytestmark = pytest.mark.db

PATH = "/admin/sys/lambda-config"
ONE = f"{PATH}/{FUNCTION}"
SYNC = f"{PATH}/sync"
# All day, every day: the same at any time at which the test runs.
DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WINDOW: dict[str, object] = {"days": DAYS, "start": "00:00", "end": "00:00", "provisioned": 5}
ALWAYS: dict[str, object] = {"timezone": "Europe/Berlin", "windows": [WINDOW]}
ALWAYS_ACTION = "cron(0 0 ? * MON,TUE,WED,THU,FRI,SAT,SUN *)"
TARGET = f"function:{FUNCTION}:live"


def states(world: MgmtWorld) -> dict[str, Any]:
    response = world.as_("sam").get(PATH)
    assert response.status == 200, response
    return {item["deployed"]["function"]: item for item in response.json()["items"]}


def want(world: MgmtWorld, **fields: object) -> Answer:
    return world.as_("sam").patch(ONE, fields)


def sync(world: MgmtWorld, **fields: object) -> dict[str, Any]:
    response = world.as_("sam").post(SYNC, fields)
    assert response.status == 200, response
    result: dict[str, Any] = response.json()
    return result


def told(changes: list[dict[str, Any]]) -> list[tuple[object, ...]]:
    return [(each["function"], each["field"], each["before"], each["after"]) for each in changes]


def setting(world: MgmtWorld) -> dict[str, Any]:
    (row,) = world.read("lambda_settings")
    return row


# --- what is wanted ---------------------------------------------------------------------------


def test_settings_are_merged(world: MgmtWorld) -> None:
    want(world, provisioned=2, schedule=ALWAYS)
    kept = want(world, memoryMb=1024).json()
    cleared = want(world, provisioned=None, schedule=None).json()

    assert (kept["memoryMb"], kept["provisioned"], kept["schedule"]) == (1024, 2, ALWAYS)
    assert (cleared["memoryMb"], cleared["provisioned"], cleared["schedule"]) == (1024, None, None)
    assert setting(world)["schedule"] is None


def test_settings_of_a_new_function_are_created(world: MgmtWorld) -> None:
    response = world.as_("sam").patch(f"{PATH}/kb-ingest", {"memoryMb": 2048})

    assert (response.status, response.json()["function"], response.json()["provisioned"]) == (200, "kb-ingest", None)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"memoryMb": 127}, "#/memoryMb"),
        ({"memoryMb": 10_241}, "#/memoryMb"),
        ({"provisioned": -1}, "#/provisioned"),
        ({"provisioned": 1.5}, "#/provisioned"),
        ({"schedule": {**ALWAYS, "timezone": "Mars/Olympus"}}, "#/schedule/timezone"),
        ({"schedule": {**ALWAYS, "timezone": "../etc/passwd"}}, "#/schedule/timezone"),
        ({"schedule": {**ALWAYS, "timezone": "/etc/localtime"}}, "#/schedule/timezone"),
        ({"schedule": {**ALWAYS, "windows": []}}, "#/schedule/windows"),
        ({"schedule": {**ALWAYS, "windows": [WINDOW] * 21}}, "#/schedule/windows"),
        ({"schedule": {**ALWAYS, "windows": [{**WINDOW, "start": "24:00"}]}}, "#/schedule/windows/0/start"),
        ({"schedule": {**ALWAYS, "windows": [{**WINDOW, "days": ["mo"]}]}}, "#/schedule/windows/0/days/0"),
        ({"appliedAt": None}, "#/appliedAt"),
    ],
)
def test_wrong_value_is_refused(world: MgmtWorld, body: dict[str, object], pointer: str) -> None:
    before = world.snapshot()
    response = world.as_("sam").patch(ONE, body)

    assert (response.status, [each["pointer"] for each in response.json()["errors"]]) == (422, [pointer])
    assert world.snapshot() == before


@pytest.mark.parametrize("name", ["a.b", "x" * 65, "a%20b"])
def test_name_that_no_function_has_is_refused(world: MgmtWorld, name: str) -> None:
    assert world.as_("sam").patch(f"{PATH}/{name}", {"memoryMb": 512}).status == 422


# --- what is deployed -------------------------------------------------------------------------


def test_functions_are_shown_as_deployed(world: MgmtWorld, cloud: Cloud, calls: Recorder) -> None:
    """moto: functions, versions, aliases, layers, reserved concurrency, scaling. stub: provisioned concurrency."""
    layer = cloud.publish_layer("org-common-runtime")
    cloud.create_function(FUNCTION, Layers=[layer])
    cloud.publish_layer("org-common-runtime")
    cloud.create_function("access-users", alias=None)
    cloud.client("lambda").put_function_concurrency(FunctionName=FUNCTION, ReservedConcurrentExecutions=20)
    calls.provisioned[FUNCTION] = 3

    found = states(world)

    assert list(found) == [FUNCTION, "access-users"]
    assert found[FUNCTION]["deployed"] == {
        "function": FUNCTION,
        "memoryMb": 512,
        "timeoutS": 29,
        "runtime": "python3.13",
        "version": "1",
        "isReleased": True,
        "layers": [{"name": "org-common-runtime", "version": 1, "wanted": 2}],
        "reserved": 20,
        "provisioned": {"requested": 3, "available": 3, "status": "READY"},
        "snapStart": False,
        "scaling": None,
        "actions": {},
    }
    assert (found[FUNCTION]["wanted"]["memoryMb"], found[FUNCTION]["drift"]) == (512, [])
    users = found["access-users"]
    assert (users["deployed"]["version"], users["deployed"]["provisioned"], users["wanted"]) == ("$LATEST", None, None)


def test_difference_is_shown(world: MgmtWorld, cloud: Cloud, calls: Recorder) -> None:
    cloud.create_function(FUNCTION)
    want(world, memoryMb=1024, provisioned=2)

    (state,) = states(world).values()

    assert told(state["drift"]) == [(FUNCTION, "memoryMb", "512", "1024"), (FUNCTION, "provisioned", "0", "2")]
    assert {change["status"] for change in state["drift"]} == {"planned"}
    assert calls.writes() == []


def test_account_without_functions(world: MgmtWorld, cloud: Cloud, calls: Recorder) -> None:
    assert states(world) == {}


# --- sync -------------------------------------------------------------------------------------


def test_dry_run_changes_nothing(world: MgmtWorld, cloud: Cloud, calls: Recorder) -> None:
    cloud.create_function(FUNCTION)
    want(world, memoryMb=1024, provisioned=2, schedule=ALWAYS)
    before = world.snapshot()

    result = sync(world, dryRun=True)

    assert told(result["planned"]) == [
        (FUNCTION, "memoryMb", "512", "1024"),
        (FUNCTION, "provisioned", None, "5"),
        (FUNCTION, "schedule", None, f"{ALWAYS_ACTION} Europe/Berlin -> 5"),
    ]
    assert (result["changed"], result["failed"], calls.writes()) == ([], [], [])
    assert world.snapshot() == before


def test_memory_moves_the_alias_to_a_new_version(world: MgmtWorld, cloud: Cloud, calls: Recorder) -> None:
    """moto: UpdateFunctionConfiguration, PublishVersion, UpdateAlias."""
    cloud.create_function(FUNCTION)
    want(world, memoryMb=1024)

    result = sync(world)

    live = cloud.client("lambda").get_function_configuration(FunctionName=FUNCTION, Qualifier="live")
    assert told(result["changed"]) == [(FUNCTION, "memoryMb", "512", "1024")]
    assert (live["Version"], live["MemorySize"]) == ("2", 1024)
    assert calls.writes() == [
        f"PUT functions/{FUNCTION}/configuration",
        f"POST functions/{FUNCTION}/versions",
        f"PUT functions/{FUNCTION}/aliases/live",
    ]


def test_memory_of_a_function_without_alias(world: MgmtWorld, cloud: Cloud, calls: Recorder) -> None:
    cloud.create_function(FUNCTION, alias=None)
    want(world, memoryMb=1024)

    sync(world)

    assert calls.writes() == [f"PUT functions/{FUNCTION}/configuration"]
    assert states(world)[FUNCTION]["deployed"]["memoryMb"] == 1024


@pytest.mark.parametrize("unreleased", [{}, {"Timeout": 5}, {"Environment": {"Variables": {"A": "1"}}}])
def test_what_is_unreleased_stays_unreleased(
    world: MgmtWorld, cloud: Cloud, calls: Recorder, unreleased: dict[str, Any]
) -> None:
    cloud.create_function(FUNCTION)
    if unreleased:
        cloud.client("lambda").update_function_configuration(FunctionName=FUNCTION, **unreleased)
    else:
        cloud.deploy_code(FUNCTION)
    want(world, memoryMb=1024)

    result = sync(world)

    assert [each["reason"] for each in result["failed"]] == [
        "$LATEST has code or settings that the alias live does not: release them first"
    ]
    assert calls.writes() == []


@pytest.mark.parametrize(
    ("deployed", "wanted", "writes"),
    [
        (None, 3, [f"PUT functions/{FUNCTION}/provisioned-concurrency?Qualifier=live"]),
        (2, 3, [f"PUT functions/{FUNCTION}/provisioned-concurrency?Qualifier=live"]),
        (2, 0, [f"DELETE functions/{FUNCTION}/provisioned-concurrency?Qualifier=live"]),
        (None, 0, []),
        (3, 3, []),
        (3, None, []),
    ],
)
def test_provisioned_concurrency(
    world: MgmtWorld, cloud: Cloud, calls: Recorder, deployed: int | None, wanted: int | None, writes: list[str]
) -> None:
    """stub: provisioned concurrency."""
    cloud.create_function(FUNCTION)
    if deployed is not None:
        calls.provisioned[FUNCTION] = deployed
    want(world, provisioned=wanted)

    sync(world)

    assert calls.writes() == writes
    assert calls.provisioned.get(FUNCTION, 0) == (wanted if wanted is not None else deployed)


def test_schedule_is_applied_by_auto_scaling(world: MgmtWorld, cloud: Cloud, calls: Recorder) -> None:
    """moto: RegisterScalableTarget, PutScheduledAction, DescribeScheduledActions, with their time zone."""
    cloud.create_function(FUNCTION)
    want(world, provisioned=1, schedule=ALWAYS)

    sync(world)

    scaling = cloud.client("application-autoscaling")
    (target,) = scaling.describe_scalable_targets(ServiceNamespace="lambda")["ScalableTargets"]
    (action,) = scaling.describe_scheduled_actions(ServiceNamespace="lambda")["ScheduledActions"]
    assert (target["ResourceId"], target["MinCapacity"], target["MaxCapacity"]) == (TARGET, 5, 5)
    assert (action["ResourceId"], action["Schedule"], action["Timezone"]) == (TARGET, ALWAYS_ACTION, "Europe/Berlin")
    assert action["ScalableTargetAction"] == {"MinCapacity": 5, "MaxCapacity": 5}
    assert calls.writes() == ["RegisterScalableTarget", "PutScheduledAction"]
    state = states(world)[FUNCTION]
    assert (state["drift"], state["nextChangeAt"]) == ([], None)


def test_changed_schedule_replaces_its_own_actions_only(world: MgmtWorld, cloud: Cloud, calls: Recorder) -> None:
    cloud.create_function(FUNCTION)
    want(world, provisioned=1, schedule=ALWAYS)
    sync(world)
    scaling = cloud.client("application-autoscaling")
    scaling.put_scheduled_action(
        ServiceNamespace="lambda",
        ResourceId=TARGET,
        ScalableDimension="lambda:function:ProvisionedConcurrency",
        ScheduledActionName="by-hand",
        Schedule="cron(0 4 ? * MON *)",
        ScalableTargetAction={"MinCapacity": 9, "MaxCapacity": 9},
    )
    calls.calls.clear()
    want(world, schedule={**ALWAYS, "timezone": "America/New_York", "windows": [{**WINDOW, "provisioned": 6}]})

    sync(world)

    found = scaling.describe_scheduled_actions(ServiceNamespace="lambda")["ScheduledActions"]
    assert {each["ScheduledActionName"]: each.get("Timezone") for each in found} == {
        "by-hand": None,
        "cora-0000-6": "America/New_York",
    }
    assert calls.writes() == ["RegisterScalableTarget", "PutScheduledAction", "DeleteScheduledAction"]


def test_removed_schedule_removes_its_target(world: MgmtWorld, cloud: Cloud, calls: Recorder) -> None:
    cloud.create_function(FUNCTION)
    want(world, provisioned=1, schedule=ALWAYS)
    sync(world)
    calls.calls.clear()
    want(world, schedule=None)

    sync(world)

    assert calls.writes() == [
        "DeleteScheduledAction",
        "DeregisterScalableTarget",
        f"PUT functions/{FUNCTION}/provisioned-concurrency?Qualifier=live",
    ]
    assert states(world)[FUNCTION]["drift"] == []


def test_schedule_that_is_left_to_nobody_is_removed(world: MgmtWorld, cloud: Cloud, calls: Recorder) -> None:
    cloud.create_function(FUNCTION)
    want(world, schedule=ALWAYS)
    sync(world)
    calls.calls.clear()
    want(world, schedule=None)

    result = sync(world)

    assert told(result["changed"]) == [(FUNCTION, "schedule", f"{ALWAYS_ACTION} Europe/Berlin -> 5", None)]
    assert calls.writes() == ["DeleteScheduledAction", "DeregisterScalableTarget"]
    assert states(world)[FUNCTION]["drift"] == []


@pytest.mark.parametrize("wanted", [{"memoryMb": 1024}, {"provisioned": 2}, {"schedule": ALWAYS}, {"provisioned": 0}])
def test_second_sync_changes_nothing(
    world: MgmtWorld, cloud: Cloud, calls: Recorder, wanted: dict[str, object]
) -> None:
    cloud.create_function(FUNCTION)
    want(world, **wanted)
    sync(world)
    calls.calls.clear()

    result = sync(world)

    assert (result["changed"], result["failed"], calls.writes()) == ([], [], [])


def test_sync_is_recorded(world: MgmtWorld, cloud: Cloud, calls: Recorder) -> None:
    cloud.create_function(FUNCTION)
    want(world, memoryMb=1024)
    assert setting(world)["applied_at"] is None

    sync(world)

    assert setting(world)["applied_at"] is not None
    assert setting(world)["updated_by"] == world.users["sam"]


def test_only_the_named_functions_are_synced(world: MgmtWorld, cloud: Cloud, calls: Recorder) -> None:
    for name in (FUNCTION, "access-users"):
        cloud.create_function(name)
        world.as_("sam").patch(f"{PATH}/{name}", {"memoryMb": 1024})

    result = sync(world, functions=["access-users", "nothing"])

    assert (result["functions"], told(result["changed"])) == (
        ["access-users"],
        [("access-users", "memoryMb", "512", "1024")],
    )


# --- faults -----------------------------------------------------------------------------------


def test_failed_change_prevents_no_other(world: MgmtWorld, cloud: Cloud, calls: Recorder) -> None:
    for name in (FUNCTION, "access-users"):
        cloud.create_function(name)
        world.as_("sam").patch(f"{PATH}/{name}", {"memoryMb": 1024, "provisioned": 2})
    calls.rejected[f"PUT /2019-09-30/functions/{FUNCTION}/"] = "Specified ConcurrentExecutions exceeds the limit"
    result = sync(world)

    assert told(result["failed"]) == [(FUNCTION, "provisioned", "0", "2")]
    assert "exceeds the limit" in result["failed"][0]["reason"]
    assert [change[:2] for change in told(result["changed"])] == [
        (FUNCTION, "memoryMb"),
        ("access-users", "memoryMb"),
        ("access-users", "provisioned"),
    ]
    rows = {row["function"]: row for row in world.read("lambda_settings")}
    assert rows[FUNCTION]["applied_at"] is None
    assert [change["field"] for change in rows[FUNCTION]["drift"]] == ["provisioned"]
    assert (rows["access-users"]["applied_at"] is not None, rows["access-users"]["drift"]) == (True, [])

    calls.rejected.clear()
    assert told(sync(world)["changed"]) == [(FUNCTION, "provisioned", "0", "2")]
    assert setting_of(world, FUNCTION)["drift"] == []


def setting_of(world: MgmtWorld, function: str) -> dict[str, Any]:
    return next(row for row in world.read("lambda_settings") if row["function"] == function)


def test_settings_of_a_function_that_is_not_deployed(world: MgmtWorld, cloud: Cloud, calls: Recorder) -> None:
    result = sync(world)

    assert [(each["function"], each["field"]) for each in result["failed"]] == [(FUNCTION, "function")]
    assert setting(world)["applied_at"] is None


def test_provisioned_concurrency_needs_the_alias(world: MgmtWorld, cloud: Cloud, calls: Recorder) -> None:
    cloud.create_function(FUNCTION, alias=None)
    want(world, provisioned=2)

    result = sync(world)

    assert "no alias live" in result["failed"][0]["reason"]
    assert calls.writes() == []


def test_throttled_calls_are_sent_again(world: MgmtWorld, cloud: Cloud, calls: Recorder) -> None:
    cloud.create_function(FUNCTION)
    want(world, memoryMb=1024)
    calls.throttled = 2

    result = sync(world)

    assert (len(result["changed"]), calls.throttled) == (1, 0)


def test_unreachable_aws_changes_nothing(world: MgmtWorld, unreachable_cloud: None) -> None:
    before = world.snapshot()
    responses = [world.as_("sam").get(PATH), world.as_("sam").post(SYNC, {})]

    assert [(each.status, each.json()["code"]) for each in responses] == [(503, "aws_unavailable")] * 2
    assert world.snapshot() == before


@pytest.mark.parametrize("body", [{"dryRun": "perhaps"}, {"functions": ["a b"]}, {"functions": "all"}, []])
def test_wrong_request_of_a_sync_is_refused(world: MgmtWorld, calls: Recorder, body: object) -> None:
    assert (world.as_("sam").post(SYNC, body).status, calls.calls) == (422, [])


@pytest.mark.parametrize("name", ["alice", "erin", "stranger", "expired", "anonymous"])
@pytest.mark.parametrize(("method", "path"), [("GET", PATH), ("PATCH", ONE), ("POST", SYNC)])
def test_refused_caller_causes_no_call(world: MgmtWorld, calls: Recorder, method: str, path: str, name: str) -> None:
    response = world.as_(name).send(method, path, body=None if method == "GET" else {})

    assert (response.status in (401, 403), calls.calls) == (True, [])


def test_responses_are_json_of_a_size_that_fits(world: MgmtWorld, cloud: Cloud, calls: Recorder) -> None:
    for at in range(19):
        cloud.create_function(f"function-{at:02}", alias=None)

    response = world.as_("sam").get(PATH)

    assert (len(response.json()["items"]), len(json.dumps(response.json())) < 64_000) == (19, True)
