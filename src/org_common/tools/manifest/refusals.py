"""What the manifest refuses, with the reason: above all what Terraform and its AWS provider let pass.

Measured with provider 5.100: `validate` and `plan` accept schedules like "every morning", unknown time zones, a minimum
above its maximum, names that AWS cuts off, and SnapStart on a runtime without it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from org_common.tools.doctor.variables import secret_kind
from org_common.tools.manifest import expressions
from org_common.tools.manifest.actions import WITHOUT_RESOURCES

Json = Mapping[str, Any]
# AWS allows 64 characters for functions and roles; the rest is for the prefix of the stack.
MAX_NAME = 52
NAME = re.compile(rf"[A-Za-z0-9_-]{{1,{MAX_NAME}}}")
# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html, 2026-11
MAX_ROUTES = 300
HTTP_API_TIMEOUT_S = 30
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html, 2026-11
RETENTION = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
# Lambda's limit is 5, and the stack may add one with certificates.
MAX_LAYERS = 4
RANGES = {"memory": (128, 10_240, "megabytes"), "timeout": (1, 900, "seconds")}
SETTINGS = ("database", "service_database", "cursor_keys", "issuers")
SNAPSTART_RUNTIMES = ("python3.12", "python3.13", "python3.14")


def refusals(document: Json) -> list[str]:
    """Every reason why the manifest cannot be deployed, each with the function and what to do."""
    functions = document["functions"]
    found = [
        f"{name}: {problem}"
        for name, function in functions.items()
        for problem in [
            *_of_function(name, function, document["runtime"]),
            *_of_layers(function, document["layers"]),
        ]
    ]
    return [*found, *_of_routes(functions), *_of_queues(functions)]


def _of_function(name: str, function: Json, runtime: str) -> Iterator[str]:
    if NAME.fullmatch(name) is None:
        yield (
            f"the name has up to {MAX_NAME} letters, digits, hyphens and underscores, so that prefix and name stay "
            "below AWS's limit of 64: rename it"
        )
    for key, (low, high, unit) in RANGES.items():
        if not low <= function[key] <= high:
            yield f"{key} = {function[key]} is outside of Lambda's range, {low} to {high} {unit}"
    if function["log_retention"] not in RETENTION:
        yield f"log_retention = {function['log_retention']} is not one of {', '.join(map(str, RETENTION))} days"
    if function["reserved"] is not None and function["reserved"] < 1:
        yield f"reserved = {function['reserved']} would stop the function: use 1 or more, or remove it for no limit"
    if "http_api" in function["events"] and function["routes"] and function["timeout"] >= HTTP_API_TIMEOUT_S:
        yield (
            f"timeout = {function['timeout']}: an HTTP API responds 503 after {HTTP_API_TIMEOUT_S} seconds, while the "
            f"function goes on. Use {HTTP_API_TIMEOUT_S - 1} or less"
        )
    for setting in function["settings"]:
        if setting not in SETTINGS:
            yield f"settings: {setting!r} is not one of {', '.join(SETTINGS)}"
    for variable, value in function["environment"].items():
        kind = secret_kind(variable, value)
        if kind is not None:
            yield f"environment.{variable} holds {kind}: store it, and declare its name with Needs(secrets=...)"
    yield from _of_start(function, runtime)
    yield from _of_schedules(function)
    yield from _of_actions(function)


def _of_layers(function: Json, layers: Json) -> Iterator[str]:
    if len(function["layers"]) > MAX_LAYERS:
        yield f"layers has {len(function['layers'])} layers, and a function has {MAX_LAYERS} and one for certificates"
    for layer in function["layers"]:
        if layer not in layers:
            yield f"layers: {layer!r} is not one of {', '.join(layers)}"


def _of_start(function: Json, runtime: str) -> Iterator[str]:
    provisioned = function["provisioned"]
    if function["snapstart"] and runtime not in SNAPSTART_RUNTIMES:
        yield f"snapstart: {runtime} has no SnapStart, python3.12 and later have"
    if function["snapstart"] and provisioned is not None:
        yield "snapstart and provisioned exclude each other in Lambda: keep one"
    if provisioned is None:
        return
    if not 0.1 <= provisioned["utilization"] <= 0.9:
        yield f"provisioned.utilization = {provisioned['utilization']} is outside of 0.1 to 0.9"
    capacities = {"provisioned": provisioned}
    for key, schedule in provisioned["schedules"].items():
        where = f"provisioned.schedules.{key}"
        capacities[where] = schedule
        yield from (f"{where}: {problem}" for problem in _of_schedule(schedule["at"], schedule["timezone"]))
    for where, capacity in capacities.items():
        least = 1 if where == "provisioned" else 0
        if not least <= capacity["min"] <= capacity["max"]:
            yield f"{where}: min = {capacity['min']} and max = {capacity['max']}: expected {least} <= min <= max"
        if function["reserved"] is not None and capacity["max"] > function["reserved"]:
            yield f"{where}: max = {capacity['max']} is more than reserved = {function['reserved']}"


def _of_schedules(function: Json) -> Iterator[str]:
    for name, schedule in function["schedules"].items():
        where = f"schedule {name}"
        if re.fullmatch(r"[A-Za-z0-9._-]{1,64}", name) is None:
            yield f"{where}: the name has up to 64 letters, digits, dots, hyphens and underscores: pass name="
        yield from (f"{where}: {problem}" for problem in _of_schedule(schedule["expression"], schedule["timezone"]))


def _of_schedule(expression: str, timezone: str) -> Iterator[str]:
    problem = expressions.problem_of(expression)
    if problem is not None:
        yield problem
    if not expressions.is_timezone(timezone):
        yield f"{timezone!r} is not a time zone. Example: Europe/Berlin"


def _of_actions(function: Json) -> Iterator[str]:
    for action, resources in function["needs"]["actions"].items():
        if "*" in action:
            yield f"Needs(actions=...): {action} is a pattern: name each action"
        elif not resources and action not in WITHOUT_RESOURCES:
            yield (
                f"Needs(actions=...): {action} would be allowed on every resource. Name those that the app uses, "
                f'resources = {{ "{action}" = ["arn:{{partition}}:..."] }}'
            )
        for resource in resources:
            if resource == "*":
                yield f"resources.{action} allows every resource: name those that the app uses"


def _of_routes(functions: Json) -> Iterator[str]:
    routes: dict[str, list[str]] = defaultdict(list)
    count = 0
    for name, function in functions.items():
        if "http_api" not in function["events"]:
            continue
        for route in function["routes"]:
            count += 1
            # An API does not tell apart two routes that differ in the names of parameters.
            routes[re.sub(r"\{[^}]*\}", "{}", route["key"])].append(f"{name} ({route['key']})")
    for same in routes.values():
        if len(same) > 1:
            yield f"{' and '.join(same)} are the same route of the API: keep one"
    if count > MAX_ROUTES:
        yield f"the API has {count} routes, AWS's quota is {MAX_ROUTES}: divide the apps into two projects"
    authorizers = [name for name, function in functions.items() if function["type"] == "authorizer"]
    guarded = [name for name, function in functions.items() if _needs_authorizer(function)]
    if guarded and not authorizers:
        yield (
            f"{', '.join(guarded)}: their routes need an authorizer, and the project has none. Write one, "
            "app = authorizer(), and list it in [tool.org-common.layer] functions"
        )
    if len(authorizers) > 1:
        yield f"{' and '.join(authorizers)} are both authorizers, and an API has one: remove one"


def _needs_authorizer(function: Json) -> bool:
    return (
        function["identity"] == "authorizer"
        and "http_api" in function["events"]
        and any(not route["public"] for route in function["routes"])
    )


def _of_queues(functions: Json) -> Iterator[str]:
    consumers: dict[str, list[str]] = defaultdict(list)
    for name, function in functions.items():
        for queue, options in function["queues"].items():
            consumers[queue].append(name)
            where = f"{name}: queue {queue}"
            if not 2 <= options["concurrency"] <= 1000:
                yield f"{where}: concurrency = {options['concurrency']} is outside of Lambda's range, 2 to 1000"
            if not 1 <= options["batch"] <= 10:
                yield f"{where}: batch = {options['batch']} is outside of 1 to 10, which needs no batch window"
            if not 1 <= options["receives"] <= 1000:
                yield f"{where}: receives = {options['receives']} is outside of SQS's range, 1 to 1000"
            if re.fullmatch(r"[A-Za-z0-9_-]{1,60}", queue) is None:
                yield f"{where}: the name has up to 60 letters, digits, hyphens and underscores: rename it"
            if function["reserved"] is not None and options["concurrency"] > function["reserved"]:
                yield f"{where}: concurrency = {options['concurrency']} is more than reserved = {function['reserved']}"
    for queue, names in consumers.items():
        if len(names) > 1:
            yield f"{' and '.join(names)} both take the messages of {queue}, and each message reaches one: keep one"
