"""The difference between settings and what is deployed, without any call."""

from datetime import UTC, datetime
from typing import Any

import pytest

from cora_modules.mgmt.models.lambda_config import DeployedFunction, LambdaSetting
from cora_modules.mgmt.plan import plan, state

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
DAY = {"days": ["mon"], "start": "08:00", "end": "18:00", "provisioned": 5}
BERLIN = {"timezone": "Europe/Berlin", "windows": [DAY]}
ACTIONS = {
    "cora-0800-5": ("cron(0 8 ? * MON *)", "Europe/Berlin", 5),
    "cora-1800-1": ("cron(0 18 ? * MON *)", "Europe/Berlin", 1),
}


def deployed(**fields: Any) -> DeployedFunction:
    values: dict[str, Any] = {
        "function": "orders",
        "memory_mb": 512,
        "timeout_s": 29,
        "runtime": "python3.13",
        "version": "1",
        "is_released": True,
        "layers": [],
        "reserved": None,
        "provisioned": None,
        "snap_start": False,
        "scaling": None,
        "actions": {},
    }
    return DeployedFunction(**{**values, **fields})


def wanted(**fields: Any) -> LambdaSetting:
    values: dict[str, Any] = {
        "function": "orders",
        "memory_mb": None,
        "provisioned": None,
        "schedule": None,
        "applied_at": None,
        "updated_at": NOW,
    }
    return LambdaSetting.model_validate({**values, **fields}, by_name=True)


def provisioned(requested: int) -> dict[str, object]:
    return {"requested": requested, "available": requested, "status": "READY"}


@pytest.mark.parametrize(
    ("setting", "function", "fields"),
    [
        ({}, {}, []),
        ({"memory_mb": 512}, {}, []),
        ({"memory_mb": 1024}, {}, ["memoryMb"]),
        ({"provisioned": 0}, {}, []),
        ({"provisioned": 2}, {}, ["provisioned"]),
        ({"provisioned": 2}, {"provisioned": provisioned(2)}, []),
        ({"provisioned": 0}, {"provisioned": provisioned(2)}, ["provisioned"]),
        ({"provisioned": 1, "schedule": BERLIN}, {}, ["provisioned", "schedule"]),
        ({"provisioned": 1, "schedule": BERLIN}, {"scaling": (5, 5), "actions": ACTIONS}, []),
        # At another time, its own actions set these limits.
        ({"provisioned": 1, "schedule": BERLIN}, {"scaling": (1, 1), "actions": ACTIONS}, ["provisioned"]),
        ({"provisioned": 2, "schedule": BERLIN}, {"scaling": (5, 5), "actions": ACTIONS}, ["schedule"]),
        # The schedule was removed.
        ({"provisioned": 5}, {"provisioned": provisioned(5), "scaling": (5, 5), "actions": ACTIONS}, ["provisioned"]),
        ({}, {"provisioned": provisioned(5), "scaling": (5, 5), "actions": ACTIONS}, ["schedule"]),
        # A target and actions that others made.
        ({}, {"scaling": (1, 9), "actions": {"by-hand": ("cron(0 4 ? * MON *)", "UTC", 9)}}, []),
        ({"provisioned": 2}, {"provisioned": provisioned(2), "scaling": (1, 9)}, []),
    ],
)
def test_changes(setting: dict[str, Any], function: dict[str, Any], fields: list[str]) -> None:
    assert [change.field for change in plan(wanted(**setting), deployed(**function), NOW)] == fields


def test_function_without_settings_stays_as_it_is() -> None:
    found = state(None, deployed(), NOW)

    assert (found.drift, found.next_change_at) == ([], None)


def test_next_change_is_that_of_the_schedule() -> None:
    found = state(wanted(schedule=BERLIN), deployed(), NOW)

    assert found.next_change_at == datetime(2026, 11, 30, 17, 0, tzinfo=UTC)
