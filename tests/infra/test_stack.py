"""The plan of the complete stack, as it is and with one fault each."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from org_common.tools.deploy import rights, services
from org_common.tools.deploy.checks import violations
from org_common.tools.deploy.plan import Plan, Resource
from org_common.tools.doctor import iam, roles
from org_common.tools.doctor.deployed import Function
from org_common.tools.doctor.needs import needs_of
from org_common.tools.project import apps
from org_common.tools.project.project import Project
from tests.infra.programs import Terraform
from tests.infra.stack import PLACE, ROOT
from tests.org_common.tools.deploy.faults import FAULTS, SERVICE_FAULTS, resources
from tests.org_common.tools.manifest import depot

Json = dict[str, Any]


def found(plan: Json, described: Json) -> list[str]:
    whole = Plan(plan)
    return violations(whole.within("module.stack."), described, PLACE) + services.violations(whole, described)


def test_configuration_is_valid(stack: Terraform) -> None:
    checked = stack.validate()

    assert checked["diagnostics"] == []


def test_plan_is_as_declared(planned: Json, described: Json) -> None:
    assert found(planned, described) == []


def test_plan_has_every_route_queue_and_schedule(planned: Json, described: Json) -> None:
    plan, functions = Plan(planned), described["functions"].values()

    routes = {route["key"] for function in functions for route in function["routes"]}
    preflights = {f"OPTIONS {key.partition(' ')[2]}" for key in ("GET /items", "GET /items/{itemId}", "GET /health")}
    assert plan.by("aws_apigatewayv2_route", "route_key").keys() == routes | preflights
    queues = {
        f"prod-{queue}{ending}{'.fifo' if options['fifo'] else ''}"
        for function in functions
        for queue, options in function["queues"].items()
        for ending in ("", "-dead")
    }
    assert {"prod-parcels.fifo", "prod-parcels-dead.fifo", "prod-return-events"} <= queues
    assert {queue for queue in plan.by("aws_sqs_queue", "name") if not queue.endswith("-failures")} == queues
    assert {(each.get("group_name"), each.get("name")) for each in plan.of("aws_scheduler_schedule")} == {
        (f"prod-{name}", schedule)
        for name, function in described["functions"].items()
        for schedule in function["schedules"]
    }


def test_route_needs_the_authorizer_unless_it_is_public(planned: Json, described: Json) -> None:
    routes = Plan(planned).by("aws_apigatewayv2_route", "route_key")

    for function in described["functions"].values():
        for route in function["routes"]:
            expected = "NONE" if route["public"] else "CUSTOM"
            assert routes[route["key"]].get("authorization_type") == expected


def test_start_is_as_declared(planned: Json) -> None:
    plan = Plan(planned).within("module.stack.")
    functions = plan.by("aws_lambda_function", "function_name")

    assert functions["prod-mgmt-modules"].block("snap_start")["apply_on"] == "PublishedVersions"
    targets = plan.by("aws_appautoscaling_target", "resource_id")
    assert {id_: (each.get("min_capacity"), each.get("max_capacity")) for id_, each in targets.items()} == {
        "function:prod-access-auth:live": (2, 5),
        "function:prod-depot:live": (2, 5),
    }
    [morning] = plan.of("aws_appautoscaling_scheduled_action")
    assert (morning.get("schedule"), morning.get("timezone")) == ("cron(0 7 ? * MON-FRI *)", "Europe/Berlin")


def test_function_has_what_its_declarations_need(planned: Json) -> None:
    functions = Plan(planned).by("aws_lambda_function", "function_name")
    depot = functions["prod-depot"].block("environment")["variables"]

    assert depot == {
        "AWS_LAMBDA_EXEC_WRAPPER": "/opt/otel-instrument",
        "DEPOT": "prod-eu-central-1",
        "ORG_COMMON_CURSOR_KEYS_SECRET": "ssm:/prod/cursor-keys",
        "ORG_COMMON_DATABASE_AUTH": "password",
        "ORG_COMMON_DATABASE_PROFILE": "transaction-pooler",
        "ORG_COMMON_DATABASE_SECRET": "prod/app/database",
        "ORG_COMMON_DATABASE_URL": "postgresql://pooler.acme.example:6432/app",
        "ORG_COMMON_SERVICE_DATABASE_SECRET": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:service-AbCdEf",
        "ORG_COMMON_TRACES": "otel",
        "OTEL_SERVICE_NAME": "prod-depot",
    }
    assert functions["prod-access-auth"].block("environment")["variables"].keys() == {
        *("AWS_LAMBDA_EXEC_WRAPPER", "ORG_COMMON_ISSUERS", "ORG_COMMON_TRACES", "OTEL_SERVICE_NAME")
    }
    assert functions["prod-access-auth"].get("vpc_config") == []


def test_streaming_function_keeps_its_wrapper(planned: Json) -> None:
    """A function has one wrapper: the streaming runtime's, or OpenTelemetry's."""
    streaming = Plan(planned).by("aws_lambda_function", "function_name")["prod-chat-streaming"]
    variables = streaming.block("environment")["variables"]

    assert variables["AWS_LAMBDA_EXEC_WRAPPER"] == "/opt/python/org_common/runtime.sh"
    assert variables.keys().isdisjoint({"ORG_COMMON_TRACES", "OTEL_SERVICE_NAME"})


def test_every_alarm_of_the_runbook_is_there(planned: Json) -> None:
    plan = Plan(planned)
    descriptions = [alarm.get("alarm_description") for alarm in plan.of("aws_cloudwatch_metric_alarm")]

    assert {re.findall(r"Runbook: ([a-z0-9-]+)", text)[0] for text in descriptions} == {
        *("errors", "faults", "throttles", "p95", "cold-starts", "dead-letters", "outbox-lag", "connections"),
        *("service-cpu", "service-memory", "service-errors", "service-balancer-errors", "service-unhealthy"),
        *("service-p95", "service-tasks"),
    }


@pytest.mark.parametrize(("change", "words"), [*FAULTS, *SERVICE_FAULTS])
def test_fault_is_found(planned: Json, described: Json, change: Callable[[Json], None], words: str) -> None:
    plan = copy.deepcopy(planned)
    change(plan)

    assert [violation for violation in found(plan, described) if words in violation]


def of_roles(plan: Json, described: Json, address: str) -> list[str]:
    """The violations in the roles of the stack, or of the service."""
    if address.startswith("module.stack."):
        return list(rights.violations(Plan(plan, "module.stack."), described, PLACE))
    return services.violations(Plan(plan, "module.web."), described)


def test_each_statement_of_each_role_is_needed(planned: Json, described: Json) -> None:
    """Least privilege by mutation: without one of its statements, a role lacks something."""
    removed = 0
    for _, resource in resources(planned, "aws_iam_role_policy"):
        whole = resource["values"]["policy"]
        for at in range(len(json.loads(whole)["Statement"])):
            policy = json.loads(whole)
            statement = policy["Statement"].pop(at)
            resource["values"]["policy"] = json.dumps(policy)
            lacks = [each for each in of_roles(planned, described, resource["address"]) if "does not allow" in each]
            resource["values"]["policy"] = whole
            assert lacks, f"{resource['address']}: nothing needs {statement}"
            removed += 1

    assert removed > 40


def test_doctor_finds_no_drift_in_the_roles(planned: Json) -> None:
    """What `doctor --aws` would say of the stack: it counts what triggers need, and knows the stack's names."""
    plan = Plan(planned)
    policies = plan.by("aws_iam_role_policy", "role")
    for app in [*apps.load(Project.find(ROOT)), depot.app]:
        name = f"prod-{app.name}"
        function = deployed(plan.by("aws_lambda_function", "function_name")[name])
        statements = iam.parse("function", json.loads(policies[name].get("policy")))

        assert list(roles.check(function, needs_of(app, "prod-", statements), statements)) == []


def deployed(function: Resource) -> Function:
    name = function.get("function_name")
    return Function(
        name=name,
        arn=f"arn:aws:lambda:eu-central-1:123456789012:function:{name}",
        role=f"arn:aws:iam::123456789012:role/{name}",
        runtime=function.get("runtime"),
        architecture=function.get("architectures")[0],
        code_sha256="",
        layers=(),
        in_vpc=bool(function.get("vpc_config")),
        reserved=None,
        environ=function.block("environment").get("variables", {}),
    )


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ({"Action": ["s3:*"], "Resource": ["arn:aws:s3:::prod-invoices/*"]}, "allows s3:*: name each action"),
        ({"Action": ["s3:GetObject"], "Resource": ["*"]}, "allows s3:GetObject on every resource"),
        (
            {"Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::other/*"]},
            "allows s3:GetObject on arn:aws:s3:::other/*",
        ),
        ({"Action": ["kms:Decrypt"], "Resource": ["arn:aws:kms:one"]}, "allows kms:Decrypt, which the app does not"),
    ],
)
def test_wider_role_is_found(planned: Json, described: Json, statement: Json, words: str) -> None:
    plan = copy.deepcopy(planned)
    [(_, resource)] = resources(plan, "aws_iam_role_policy", '["depot"].aws_iam_role_policy.this')
    policy = json.loads(resource["values"]["policy"])
    policy["Statement"].append({"Effect": "Allow", **statement})
    resource["values"]["policy"] = json.dumps(policy)

    assert [violation for violation in found(plan, described) if words in violation]


def test_new_route_changes_the_plan_by_its_route_alone(stack: Terraform, planned: Json, described: Json) -> None:
    added = copy.deepcopy(described)
    route = {**added["functions"]["depot"]["routes"][1], "key": "GET /labels"}
    added["functions"]["depot"]["routes"].append(route)

    assert found(planned, added) == ["the route GET /labels of depot is missing"]
    # The configuration reads it from the manifest.
    assert "GET /labels" not in "".join(path.read_text() for path in stack.folder.rglob("*.tf"))
