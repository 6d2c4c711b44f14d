"""Prepares the access rule of each route with the parameters of its path, as the role of the route."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from typing import Any

from org_common.app import App
from org_common.db.protocol.errors import StatementFailed
from org_common.db.session_setup import require_statement
from org_common.route import Route
from org_common.tools.check.code.given import Given, Unknown, hints
from org_common.tools.check.code.roles import handler_rules
from org_common.tools.check.columns import Problem
from org_common.tools.check.failures import problem
from org_common.tools.check.finding import Finding
from org_common.tools.check.parameters import bind
from org_common.tools.check.planner import Planner
from org_common.tools.project.modules import display_path


def check_rules(apps: Sequence[App], planner: Planner) -> Iterator[Finding]:
    """The findings about access rules. Each rule is asked about once for the types of its parameters."""
    asked: dict[Any, Problem | None] = {}
    for _, role, each in handler_rules(apps):
        rule = each.rule
        if rule.expression is None or role not in planner.roles:
            continue
        types = _types(each.handler, rule.placeholders)
        key = (rule.expression, role, repr(types))
        if key not in asked:
            asked[key] = _ask(planner, rule, types)
        found = asked[key]
        if found is not None:
            code = inspect.unwrap(each.handler).__code__
            file, line = display_path(code.co_filename), code.co_firstlineno
            where = f"{each.method} {each.path}" if isinstance(each, Route) else each.name
            yield Finding(file, line, "rule.invalid", f"{where}: {found.text}", found.fix, rule.name)


def _ask(planner: Planner, rule: Any, types: dict[str, Any]) -> Problem | None:
    statement = require_statement(rule.expression)
    oids = bind(statement, Given(types))
    if isinstance(oids, Problem):
        return oids
    with planner.transaction(rule.role):
        planned = planner.plan(statement.command, oids)
    if isinstance(planned, StatementFailed):
        return problem(planned, rule.role)
    return None


def _types(handler: Any, names: Sequence[str]) -> dict[str, Any]:
    """The annotations of the parameters of the path; unknown for the fields of a message."""
    found = hints(inspect.unwrap(handler))
    return {name: found.get(name, Unknown) for name in names}
