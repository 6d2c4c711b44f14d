import json
from typing import Any

import pytest

from org_common.tools.deploy.plan import Plan
from org_common.tools.deploy.rights import render, violations
from tests.org_common.tools.deploy.faults import resources
from tests.org_common.tools.deploy.planned import PLACE, manifest, plan

Json = dict[str, Any]


def policies(document: Json) -> list[Json]:
    return [resource for _, resource in resources(document, "aws_iam_role_policy")]


def test_each_statement_of_each_role_is_needed() -> None:
    count = 0
    for at in range(len(policies(plan()))):
        for statement in range(len(json.loads(policies(plan())[at]["values"]["policy"])["Statement"])):
            changed = plan()
            values = policies(changed)[at]["values"]
            policy = json.loads(values["policy"])
            removed = policy["Statement"].pop(statement)
            values["policy"] = json.dumps(policy)

            found = list(violations(Plan(changed), manifest(), PLACE))

            assert any("does not allow" in each for each in found), removed
            count += 1
    assert count == 21


def widened(role: str, **statement: Any) -> list[str]:
    changed = plan()
    [values] = [each["values"] for each in policies(changed) if each["values"]["role"] == role]
    policy = json.loads(values["policy"])
    policy["Statement"].append({"Effect": "Allow", **statement})
    values["policy"] = json.dumps(policy)
    return list(violations(Plan(changed), manifest(), PLACE))


@pytest.mark.parametrize("role", ["prod-depot", "prod-depot-scheduler", "prod-codedeploy", "prod-rds-proxy"])
def test_more_than_is_declared_is_found(role: str) -> None:
    [found] = widened(role, Action=["dynamodb:GetItem"], Resource=["arn:aws:dynamodb:one"])

    assert found.endswith("allows dynamodb:GetItem, which the app does not need")


def test_pattern_of_actions_is_found() -> None:
    assert "the role prod-depot allows s3:*: name each action" in widened("prod-depot", Action="s3:*", Resource="x")


def test_every_resource_is_found() -> None:
    assert "the role prod-depot allows s3:GetObject on every resource: name those that are needed" in widened(
        "prod-depot", Action=["s3:GetObject"], Resource="*"
    )


def test_managed_policy_is_found() -> None:
    changed = plan()
    attached = {"address": "aws_iam_role_policy_attachment.x", "type": "aws_iam_role_policy_attachment", "values": {}}
    changed["planned_values"]["root_module"]["resources"].append(attached)

    [found] = violations(Plan(changed), manifest(), PLACE)

    assert "a managed policy, whose rights nothing limits" in found


def test_variables_that_are_unknown_are_left_to_the_next_plan() -> None:
    """The endpoint of a proxy that does not exist yet makes all variables unknown."""
    changed = plan()
    for _, resource in resources(changed, "aws_lambda_function", "depot"):
        resource["values"]["environment"] = [{}]

    assert list(violations(Plan(changed), manifest(), PLACE)) == []


def test_placeholders_are_replaced() -> None:
    assert (
        render("arn:{partition}:x:{region}:{account}:{prefix}y", PLACE) == "arn:aws:x:eu-central-1:123456789012:prod-y"
    )
