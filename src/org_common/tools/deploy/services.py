"""Checks the services of a plan, containers on Fargate: unprivileged, replaceable, with the rights of their apps."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from org_common.config.needs import Needs
from org_common.tools.deploy import rights
from org_common.tools.deploy.plan import Plan, Resource
from org_common.tools.doctor.iam import Need
from org_common.tools.doctor.variables import secret_kind

Json = Mapping[str, Any]
_RECORD = "terraform_data.served"
# What Drain and the start command of the documentation need, in seconds.
_STOP_S = 60


def violations(plan: Plan, manifest: Json) -> list[str]:
    """Every violation of every module service in the plan, with the resource and the reason."""
    found = list[str]()
    for record in plan.of("terraform_data"):
        if record.address.endswith(_RECORD):
            module = plan.within(record.address.removesuffix(_RECORD))
            found += _of_service(module, record.get("input"), manifest)
    return found


def _of_service(plan: Plan, served: Json, manifest: Json) -> Iterator[str]:
    for definition in plan.of("aws_ecs_task_definition"):
        for container in _containers(definition):
            yield from _container(plan, f"{definition.get('family')}: the container {container['name']}", container)
    yield from _balancer(plan)
    yield from _service(plan, served["name"])
    yield from _roles(plan, served, manifest)


def _containers(definition: Resource) -> list[Json]:
    """The containers of a task; none if the plan does not know them: the URL of a proxy to be created is in them."""
    containers: list[Json] = json.loads(definition.get("container_definitions", "[]"))
    return containers


def _container(plan: Plan, where: str, container: Json) -> Iterator[str]:
    user = str(container.get("user", "")).partition(":")[0]
    if not user.isdigit() or int(user) == 0:
        yield f"{where} may run as root: give it a number for a user"
    if not container.get("readonlyRootFilesystem"):
        yield f"{where} can write to its image: set readonlyRootFilesystem"
    if container.get("privileged"):
        yield f"{where} is privileged"
    if "ALL" not in container.get("linuxParameters", {}).get("capabilities", {}).get("drop", []):
        yield f"{where} keeps capabilities of the kernel: drop ALL"
    if container.get("stopTimeout", 30) < _STOP_S:
        yield f"{where} is killed within {container.get('stopTimeout', 30)} s: requests in flight need {_STOP_S}"
    group = container.get("logConfiguration", {}).get("options", {}).get("awslogs-group")
    groups = plan.by("aws_cloudwatch_log_group", "name")
    if group not in groups or not groups[group].get("retention_in_days"):
        yield f"{where} has no log group with a retention"
    for variable in container.get("environment", []):
        kind = secret_kind(variable["name"], variable["value"])
        if kind is not None:
            yield f"{where}: the variable {variable['name']} holds {kind}: store it, and name it"


def _balancer(plan: Plan) -> Iterator[str]:
    for group in plan.of("aws_lb_target_group"):
        if group.block("health_check").get("path") != "/readyz":
            yield f"{group.address}: its health check is not /readyz, which tells when a task stops"
    for listener in plan.of("aws_lb_listener"):
        if listener.get("protocol") != "HTTPS" or not listener.get("ssl_policy", "").startswith(
            "ELBSecurityPolicy-TLS13"
        ):
            yield f"{listener.address} accepts plain HTTP or old TLS"


def _service(plan: Plan, name: str) -> Iterator[str]:
    for service in plan.of("aws_ecs_service"):
        if not service.block("deployment_circuit_breaker").get("rollback"):
            yield f"{service.address}: a deploy that fails would not roll back"
        if service.block("network_configuration").get("assign_public_ip"):
            yield f"{service.address}: its tasks have public addresses"
    targets = [
        target for target in plan.of("aws_appautoscaling_target") if target.get("resource_id", "").endswith(f"/{name}")
    ]
    if not targets:
        yield f"{name}: nothing scales its tasks"
    for target in targets:
        if target.get("scalable_dimension") != "ecs:service:DesiredCount":
            yield f"{target.address} scales {target.get('scalable_dimension')}, not the number of tasks"
        if not 1 <= target.get("min_capacity", 0) <= target.get("max_capacity", 0):
            yield f"{target.address}: needs 1 <= its minimum <= its maximum"


def _roles(plan: Plan, served: Json, manifest: Json) -> Iterator[str]:
    yield from rights.managed(plan)
    statements = rights.statements_of(plan)
    needed = {f"{served['name']}-task": _of_task, f"{served['name']}-execution": _of_execution}
    for role in plan.by("aws_iam_role", "name"):
        required = list(needed[role](plan, served, manifest)) if role in needed else []
        yield from rights.compare(role, statements[role], required)


def _of_task(plan: Plan, served: Json, manifest: Json) -> Iterator[Need]:
    environ = {
        variable["name"]: variable["value"]
        for definition in plan.of("aws_ecs_task_definition")
        for container in _containers(definition)
        for variable in container.get("environment", [])
    }
    for function in served["apps"].values():
        named = rights.physical(function, manifest, served)
        # Messages of queues reach Lambda alone.
        needs = Needs(secrets=named.secrets, queues=named.queues, buckets=named.buckets)
        for need in rights.needs_of(served["name"], needs, environ, served, in_vpc=False):
            if need.reason != "its log":
                yield need
        yield from rights.actions_of(function, served)


def _of_execution(plan: Plan, served: Json, manifest: Json) -> Iterator[Need]:
    arn = f"arn:{served['partition']}:logs:{served['region']}:{served['account']}:log-group:/ecs/{served['name']}"
    for action in ("CreateLogStream", "PutLogEvents"):
        # A stream is named by ECS.
        yield Need(f"logs:{action}", f"{arn}:log-stream:*", "its log")
    if served.get("repository_arn"):
        for action in ("BatchCheckLayerAvailability", "BatchGetImage", "GetDownloadUrlForLayer"):
            yield Need(f"ecr:{action}", served["repository_arn"], "its image")
        yield Need("ecr:GetAuthorizationToken", "*", "the login to the registry")
