"""Checks a Terraform plan against the manifest: complete, guarded, with logs, queues and roles as declared.

Terraform and the AWS provider accept a plan that lacks any of this (measured with provider 5.100).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from org_common.tools.deploy import rights
from org_common.tools.deploy.plan import Plan, Resource
from org_common.tools.doctor.variables import secret_kind
from org_common.tools.manifest import expressions

Json = Mapping[str, Any]
ALIAS = "live"
PROVISIONED = "lambda:function:ProvisionedConcurrency"


def violations(plan: Plan, manifest: Json, place: Mapping[str, str]) -> list[str]:
    """Every violation, with the resource and the reason.

    `place` has the prefix, region, account and partition of the stack.
    """
    return [
        *_functions(plan, manifest, place["prefix"]),
        *_starts(plan, manifest, place["prefix"]),
        *_routes(plan, manifest),
        *_authorizers(plan),
        *_urls(plan, manifest, place["prefix"]),
        *_queues(plan, manifest, place["prefix"]),
        *_schedules(plan, manifest),
        *_buckets(plan),
        *rights.violations(plan, manifest, place),
    ]


def _functions(plan: Plan, manifest: Json, prefix: str) -> Iterator[str]:
    functions = plan.by("aws_lambda_function", "function_name")
    groups = plan.by("aws_cloudwatch_log_group", "name")
    aliases = {alias.get("function_name") for alias in plan.of("aws_lambda_alias") if alias.get("name") == ALIAS}
    for name in manifest["functions"]:
        if f"{prefix}{name}" not in functions:
            yield f"the function {prefix}{name} is missing"
    for name, function in functions.items():
        group = groups.get(f"/aws/lambda/{name}")
        if group is None or not group.get("retention_in_days"):
            yield f"{name} has no log group with a retention: Lambda would create one that keeps lines forever"
        if not function.get("publish"):
            yield f"{name}: publish is off, so its alias would point at $LATEST, without SnapStart"
        if not function.get("source_code_hash"):
            yield f"{name} has no source_code_hash: Terraform would never notice new code"
        if function.block("tracing_config").get("mode") != "Active":
            yield f"{name}: tracing is off"
        if name not in aliases:
            yield f"{name} has no alias {ALIAS}"
        for variable, value in (function.block("environment").get("variables") or {}).items():
            kind = secret_kind(variable, value or "")
            if kind is not None:
                yield f"{name}: the variable {variable} holds {kind}: store it, and name it"


def _starts(plan: Plan, manifest: Json, prefix: str) -> Iterator[str]:
    functions = plan.by("aws_lambda_function", "function_name")
    targets = plan.by("aws_appautoscaling_target", "resource_id")
    for name, function in manifest["functions"].items():
        deployed = functions.get(f"{prefix}{name}")
        if function["snapstart"] and deployed and deployed.block("snap_start").get("apply_on") != "PublishedVersions":
            yield f"{prefix}{name}: SnapStart is off"
        if function["provisioned"] and f"function:{prefix}{name}:{ALIAS}" not in targets:
            yield f"{prefix}{name}: nothing scales its provisioned concurrency"
    for id_, target in targets.items():
        if (
            not re.fullmatch(r"function:[\w-]+:(?!\$LATEST)[\w-]+", id_)
            or target.get("scalable_dimension") != PROVISIONED
        ):
            yield f"{target.address}: {id_} is not an alias of a function with the dimension {PROVISIONED}"
        if not 0 <= target.get("min_capacity", -1) <= target.get("max_capacity", -1):
            yield f"{target.address}: its minimum is above its maximum"
    for action in plan.of("aws_appautoscaling_scheduled_action"):
        yield from _schedule(action, action.get("schedule", ""), action.get("timezone", "UTC"))


def _routes(plan: Plan, manifest: Json) -> Iterator[str]:
    planned = plan.by("aws_apigatewayv2_route", "route_key")
    open_ = set[str]()
    for name, function in manifest["functions"].items():
        if "http_api" not in function["events"]:
            continue
        for route in function["routes"]:
            if route["key"] not in planned:
                yield f"the route {route['key']} of {name} is missing"
            if route["public"] or function["identity"] == "app":
                open_.add(route["key"])
            if function["cors"]:
                open_.add(f"OPTIONS {route['key'].partition(' ')[2]}")
    for key, route in planned.items():
        if not re.fullmatch(r"[A-Z]+ /\S*", key or ""):
            yield f"{route.address}: {key!r} is not a method and a path"
        if route.get("authorization_type", "NONE") not in ("CUSTOM", "JWT") and key not in open_:
            yield f"the route {key} is reachable without the authorizer, and its rule is not PUBLIC"


def _authorizers(plan: Plan) -> Iterator[str]:
    for authorizer in plan.of("aws_apigatewayv2_authorizer"):
        if not authorizer.get("identity_sources"):
            yield f"{authorizer.address} has no identity source: a cached result would be for every caller"
        if (
            authorizer.get("authorizer_type") == "REQUEST"
            and "authorizer_result_ttl_in_seconds" not in authorizer.values
        ):
            yield f"{authorizer.address}: its TTL is up to AWS: set authorizer_result_ttl_in_seconds"


def _urls(plan: Plan, manifest: Json, prefix: str) -> Iterator[str]:
    own = {
        f"{prefix}{name}" for name, function in manifest["functions"].items() if "function_url" in function["events"]
    }
    for url in plan.of("aws_lambda_function_url"):
        if url.get("authorization_type") == "NONE" and url.get("function_name") not in own:
            yield f"{url.address} opens a function whose app does not accept Function URLs"


def _queues(plan: Plan, manifest: Json, prefix: str) -> Iterator[str]:
    queues = plan.by("aws_sqs_queue", "name")
    # Where messages end up that failed: dead-letter queues, and the queues of failed events.
    ends = {name.removesuffix(".fifo") for name in queues}
    ends = {name for name in ends if name.endswith(("-dead", "-failures"))}
    for name, function in manifest["functions"].items():
        for queue, options in function["queues"].items():
            if f"{prefix}{queue}{'.fifo' if options['fifo'] else ''}" not in queues:
                yield f"the queue {queue} of {name} is missing"
    for name, queue in queues.items():
        if name.removesuffix(".fifo") in ends:
            continue
        dead = json.loads(queue.get("redrive_policy", "{}")).get("deadLetterTargetArn", "").rpartition(":")[2]
        if dead not in queues:
            yield f"the queue {name} has no dead-letter queue: a message that fails would come again until it expires"
    for mapping in plan.of("aws_lambda_event_source_mapping"):
        if "ReportBatchItemFailures" not in mapping.get("function_response_types", []):
            yield f"{mapping.address}: without ReportBatchItemFailures, SQS deletes messages that failed"
        if not mapping.block("scaling_config").get("maximum_concurrency"):
            yield f"{mapping.address} has no maximum_concurrency: each invocation has a connection to the database"


def _schedules(plan: Plan, manifest: Json) -> Iterator[str]:
    planned = {(each.get("group_name"), each.get("name")) for each in plan.of("aws_scheduler_schedule")}
    names = {name for _, name in planned}
    for name, function in manifest["functions"].items():
        for schedule in function["schedules"]:
            if schedule not in names:
                yield f"the schedule {schedule} of {name} is missing"
    for each in plan.of("aws_scheduler_schedule"):
        timezone = each.get("schedule_expression_timezone", "UTC")
        yield from _schedule(each, each.get("schedule_expression", ""), timezone)


def _schedule(resource: Resource, expression: str, timezone: str) -> Iterator[str]:
    problem = expressions.problem_of(expression)
    if problem is not None:
        yield f"{resource.address}: {problem}"
    if not expressions.is_timezone(timezone):
        yield f"{resource.address}: {timezone!r} is not a time zone"


def _buckets(plan: Plan) -> Iterator[str]:
    names = ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")
    blocked = [block for block in plan.of("aws_s3_bucket_public_access_block") if all(map(block.get, names))]
    if len(blocked) < len(plan.of("aws_s3_bucket")):
        yield "a bucket does not block public access"
