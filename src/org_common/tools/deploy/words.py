"""Says what a deploy changes in the words of an operator: from the manifests, the plan and the pending migrations."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from org_common.tools.database.migrations import Migration
from org_common.tools.database.statements import split
from org_common.tools.deploy.plan import Plan, Step
from org_common.tools.deploy.recorded import Recorded
from org_common.tools.doctor import iam
from org_common.tools.manifest.changes import Change, changes

Json = Mapping[str, Any]
_ROUTE = re.compile(r"[A-Z]+ /[^\s,:]*")
# What `drop` deletes without the data of any table, within `alter table` or without.
_KEEPS_DATA = ("constraint", "default", "expression", "identity", "not")


def of_plan(plan: Plan, recorded: Recorded) -> list[Change]:
    """What a plan changes: first by function, then what the manifest does not show."""
    described = _of_manifests(recorded)
    return [*described, *_open(plan, described), *_roles(plan), *_lost(plan)]


def of_migrations(pending: Sequence[Migration]) -> list[Change]:
    """What pending migrations change: one line each, with what they drop."""
    return [Change("database", *_of_migration(migration)) for migration in pending]


def _of_manifests(recorded: Recorded) -> list[Change]:
    if recorded.before is not None:
        return changes(recorded.before, recorded.after)
    functions = recorded.after["functions"]
    everything = changes({**recorded.after, "functions": {}}, recorded.after)
    # At first everything is new: count it, and list what is open to everyone.
    routes = sum(len(function["routes"]) for function in functions.values())
    first = Change("all functions", f"the first deploy: {len(functions)} functions, {routes} routes")
    return [first, *(change for change in everything if change.risk == "public route")]


def _open(plan: Plan, described: Sequence[Change]) -> Iterator[Change]:
    """Routes and URLs that become reachable without a token, unless the manifests say so already."""
    said = {key for change in described if change.risk == "public route" for key in _ROUTE.findall(change.detail)}
    for step in plan.steps:
        if step.type == "aws_apigatewayv2_route" and _opens(step):
            key = step.after.get("route_key", "")
            # Preflight requests carry no token.
            if key not in said and not key.startswith("OPTIONS "):
                yield Change("API", f"{key} is reachable without the authorizer", "public route")
        elif step.type == "aws_lambda_function_url" and _opens(step):
            yield Change(
                step.after.get("function_name", step.address),
                "gets a URL that is open to everyone: its app checks the tokens",
                "public route",
            )


def _opens(step: Step) -> bool:
    """Whether the step takes the authorizer away, or begins without one."""
    open_ = [
        bool(values) and values.get("authorization_type", "NONE") == "NONE" for values in (step.before, step.after)
    ]
    return open_ == [False, True]


def _roles(plan: Plan) -> Iterator[Change]:
    """Rights that existing roles get and lose. What a new role has is what its function declares."""
    for step in plan.steps:
        if step.type != "aws_iam_role_policy" or step.is_idle or not step.before or not step.after:
            continue
        where = f"role {step.before.get('role')}"
        if "policy" not in step.after:
            yield Change(where, "its rights are known only after the apply", "wider role")
            continue
        before, after = (_rights(values["policy"]) for values in (step.before, step.after))
        for resource, actions in _by_resource(after.allowed - before.allowed):
            yield Change(where, f"may call {', '.join(actions)} on {resource}", "wider role")
        for resource, actions in _by_resource(before.allowed - after.allowed):
            yield Change(where, f"may no longer call {', '.join(actions)} on {resource}")
        for resource, actions in _by_resource(before.refused ^ after.refused):
            yield Change(where, f"changed its refusal of {', '.join(actions)} on {resource}", "wider role")


class _Rights(NamedTuple):
    """Each action with each of its resources."""

    allowed: set[tuple[str, str]]
    refused: set[tuple[str, str]]


def _rights(policy: str) -> _Rights:
    rights = _Rights(set(), set())
    for statement in iam.parse("policy", json.loads(policy)):
        condition = " under a condition" if statement.conditional else ""
        actions = [*statement.actions, *(f"all but {action}" for action in statement.not_actions)]
        resources = [*statement.resources, *(f"all but {resource}" for resource in statement.not_resources)]
        pairs = {(action, f"{resource}{condition}") for action in actions for resource in resources}
        (rights.allowed if statement.allows else rights.refused).update(pairs)
    return rights


def _by_resource(rights: set[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    actions = defaultdict[str, list[str]](list)
    for action, resource in sorted(rights):
        actions[resource].append(action)
    return sorted(actions.items())


def _lost(plan: Plan) -> Iterator[Change]:
    """What is deleted: each resource with data, and the number of others."""
    for loss in plan.losses:
        if loss.has_data:
            yield Change(loss.address, "is deleted, with what it holds", "data")
    # Terraform replaces a layer version by a new one, and keeps the old one.
    others = Counter(
        step.type
        for step, loss in zip([step for step in plan.steps if "delete" in step.actions], plan.losses, strict=True)
        if not loss.has_data and step.actions == ("delete",)
    )
    if others:
        what = ", ".join(f"{number} {type_}" for type_, number in sorted(others.items()))
        yield Change("also deleted", what, "removed")


def _of_migration(migration: Migration) -> tuple[str, str | None]:
    dropped = list(dict.fromkeys(name for statement in split(migration.sql) for name in _drops(statement.outer)))
    if not dropped:
        return f"applies {migration}", None
    return f"applies {migration}, with {', '.join(dropped)}", "data"


def _drops(words: Sequence[str]) -> Iterator[str]:
    """What a statement deletes for good: tables, columns, schemas, rows."""
    if words[:1] == ["truncate"]:
        yield "truncate"
    elif words[:1] == ["drop"] and words[1:2] in (["table"], ["schema"], ["database"]):
        yield f"drop {words[1]}"
    elif words[:2] == ["alter", "table"]:
        # The word `column` is optional.
        yield from ("drop column" for one, other in pairwise(words[2:]) if one == "drop" and other not in _KEEPS_DATA)
