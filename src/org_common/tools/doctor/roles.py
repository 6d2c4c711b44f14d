"""The role of a function beside what the function needs: too little, too much."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from org_common.config.needs import Needs
from org_common.tools.doctor import iam as policies
from org_common.tools.doctor.deployed import Function
from org_common.tools.doctor.finding import Finding
from org_common.tools.doctor.iam import Need, Statement
from org_common.tools.doctor.variables import references, uses_rds_tokens
from org_common.values.secret import Reference

# What each function does without saying so. Not needed by all, so it lacks nobody who has it not.
_USUAL = (
    *(("logs:CreateLogGroup", "*"), ("logs:CreateLogStream", "*"), ("logs:PutLogEvents", "*")),
    *(("xray:PutTraceSegments", "*"), ("xray:PutTelemetryRecords", "*")),
    *(("kms:Decrypt", "*"), ("cloudwatch:PutMetricData", "*")),
)
_IN_VPC = tuple(
    f"ec2:{action}" for action in ("CreateNetworkInterface", "DescribeNetworkInterfaces", "DeleteNetworkInterface")
)
_MAY_IN_VPC = ("ec2:DescribeSubnets", "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses")
_TAKEN = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")


def needed(function: Function, needs: Needs) -> list[Need]:
    """What its role must allow."""
    partition, region, account = function.place
    log = f"arn:{partition}:logs:{region}:{account}:log-group:/aws/lambda/{function.name}:log-stream:any"
    found = [Need(f"logs:{action}", log, "its log") for action in ("CreateLogStream", "PutLogEvents")]
    for reference in [*references(function.environ), *map(Reference.parse, needs.secrets)]:
        action, resource = _of_secret(reference, function)
        found.append(Need(action, resource, f"the secret {reference}"))
    found += [Need("sqs:SendMessage", _arn(queue, "sqs", function), f"messages to {queue}") for queue in needs.queues]
    for queue in needs.consumes:
        found += [Need(action, _arn(queue, "sqs", function), f"messages of {queue}") for action in _TAKEN]
    for bucket in needs.buckets:
        arn = bucket if bucket.startswith("arn:") else f"arn:{partition}:s3:::{bucket}"
        found += [Need(action, f"{arn}/any", f"objects of {bucket}") for action in ("s3:GetObject", "s3:PutObject")]
    found += [Need(action, "*", "declared by the app") for action in needs.actions]
    if function.in_vpc:
        found += [Need(action, "*", "its VPC") for action in _IN_VPC]
    if uses_rds_tokens(function.environ):
        # Which database and user the token is for stands in no ARN that we could make.
        found.append(Need("rds-db:connect", "*", "the login by tokens of RDS"))
    return found


def check(function: Function, needs: Needs, statements: Sequence[Statement]) -> Iterator[Finding]:
    role = function.role.rpartition("/")[2]
    scope = needed(function, needs)
    for need in policies.missing_needs(statements, _without_any(scope, statements)):
        yield Finding(
            "role.lacks",
            function.name,
            f"its role {role} does not allow {need.action} on {need.resource}: {need.reason}",
            f"allow it, or take {need.reason} out of what the app needs",
        )
    optional = [Need(action, resource, "usual") for action, resource in _USUAL]
    optional += [Need(action, "*", "its VPC") for action in _MAY_IN_VPC if function.in_vpc]
    optional += [
        Need("s3:DeleteObject", f"{need.resource}", need.reason) for need in scope if need.action == "s3:GetObject"
    ]
    optional += [
        Need(action, need.resource, need.reason)
        for need in scope
        if need.action == "secretsmanager:GetSecretValue"
        for action in ("secretsmanager:DescribeSecret",)
    ]
    for statement, how in policies.excess(statements, [*scope, *optional]):
        yield Finding(
            "role.exceeds",
            function.name,
            f"the policy {statement.policy} of its role {role} {how}",
            "narrow it to what the app needs, or declare that: App(..., needs=Needs(...))",
        )


def _without_any(needs: Sequence[Need], statements: Sequence[Statement]) -> list[Need]:
    """A need on any resource is met by the action on some resource."""
    return [
        need
        for need in needs
        if need.resource != "*"
        or not any(
            policies.allowed(statements, need.action, resource)
            for statement in statements
            for resource in (*statement.resources, "*")
        )
    ]


def _of_secret(reference: Reference, function: Function) -> tuple[str, str]:
    partition, region, account = function.place
    if reference.service == "ssm":
        arn = f"arn:{partition}:ssm:{region}:{account}:parameter/{reference.id.lstrip('/')}"
        return "ssm:GetParameter", reference.id if reference.id.startswith("arn:") else arn
    # Behind a secret's name come a hyphen and six characters, which only its ARN tells.
    arn = f"arn:{partition}:secretsmanager:{region}:{account}:secret:{reference.id}-AbCdEf"
    return "secretsmanager:GetSecretValue", reference.id if reference.id.startswith("arn:") else arn


def _arn(name: str, service: str, function: Function) -> str:
    partition, region, account = function.place
    return name if name.startswith("arn:") else f"arn:{partition}:{service}:{region}:{account}:{name}"
