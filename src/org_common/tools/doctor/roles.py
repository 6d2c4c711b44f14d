"""Compares the role of a function with what the function needs: missing and excess permissions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from org_common.config.needs import Needs
from org_common.tools.doctor import iam as policies
from org_common.tools.doctor.deployed import Function
from org_common.tools.doctor.finding import Finding
from org_common.tools.doctor.iam import Need, Statement
from org_common.tools.doctor.variables import references, uses_rds_tokens
from org_common.values.secret import Reference

# Permissions that functions commonly have without declaring them. They are neither required nor excess.
# fmt: off
_USUAL = (
    "logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents",
    "xray:PutTraceSegments", "xray:PutTelemetryRecords",
    "kms:Decrypt", "cloudwatch:PutMetricData",
)
# fmt: on
_IN_VPC = tuple(
    f"ec2:{action}" for action in ("CreateNetworkInterface", "DescribeNetworkInterfaces", "DeleteNetworkInterface")
)
_OPTIONAL_IN_VPC = ("ec2:DescribeSubnets", "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses")
_CONSUME = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")


def required_permissions(function: Function, needs: Needs) -> list[Need]:
    """The permissions that the function's role must have."""
    partition, region, account = function.place
    log = f"arn:{partition}:logs:{region}:{account}:log-group:/aws/lambda/{function.name}:log-stream:any"
    required = [Need(f"logs:{action}", log, "its log") for action in ("CreateLogStream", "PutLogEvents")]
    for reference in [*references(function.environ), *map(Reference.parse, needs.secrets)]:
        action, resource = _of_secret(reference, function)
        required.append(Need(action, resource, f"the secret {reference}"))
    required += [
        Need("sqs:SendMessage", _arn(queue, "sqs", function), f"messages to {queue}") for queue in needs.queues
    ]
    for queue in needs.consumes:
        required += [Need(action, _arn(queue, "sqs", function), f"messages of {queue}") for action in _CONSUME]
    for bucket in needs.buckets:
        arn = bucket if bucket.startswith("arn:") else f"arn:{partition}:s3:::{bucket}"
        required += [Need(action, f"{arn}/any", f"objects of {bucket}") for action in ("s3:GetObject", "s3:PutObject")]
    required += [Need(action, "*", "the declared action") for action in needs.actions]
    if function.in_vpc:
        required += [Need(action, "*", "its VPC") for action in _IN_VPC]
    if uses_rds_tokens(function.environ):
        # The ARN contains the database's resource id, which the settings do not have.
        required.append(Need("rds-db:connect", "*", "the login with RDS IAM tokens"))
    return required


def check(function: Function, needs: Needs, statements: Sequence[Statement]) -> Iterator[Finding]:
    """Findings for permissions that the function's role lacks, and for those that exceed its needs."""
    role = function.role.rpartition("/")[2]
    required = required_permissions(function, needs)
    for need in policies.missing_needs(statements, _without_any(required, statements)):
        yield Finding(
            "role.lacks",
            function.name,
            f"its role {role} does not allow {need.action} on {need.resource}, required for {need.reason}",
            "allow it in the role, or remove the need from the app: App(..., needs=Needs(...))",
        )
    optional = [Need(action, "*", "usual") for action in _USUAL]
    optional += [Need(action, "*", "its VPC") for action in _OPTIONAL_IN_VPC if function.in_vpc]
    optional += [
        Need("s3:DeleteObject", f"{need.resource}", need.reason) for need in required if need.action == "s3:GetObject"
    ]
    optional += [
        Need(action, need.resource, need.reason)
        for need in required
        if need.action == "secretsmanager:GetSecretValue"
        for action in ("secretsmanager:DescribeSecret",)
    ]
    optional += [
        # Its URL is looked up by its name.
        Need("sqs:GetQueueUrl", need.resource, need.reason)
        for need in required
        if need.action == "sqs:SendMessage"
    ]
    # Where Lambda puts events of schedules, buckets and buses that failed, in our Terraform modules.
    optional.append(Need("sqs:SendMessage", _arn(f"{function.name}-failures", "sqs", function), "failed events"))
    for statement, how in policies.excess(statements, [*required, *optional]):
        yield Finding(
            "role.exceeds",
            function.name,
            f"the policy {statement.policy} of its role {role} {how}",
            "restrict it to what the app needs, or declare the need: App(..., needs=Needs(...))",
        )


def _without_any(needs: Sequence[Need], statements: Sequence[Statement]) -> list[Need]:
    """The needs without those on "*" that the statements allow on some resource."""
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
    # The ARN ends with a hyphen and six characters that the name does not have.
    arn = f"arn:{partition}:secretsmanager:{region}:{account}:secret:{reference.id}-AbCdEf"
    return "secretsmanager:GetSecretValue", reference.id if reference.id.startswith("arn:") else arn


def _arn(name: str, service: str, function: Function) -> str:
    partition, region, account = function.place
    return name if name.startswith("arn:") else f"arn:{partition}:{service}:{region}:{account}:{name}"
