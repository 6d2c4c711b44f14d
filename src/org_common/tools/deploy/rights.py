"""Compares the roles of a plan with what the manifest declares: nothing missing, nothing more."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from org_common.config.needs import Needs
from org_common.tools.deploy.plan import Plan, Resource
from org_common.tools.doctor import iam
from org_common.tools.doctor.deployed import Function
from org_common.tools.doctor.iam import Need, Statement
from org_common.tools.doctor.roles import required_permissions
from org_common.tools.manifest.actions import WITHOUT_RESOURCES

Json = Mapping[str, Any]


def violations(plan: Plan, manifest: Json, place: Mapping[str, str]) -> Iterator[str]:
    """Rights that a role lacks, rights that nothing needs, and wildcards.

    `place` has the prefix, region, account and partition of the stack.
    """
    yield from managed(plan)
    statements = statements_of(plan)
    for name, role in plan.by("aws_iam_role", "name").items():
        required = list(_required(name, role, plan, manifest, place))
        if _is_environment_unknown(name, plan):
            required += _secrets_of(statements[name])
        yield from compare(name, statements[name], required)


def managed(plan: Plan) -> Iterator[str]:
    """Managed policies of the plan."""
    for resource in plan.of("aws_iam_role_policy_attachment"):
        yield f"{resource.address}: a managed policy, whose rights nothing limits: write out the statements"


def statements_of(plan: Plan) -> dict[str, list[Statement]]:
    """The statements of each role in the plan, by the role's name."""
    statements: dict[str, list[Statement]] = {name: [] for name in plan.by("aws_iam_role", "name")}
    for policy in plan.of("aws_iam_role_policy"):
        document = json.loads(policy.get("policy", "{}"))
        statements.setdefault(policy.get("role"), []).extend(iam.parse(policy.address, document))
    return statements


def compare(role: str, statements: Sequence[Statement], required: Sequence[Need]) -> Iterator[str]:
    """Rights that the role lacks, rights that nothing needs, and wildcards."""
    for need in iam.missing_needs(statements, required):
        yield f"the role {role} does not allow {need.action} on {need.resource}, needed for {need.reason}"
    for statement, how in iam.excess(statements, required):
        yield f"the role {role}: {statement.policy} {how}"
    yield from _wildcards(role, statements)


def _is_environment_unknown(name: str, plan: Plan) -> bool:
    """Whether the plan cannot show the function's variables: one of them is the endpoint of a proxy to be created."""
    function = plan.by("aws_lambda_function", "function_name").get(name)
    return (
        function is not None and bool(function.get("environment")) and "variables" not in function.block("environment")
    )


def _secrets_of(statements: Sequence[Statement]) -> Iterator[Need]:
    """The secrets that the role reads, as needs. The next plan shows the variables that refer to them."""
    for statement in statements:
        for action in statement.actions:
            if action in ("secretsmanager:GetSecretValue", "ssm:GetParameter"):
                for resource in statement.resources:
                    yield Need(action, resource, "a variable")


def _wildcards(role: str, statements: Sequence[Statement]) -> Iterator[str]:
    for statement in statements:
        for action in statement.actions:
            if "*" in action:
                yield f"the role {role} allows {action}: name each action"
            elif "*" in statement.resources and action not in WITHOUT_RESOURCES:
                yield f"the role {role} allows {action} on every resource: name those that are needed"


def _required(name: str, role: Resource, plan: Plan, manifest: Json, place: Mapping[str, str]) -> Iterator[Need]:
    service = json.loads(role.get("assume_role_policy", "{}"))["Statement"][0]["Principal"]["Service"].partition(".")[0]
    arns = f"arn:{place['partition']}:{{}}:{place['region']}:{place['account']}:{{}}"
    functions = {f"{place['prefix']}{key}": function for key, function in manifest["functions"].items()}
    if service == "lambda" and name in functions and name in plan.by("aws_lambda_function", "function_name"):
        yield from _of_function(name, functions[name], plan, manifest, place)
    elif service == "scheduler":
        function = name.removesuffix("-scheduler")
        yield Need("lambda:InvokeFunction", arns.format("lambda", f"function:{function}:live"), "its schedules")
        yield Need("sqs:SendMessage", arns.format("sqs", f"{function}-failures"), "schedules that failed")
    elif service == "codedeploy":
        for function in functions:
            for resource in (f"function:{function}", f"function:{function}:live"):
                for action in ("GetAlias", "GetProvisionedConcurrencyConfig", "UpdateAlias"):
                    yield Need(f"lambda:{action}", arns.format("lambda", resource), "moving the alias")
        alarms = arns.format("cloudwatch", f"alarm:{place['prefix']}*")
        yield Need("cloudwatch:DescribeAlarms", alarms, "rolling back on an alarm")
    elif service == "rds":
        for proxy in plan.of("aws_db_proxy"):
            for auth in proxy.get("auth", []):
                yield Need("secretsmanager:GetSecretValue", auth["secret_arn"], "the logins of the proxy")


def _of_function(name: str, function: Json, plan: Plan, manifest: Json, place: Mapping[str, str]) -> Iterator[Need]:
    deployed = plan.by("aws_lambda_function", "function_name")[name]
    arns = f"arn:{place['partition']}:{{}}:{place['region']}:{place['account']}:{{}}"
    variables = {key: value for key, value in deployed.block("environment").get("variables", {}).items() if value}
    yield from needs_of(
        name, physical(function, manifest, place), variables, place, in_vpc=bool(deployed.get("vpc_config"))
    )
    yield from actions_of(function, place)
    for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
        # A stream is named by Lambda.
        yield Need(action, arns.format("logs", f"log-group:/aws/lambda/{name}:log-stream:*"), "its log")
    for action in ("xray:PutTelemetryRecords", "xray:PutTraceSegments"):
        yield Need(action, "*", "its traces")
    for config in plan.of("aws_lambda_function_event_invoke_config"):
        if config.get("function_name") == name:
            for failure in config.block("destination_config").get("on_failure", []):
                yield Need("sqs:SendMessage", failure["destination"], "events that failed")


def needs_of(
    name: str, needs: Needs, environ: Mapping[str, str], place: Mapping[str, str], *, in_vpc: bool
) -> Iterator[Need]:
    """What a function or container with these needs and variables must be allowed to do."""
    arn = f"arn:{place['partition']}:lambda:{place['region']}:{place['account']}:function:{name}"
    yield from required_permissions(
        Function(
            name=name,
            arn=arn,
            role=arn,
            runtime="",
            architecture="",
            code_sha256="",
            layers=(),
            in_vpc=in_vpc,
            reserved=None,
            environ=environ,
        ),
        needs,
    )
    for queue in needs.queues:
        # The URL of a queue is looked up by its name.
        resource = (
            queue
            if queue.startswith("arn:")
            else f"{arn.replace(':lambda:', ':sqs:').rpartition(':function')[0]}:{queue}"
        )
        yield Need("sqs:GetQueueUrl", resource, f"messages to {queue}")


def actions_of(function: Json, place: Mapping[str, str]) -> Iterator[Need]:
    """The actions that an app declares, on their resources."""
    for action, resources in function["needs"]["actions"].items():
        for resource in resources or ["*"]:
            yield Need(action, render(resource, place), "the declared action")


def physical(function: Json, manifest: Json, place: Mapping[str, str]) -> Needs:
    """What the function needs, by the names in AWS."""
    fifo = {queue for each in manifest["functions"].values() for queue, how in each["queues"].items() if how["fifo"]}

    def named(key: str) -> str:
        return key if key.startswith("arn:") else f"{place['prefix']}{key}"

    def queues(*keys: str) -> list[str]:
        return [f"{named(key)}{'.fifo' if key in fifo else ''}" for key in dict.fromkeys(keys)]

    needs = function["needs"]
    return Needs(
        secrets=needs["secrets"],
        queues=queues(*needs["sends"]),
        consumes=queues(*function["queues"], *needs["consumes"]),
        buckets=[named(key) for key in needs["buckets"]],
    )


def render(text: str, place: Mapping[str, str]) -> str:
    """The text with its placeholders replaced: `{prefix}`, `{region}`, `{account}`, `{partition}`."""
    for name in ("prefix", "region", "account", "partition"):
        text = text.replace(f"{{{name}}}", place[name])
    return text
