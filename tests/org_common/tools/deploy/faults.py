"""A plan with one fault, and the words of the violation: for Terraform's plan, and for the small one of these tests."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

Json = dict[str, Any]
Fault = tuple[Callable[[Json], None], str]


def resources(plan: Json, type_: str, match: str = "") -> Iterator[tuple[list[Json], Json]]:
    """The resources of a type whose address matches, each with the list that it is in."""
    pending = [plan["planned_values"]["root_module"]]
    for module in pending:
        pending += module.get("child_modules", [])
        for resource in list(module.get("resources", [])):
            if resource["type"] == type_ and match in resource["address"]:
                yield module["resources"], resource


def without(type_: str, match: str = "") -> Callable[[Json], None]:
    def change(plan: Json) -> None:
        for siblings, resource in list(resources(plan, type_, match)):
            siblings.remove(resource)

    return change


def with_(type_: str, match: str = "", **changed: Any) -> Callable[[Json], None]:
    def change(plan: Json) -> None:
        for _, resource in resources(plan, type_, match):
            resource["values"] |= changed

    return change


FAULTS: list[Fault] = [
    (without("aws_lambda_function", "access-orgs"), "the function prod-access-orgs is missing"),
    (without("aws_cloudwatch_log_group", "access-orgs"), "prod-access-orgs has no log group"),
    (with_("aws_cloudwatch_log_group", "access-orgs", retention_in_days=None), "access-orgs has no log group"),
    (with_("aws_lambda_function", "mgmt-modules", publish=False), "mgmt-modules: publish is off"),
    (with_("aws_lambda_function", "mgmt-modules", source_code_hash=None), "has no source_code_hash"),
    (with_("aws_lambda_function", "mgmt-modules", snap_start=[]), "mgmt-modules: SnapStart is off"),
    (with_("aws_lambda_function", "depot", tracing_config=[]), "depot: tracing is off"),
    (
        with_("aws_lambda_function", "depot", environment=[{"variables": {"SMTP_PASSWORD": "Sommer/2026&co"}}]),
        "depot: the variable SMTP_PASSWORD holds a secret",
    ),
    (without("aws_lambda_alias", "depot"), "prod-depot has no alias live"),
    (without("aws_apigatewayv2_route", '"GET /items"'), "the route GET /items of depot is missing"),
    (
        with_("aws_apigatewayv2_route", '"GET /items"', authorization_type="NONE"),
        "the route GET /items is reachable without the authorizer",
    ),
    (with_("aws_apigatewayv2_route", '"GET /items"', route_key="GET items"), "'GET items' is not a method"),
    (with_("aws_apigatewayv2_authorizer", "lambda", identity_sources=None), "has no identity source"),
    (without("aws_sqs_queue", '.this["parcels"]'), "the queue parcels of depot is missing"),
    (without("aws_sqs_queue", '.dead["parcels"]'), "prod-parcels.fifo has no dead-letter queue"),
    (with_("aws_sqs_queue", '.this["parcels"]', redrive_policy=None), "parcels.fifo has no dead-letter queue"),
    (with_("aws_lambda_event_source_mapping", function_response_types=[]), "without ReportBatchItemFailures"),
    (with_("aws_lambda_event_source_mapping", scaling_config=[]), "has no maximum_concurrency"),
    (without("aws_scheduler_schedule", "sweep"), "the schedule sweep of depot is missing"),
    (with_("aws_scheduler_schedule", "sweep", schedule_expression="every morning"), "is not a schedule"),
    (with_("aws_scheduler_schedule", "sweep", schedule_expression_timezone="Europe/Nowhere"), "not a time zone"),
    (with_("aws_appautoscaling_target", "depot", resource_id="function:prod-depot"), "nothing scales its"),
    (with_("aws_appautoscaling_target", "depot", resource_id="function:prod-depot:$LATEST"), "is not an alias"),
    (with_("aws_appautoscaling_target", "depot", min_capacity=9), "its minimum is above its maximum"),
    (with_("aws_appautoscaling_scheduled_action", timezone="Europe/Nowhere"), "is not a time zone"),
    (without("aws_s3_bucket_public_access_block", "uploads"), "a bucket does not block public access"),
]


def in_container(**changed: Any) -> Callable[[Json], None]:
    def change(plan: Json) -> None:
        for _, resource in resources(plan, "aws_ecs_task_definition"):
            [container] = json.loads(resource["values"]["container_definitions"])
            resource["values"]["container_definitions"] = json.dumps([container | changed])

    return change


SERVICE_FAULTS: list[Fault] = [
    (in_container(user="0"), "prod-web: the container app may run as root"),
    (in_container(user=""), "prod-web: the container app may run as root"),
    (in_container(user="root:0"), "prod-web: the container app may run as root"),
    (in_container(readonlyRootFilesystem=False), "can write to its image"),
    (in_container(privileged=True), "is privileged"),
    (in_container(linuxParameters={}), "keeps capabilities of the kernel"),
    (in_container(stopTimeout=10), "is killed within 10 s"),
    (in_container(logConfiguration={}), "has no log group with a retention"),
    (with_("aws_cloudwatch_log_group", "module.web", retention_in_days=0), "has no log group with a retention"),
    (
        in_container(environment=[{"name": "SMTP_PASSWORD", "value": "Sommer/2026&co"}]),
        "the variable SMTP_PASSWORD holds a secret",
    ),
    (with_("aws_lb_target_group", health_check=[{"path": "/"}]), "its health check is not /readyz"),
    (with_("aws_lb_listener", protocol="HTTP"), "accepts plain HTTP"),
    (with_("aws_lb_listener", ssl_policy="ELBSecurityPolicy-2016-08"), "accepts plain HTTP or old TLS"),
    (with_("aws_ecs_service", deployment_circuit_breaker=[]), "would not roll back"),
    (with_("aws_ecs_service", network_configuration=[{"assign_public_ip": True}]), "have public addresses"),
    (without("aws_appautoscaling_target", "module.web"), "prod-web: nothing scales its tasks"),
    (
        with_("aws_appautoscaling_target", "module.web", scalable_dimension="ecs:service:Other"),
        "scales ecs:service:Other, not the number of tasks",
    ),
    (with_("aws_appautoscaling_target", "module.web", min_capacity=11), "needs 1 <= its minimum"),
]
"""Faults of a service."""
