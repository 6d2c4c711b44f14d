"""The permissions of a role compared with the needs of its function."""

from dataclasses import replace
from typing import Any

import pytest

from org_common import Needs
from org_common.tools.doctor.deployed import Function
from org_common.tools.doctor.iam import parse
from org_common.tools.doctor.roles import check, required_permissions

ORDERS = Function(
    name="orders",
    arn="arn:aws:lambda:eu-central-1:123456789012:function:orders",
    role="arn:aws:iam::123456789012:role/service-role/orders",
    runtime="python3.13",
    architecture="arm64",
    code_sha256="",
    layers=(),
    in_vpc=False,
    reserved=None,
    environ={"ORG_COMMON_DATABASE_SECRET": "prod/app"},
)
LOGS = {
    "Effect": "Allow",
    "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
    "Resource": "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/lambda/orders:*",
}
DATABASE = {
    "Effect": "Allow",
    "Action": "secretsmanager:GetSecretValue",
    "Resource": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:prod/app-??????",
}


def found(function: Function, needs: Needs, *statements: Any) -> list[tuple[str, str]]:
    return [(each.id, each.reason) for each in check(function, needs, parse("inline", {"Statement": list(statements)}))]


def test_just_enough_is_no_finding() -> None:
    assert found(ORDERS, Needs(), LOGS, DATABASE) == []


def test_what_aws_gives_every_function_is_no_finding() -> None:
    """AWSLambdaBasicExecutionRole and AWSXRayDaemonWriteAccess's two."""
    basic = {
        "Effect": "Allow",
        "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": "*",
    }
    traces = {"Effect": "Allow", "Action": ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], "Resource": ["*"]}

    assert found(ORDERS, Needs(), basic, traces, DATABASE) == []


def test_too_little_names_the_action_the_resource_and_what_for() -> None:
    needs = Needs(
        secrets=("ssm:/prod/key",),
        queues=("mails",),
        consumes=("arn:aws:sqs:eu-west-1:1:in",),
        buckets=("docs",),
        actions=("bedrock:InvokeModel",),
    )

    missing_needs = [reason.partition("does not allow ")[2] for _, reason in found(ORDERS, needs, LOGS)]

    secret = str(DATABASE["Resource"]).replace("??????", "AbCdEf")
    parameter = "arn:aws:ssm:eu-central-1:123456789012:parameter/prod/key"
    assert missing_needs == [
        f"secretsmanager:GetSecretValue on {secret}, required for the secret prod/app",
        f"ssm:GetParameter on {parameter}, required for the secret ssm:/prod/key",
        "sqs:SendMessage on arn:aws:sqs:eu-central-1:123456789012:mails, required for messages to mails",
        "sqs:ReceiveMessage on arn:aws:sqs:eu-west-1:1:in, required for messages of arn:aws:sqs:eu-west-1:1:in",
        "sqs:DeleteMessage on arn:aws:sqs:eu-west-1:1:in, required for messages of arn:aws:sqs:eu-west-1:1:in",
        "sqs:GetQueueAttributes on arn:aws:sqs:eu-west-1:1:in, required for messages of arn:aws:sqs:eu-west-1:1:in",
        "s3:GetObject on arn:aws:s3:::docs/any, required for objects of docs",
        "s3:PutObject on arn:aws:s3:::docs/any, required for objects of docs",
        "bedrock:InvokeModel on *, required for the declared action",
    ]


def test_an_action_on_some_resource_is_enough_where_any_will_do() -> None:
    model = {"Effect": "Allow", "Action": "bedrock:InvokeModel", "Resource": "arn:aws:bedrock:*::foundation-model/x"}

    assert found(ORDERS, Needs(actions=("bedrock:InvokeModel",)), LOGS, DATABASE, model) == []


def test_a_vpc_and_tokens_of_rds_ask_for_more() -> None:
    environ = {"ORG_COMMON_DATABASE_AUTH": "iam", "ORG_COMMON_DATABASE_URL": "postgresql://app_login@db/app"}

    actions = {need.action for need in required_permissions(replace(ORDERS, in_vpc=True, environ=environ), Needs())}

    assert {"ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "rds-db:connect"} <= actions


@pytest.mark.parametrize(
    "statement",
    [
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Allow", "Action": "secretsmanager:*", "Resource": DATABASE["Resource"]},
        {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*"},
        {"Effect": "Allow", "Action": "dynamodb:PutItem", "Resource": "arn:aws:dynamodb:*:*:table/orders"},
    ],
    ids=str,
)
def test_too_much_names_the_policy(statement: dict[str, Any]) -> None:
    [(id, reason)] = found(ORDERS, Needs(), LOGS, DATABASE, statement)

    assert id == "role.exceeds"
    assert reason.startswith("the policy inline of its role orders allows ")
