"""Reading an account: to the last page, within the time, and without layers of other accounts. Clients are scripted."""

from typing import Any

import pytest

from cora_modules.mgmt.deployed import Account, resource
from org_common import Deadline, GatewayTimeout

ACCOUNT, OTHER = "111111111111", "222222222222"


def function(name: str, *, layer_account: str = ACCOUNT) -> dict[str, Any]:
    return {
        "FunctionName": name,
        "FunctionArn": f"arn:aws:lambda:eu-central-1:{ACCOUNT}:function:{name}",
        "MemorySize": 512,
        "Timeout": 29,
        "Runtime": "python3.13",
        "Version": "$LATEST",
        "CodeSha256": "x",
        "SnapStart": {"ApplyOn": "PublishedVersions"},
        "Layers": [{"Arn": f"arn:aws:lambda:eu-central-1:{layer_account}:layer:runtime:3"}],
    }


class Missing(Exception):
    pass


class Scripted:
    """A client of both services, whose lists have several pages."""

    class exceptions:  # noqa: N801 - as botocore names it
        ResourceNotFoundException = Missing
        ProvisionedConcurrencyConfigNotFoundException = Missing

    def __init__(self, functions: list[dict[str, Any]]) -> None:
        self.calls: list[str] = []
        action = {"ResourceId": resource("b"), "ScheduledActionName": "n", "Schedule": "cron(0 1 ? * MON *)"}
        target = {"ResourceId": resource("b"), "MinCapacity": 1, "MaxCapacity": 4}
        self._pages: dict[str, list[dict[str, Any]]] = {
            "list_functions": [{"Functions": [each]} for each in functions],
            "list_layer_versions": [{"LayerVersions": [{"Version": 3}]}, {"LayerVersions": [{"Version": 9}]}],
            "describe_scalable_targets": [{"ScalableTargets": []}, {"ScalableTargets": [target]}],
            "describe_scheduled_actions": [{"ScheduledActions": []}, {"ScheduledActions": [action]}],
        }

    def get_paginator(self, operation: str) -> "Scripted":
        self.calls.append(operation)
        return self

    def paginate(self, **arguments: Any) -> list[dict[str, Any]]:
        return self._pages[self.calls[-1]]

    def get_function_concurrency(self, **arguments: Any) -> dict[str, Any]:
        self.calls.append("get_function_concurrency")
        return {}

    def get_function_configuration(self, **arguments: Any) -> dict[str, Any]:
        self.calls.append("get_function_configuration")
        raise Missing


def account(client: Scripted, *, prefix: str = "", left_s: float = 60) -> Account:
    return Account(lambda service: client, prefix, Deadline.after(left_s))


def test_every_list_is_read_to_its_last_page() -> None:
    client = Scripted([function("b"), function("a"), function("other-c")])

    a, b = account(client).functions({"a", "b"})

    assert (a.function, a.scaling, a.actions) == ("a", None, {})
    assert (b.function, b.scaling) == ("b", (1, 4))
    # Without a time zone, an action is in UTC; without a capacity, it changes something else.
    assert b.actions == {"n": ("cron(0 1 ? * MON *)", "UTC", -1)}
    assert (a.layers[0].version, a.layers[0].wanted, a.snap_start) == (3, 9, True)


def test_calls_are_two_for_each_function_and_one_for_each_layer_and_list() -> None:
    client = Scripted([function(name) for name in "abcd"])

    account(client).functions()

    assert len(client.calls) == 3 + 2 * 4 + 1


def test_layer_of_another_account_is_as_wanted() -> None:
    client = Scripted([function("a", layer_account=OTHER)])

    (found,) = account(client).functions()

    assert (found.layers[0].wanted, "list_layer_versions" in client.calls) == (3, False)


def test_prefix_selects_functions() -> None:
    client = Scripted([function("dev-a"), function("prod-a")])

    assert [each.function for each in account(client, prefix="dev-").functions()] == ["dev-a"]


def test_reading_ends_before_the_deadline() -> None:
    with pytest.raises(GatewayTimeout):
        account(Scripted([function("a")]), left_s=1).functions()
