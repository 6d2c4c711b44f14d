import copy
import json
from typing import Any

import pytest

from org_common.tools.database.migrations import Migration
from org_common.tools.deploy import words
from org_common.tools.deploy.plan import Plan
from org_common.tools.deploy.recorded import Recorded
from tests.org_common.tools.deploy.planned import PLACE, manifest

Json = dict[str, Any]
FUNCTIONS = {**manifest(), "line": "1", "runtime": "python3.13", "architecture": "arm64", "layers": {}}


def step(address: str, *actions: str, before: Json | None = None, after: Json | None = None) -> Json:
    type_ = next(part for part in address.split(".") if part.startswith("aws_"))
    change = {"actions": list(actions), "before": before, "after": after, "after_unknown": {}}
    return {"address": address, "type": type_, "change": change}


def lines(*steps: Json, before: Json | None = FUNCTIONS, after: Json = FUNCTIONS) -> list[str]:
    plan = Plan({"planned_values": {"root_module": {}}, "resource_changes": list(steps)})
    return [str(line) for line in words.of_plan(plan, Recorded("module.stack.", PLACE, before, after))]


def policy(*rights: tuple[str, str], effect: str = "Allow") -> Json:
    statements = [{"Effect": effect, "Action": action, "Resource": resource} for action, resource in rights]
    return {"role": "prod-depot", "policy": json.dumps({"Statement": statements})}


def test_unchanged_plan_says_nothing() -> None:
    same = policy(("kms:Sign", "arn:one"))

    assert lines(step("aws_iam_role_policy.this", "no-op", before=same, after=same)) == []


def test_manifests_are_compared() -> None:
    new = copy.deepcopy(FUNCTIONS)
    new["functions"]["depot"] |= {"memory": 1024}
    new["functions"]["depot"]["routes"].append({**new["functions"]["depot"]["routes"][2], "key": "GET /hours"})

    assert lines(after=new) == [
        "depot: memory 512 became 1024 MB",
        "depot: a new route, GET /hours, allowed by PUBLIC   [public route]",
    ]


def test_first_deploy_is_counted() -> None:
    assert lines(before=None) == [
        "all functions: the first deploy: 4 functions, 3 routes",
        "depot: a new route, GET /health, allowed by PUBLIC   [public route]",
    ]


def test_route_that_loses_its_authorizer_is_public() -> None:
    found = lines(
        step(
            "aws_apigatewayv2_route.items",
            "update",
            before={"route_key": "GET /items", "authorization_type": "CUSTOM"},
            after={"route_key": "GET /items", "authorization_type": "NONE"},
        ),
        step("aws_apigatewayv2_route.preflight", "create", after={"route_key": "OPTIONS /items"}),
        step(
            "aws_apigatewayv2_route.guarded",
            "create",
            after={"route_key": "GET /x", "authorization_type": "JWT"},
        ),
    )

    assert found == ["API: GET /items is reachable without the authorizer   [public route]"]


def test_route_of_the_manifest_is_public_once() -> None:
    opened = step(
        "aws_apigatewayv2_route.x", "create", after={"route_key": "GET /health", "authorization_type": "NONE"}
    )

    assert [line for line in lines(opened, before=None) if "[public route]" in line] == [
        "depot: a new route, GET /health, allowed by PUBLIC   [public route]"
    ]


def test_open_function_url_is_public() -> None:
    url = {"function_name": "prod-depot", "authorization_type": "NONE"}

    [line] = lines(step("aws_lambda_function_url.this", "create", after=url))

    assert line.startswith("prod-depot: gets a URL that is open to everyone")


def test_changed_rights_of_a_role_are_named() -> None:
    found = lines(
        step(
            "aws_iam_role_policy.this",
            "update",
            before=policy(("kms:Sign", "arn:one"), ("s3:GetObject", "arn:two")),
            after=policy(("kms:Sign", "arn:one"), ("sqs:SendMessage", "arn:two"), ("sqs:GetQueueUrl", "arn:two")),
        )
    )

    assert found == [
        "role prod-depot: may call sqs:GetQueueUrl, sqs:SendMessage on arn:two   [wider role]",
        "role prod-depot: may no longer call s3:GetObject on arn:two",
    ]


def test_removed_refusal_is_named() -> None:
    denied = policy(("kms:Sign", "arn:one"), effect="Deny")

    [line] = lines(step("aws_iam_role_policy.this", "update", before=denied, after=policy()))

    assert line == "role prod-depot: changed its refusal of kms:Sign on arn:one   [wider role]"


def test_unknown_rights_are_named() -> None:
    unknown = step("aws_iam_role_policy.this", "update", before=policy(), after={"role": "prod-depot"})

    assert lines(unknown) == ["role prod-depot: its rights are known only after the apply   [wider role]"]


def test_new_role_is_left_to_the_checks() -> None:
    assert lines(step("aws_iam_role_policy.this", "create", after=policy(("kms:Sign", "arn:one")))) == []


def test_deleted_resources_are_named_or_counted() -> None:
    found = lines(
        step("aws_dynamodb_table.carts", "delete", before={}),
        step("aws_cloudwatch_metric_alarm.a", "delete", before={}),
        step("aws_cloudwatch_metric_alarm.b", "delete", before={}),
        step("aws_lambda_layer_version.runtime", "delete", "create", before={}, after={}),
        step("aws_iam_role_policy.gone", "delete", before=policy(("kms:Sign", "arn:one"))),
    )

    assert found == [
        "aws_dynamodb_table.carts: is deleted, with what it holds   [data]",
        "also deleted: 2 aws_cloudwatch_metric_alarm, 1 aws_iam_role_policy   [removed]",
    ]


@pytest.mark.parametrize(
    ("sql", "dropped"),
    [
        ("create table crates (id int); drop index old;", ""),
        ("drop table if exists labels; drop table carts;", ", with drop table   [data]"),
        ("alter table crates add a int, drop column b;", ", with drop column   [data]"),
        ("alter table crates drop b;", ", with drop column   [data]"),
        ("alter table crates drop constraint c, alter column d drop not null, alter e drop default;", ""),
        ("truncate crates; drop schema old cascade;", ", with truncate, drop schema   [data]"),
        ("select 'drop table x'; -- drop table y", ""),
    ],
)
def test_migration_says_what_it_drops(sql: str, dropped: str) -> None:
    [line] = words.of_migrations([Migration("shop", 7, "tidy", sql, "")])

    assert str(line) == f"database: applies 0007_tidy.sql of package shop{dropped}"
