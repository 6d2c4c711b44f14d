"""Rules about policies that open when something is missing: a setting, or a tenant."""

from __future__ import annotations

import re
from collections.abc import Iterator

from org_common.tools.lint.callers import code
from org_common.tools.lint.catalog import Function, Policy, Relation
from org_common.tools.lint.context import Context
from org_common.tools.lint.expressions import IS_NULL, bare, is_cast, own_column, parts, results, row_columns, unwrapped
from org_common.tools.lint.finding import Problem, rule
from org_common.tools.lint.nodes import Node, constant, walk
from org_common.tools.lint.rules.policies import DELETED, clauses, label, open_commands

# Results of casts that keep the text.
_TEXTS = frozenset({25, 1043})
_SETTING = r"current_setting\s*\(\s*'[^'.]+\.[^']*'[^()]*\)"
# A call whose arguments may be calls, up to a last argument that is false.
_SET = re.compile(
    r"\bset_config\s*\(\s*'[^'.]+\.[^']*'\s*,(?:[^();]|\((?:[^();]|\([^();]*\))*\))*,\s*(?:false|'f')\s*\)",
    re.IGNORECASE,
)
_CAST = re.compile(
    rf"{_SETTING}\s*\)*\s*::\s*(?!text|varchar)|cast\s*\(\s*{_SETTING}\s+as\s+(?!text|varchar)", re.IGNORECASE
)

# A coalesce() with a constant at its end, which is all that a function returns.
_DEFAULT = re.compile(
    r"\b(?:select|return)\s+(?:cast\s*\(\s*|\(\s*)*coalesce\s*\([^;]*,\s*(?:'[^']+'|\d+)(?:\s*::\s*[\w.]+)?"
    r"(?:\s*\)|\s*::\s*[\w.]+|\s+as\s+[\w.]+)+\s*(?:;|\Z)",
    re.IGNORECASE,
)


@rule(
    "policy-fails-open",
    "error",
    "A policy that opens when the caller or the tenant is missing",
    why="A request that lacks claims, by a bug or by design of an attacker, sees the rows of all tenants.",
    fix="Leave the alternative out: a comparison with null hides all rows, as it should for an unknown caller.",
)
def policy_fails_open(context: Context) -> Iterator[Problem]:
    for table, policy in context.policies:
        reasons = {
            reason for node in (policy.using, policy.check) if node for reason in _openings(context, table, node)
        }
        for reason in sorted(reasons):
            yield Problem(
                label(table, policy),
                reason,
                "remove this alternative from the condition",
                table.label,
            )


def _openings(context: Context, table: Relation, condition: Node) -> Iterator[str]:
    for node, level in walk(condition):
        if level:
            continue
        if node.tag == "BOOLEXPR" and node.fields.get("boolop") == "or":
            for operand in node.nodes("args"):
                yield from _alternative(context, table, operand)
        elif node.tag == "COALESCEEXPR" and _falls_back(context, node):
            yield "without a caller, coalesce() takes the row's own value or true"
        elif node.tag == "CASEEXPR" and any(_is_open_case(context, when) for when in node.nodes("args")):
            yield "without a caller, its CASE is true"
        elif context.conditions.is_equality(node) and _has_default_tenant(context, table, node):
            yield "without a caller, coalesce() takes a constant for the tenant"


def _alternative(context: Context, table: Relation, node: Node) -> Iterator[str]:
    """Why an operand of an OR opens the table."""
    if _is_missing_caller(context, node):
        yield "without a caller, one of its alternatives is true"
    tenant = context.tenant_column(table)
    is_null = node.tag == "NULLTEST" and node.number("nulltesttype") == IS_NULL
    if tenant is not None and is_null and own_column(node.arguments[0]) == tenant.number:
        yield f"rows without {tenant.name} are open to the callers of all tenants"


def _is_missing_caller(context: Context, node: Node) -> bool:
    """Whether a condition holds because there is no caller: `is null`, or `= ''`."""
    node = unwrapped(node)
    if row_columns(node) or not context.readers.depends(node):
        return False
    if node.tag == "NULLTEST":
        return node.number("nulltesttype") == IS_NULL
    return context.conditions.is_equality(node) and any(
        each.tag == "CONST" and constant(each) == b"" for each in map(bare, node.arguments)
    )


def _falls_back(context: Context, node: Node) -> bool:
    first, *others = [bare(each) for each in node.nodes("args")]
    if row_columns(first) or not context.readers.depends(first):
        return False
    return any(own_column(each) is not None or constant(each) == b"\x01" for each in others)


def _has_default_tenant(context: Context, table: Relation, equality: Node) -> bool:
    """Whether the tenant column is compared with the caller's tenant, or with a constant without one."""
    tenant = context.tenant_column(table)
    left, right = equality.arguments
    return tenant is not None and any(
        own_column(column) == tenant.number and _is_defaulted(context, value)
        for column, value in ((left, right), (right, left))
    )


def _is_defaulted(context: Context, node: Node) -> bool:
    node = unwrapped(node)
    while is_cast(node) and node.arguments:
        node = unwrapped(node.arguments[0])
    if node.tag == "COALESCEEXPR":
        first, *others = node.nodes("args")
        return context.readers.depends(first) and any(constant(_uncast(each)) for each in others)
    function = context.catalog.functions.get(node.number("funcid"))
    if node.tag != "FUNCEXPR" or function is None or not function.own:
        return False
    if function.body is not None:
        return any(_is_defaulted(context, result) for result in results(function.body))
    return context.readers.reads_caller(function.oid) and bool(_DEFAULT.search(code(function.source)))


def _uncast(node: Node) -> Node:
    node = bare(node)
    return _uncast(node.arguments[0]) if is_cast(node) and node.arguments else node


def _is_open_case(context: Context, when: Node) -> bool:
    condition, result = when.node("expr"), when.node("result")
    return bool(condition and result and _is_missing_caller(context, condition) and context.conditions.truth(result))


@rule(
    "policy-opens-live-rows",
    "error",
    "A policy that opens all rows that are not deleted",
    why="PostgreSQL joins permissive policies with OR, and OR binds weaker than AND. A policy, or an alternative, that"
    " looks at deleted_at alone shows the live rows of all tenants.",
    fix="Join the conditions with AND in one policy, or make the policy of the deletion RESTRICTIVE.",
)
def policy_opens_live_rows(context: Context) -> Iterator[Problem]:
    for table, policy in context.tenant_policies:
        if context.tenant_column(table) is None or not policy.permissive:
            continue
        for clause, condition, decided in clauses(policy):
            commands = open_commands(context, table, policy, decided)
            columns = {number for arm in parts(condition, "or") for number in _only_deletion(context, table, arm)}
            if commands and columns:
                listed = ", ".join(table.column_names(sorted(columns)))
                yield Problem(
                    label(table, policy),
                    f"an alternative of its {clause} looks at {listed} alone, so callers can {', '.join(commands)} rows"
                    " of all tenants",
                    f"{clause} ({context.tenant} = any (array(select …)) and …)",
                    table.label,
                )


def _only_deletion(context: Context, table: Relation, arm: Node) -> set[int]:
    """The columns of an alternative that looks at the deletion of the row and at nothing else."""
    columns = row_columns(arm)
    alone = all(DELETED.search(name) for name in table.column_names(sorted(columns)))
    return columns if alone and not context.readers.depends(arm) else set()


@rule(
    "policy-bypass-setting",
    "error",
    "A policy that a setting switches off",
    why="Any session can set a custom setting, and one that stays set on a connection opens the table to its next"
    " user.",
    fix="Give a role of its own a policy, and let the work that needs all rows run as that role.",
)
def policy_bypass_setting(context: Context) -> Iterator[Problem]:
    for table, policy in context.tenant_policies:
        for condition in (policy.using, policy.check):
            if condition is not None and any(_is_switch(context, each) for each in _alternatives(condition)):
                yield Problem(
                    label(table, policy),
                    "one of its alternatives looks at a setting alone, not at the row",
                    "a policy for a role of its own instead of the setting",
                    table.label,
                )
                break


def _alternatives(condition: Node) -> Iterator[Node]:
    for node, level in walk(condition):
        if not level and node.tag == "BOOLEXPR" and node.fields.get("boolop") == "or":
            yield from node.nodes("args")


def _is_switch(context: Context, node: Node) -> bool:
    """Whether a condition compares a setting with a constant that is not empty."""
    node = unwrapped(node)
    if not context.conditions.is_equality(node):
        return is_cast(node) and bool(node.arguments) and _is_own_setting(context, unwrapped(node.arguments[0]))
    sides = [unwrapped(each) for each in node.arguments]
    return any(_is_own_setting(context, each) for each in sides) and any(
        each.tag == "CONST" and constant(each) for each in sides
    )


@rule(
    "setting-cast",
    "error",
    "A setting that may be empty and is cast",
    why="After a transaction the setting is '' instead of null for the rest of the connection, and casting '' to"
    " a uuid, a number or JSON is an error: requests on a reused connection fail with 22P02.",
    fix="Write nullif(current_setting('…', true), '')::uuid.",
)
def setting_cast(context: Context) -> Iterator[Problem]:
    fix = "nullif(current_setting('…', true), '')::…"
    for table, policy in context.policies:
        if _casts_in_policy(context, policy):
            yield Problem(label(table, policy), "it casts a setting that can be ''", fix, table.label)
    for function in context.functions:
        if _casts_in_function(context, function):
            yield Problem(function.label, "it casts a setting that can be ''", fix)


def _casts_in_policy(context: Context, policy: Policy) -> bool:
    return any(_casts(context, node) for node in (policy.using, policy.check) if node)


def _casts_in_function(context: Context, function: Function) -> bool:
    if function.body is not None:
        return _casts(context, function.body)
    return bool(_CAST.search(code(function.source)))


def _casts(context: Context, node: Node) -> bool:
    return any(
        is_cast(found)
        and (found.number("resulttype") or found.number("funcresulttype")) not in _TEXTS
        and found.arguments
        and _is_own_setting(context, unwrapped(found.arguments[0]))
        for found, _ in walk(node)
    )


def _is_own_setting(context: Context, node: Node) -> bool:
    """Whether a node reads a setting of an application, whose name has a period."""
    function = context.catalog.functions.get(node.number("funcid"))
    if node.tag != "FUNCEXPR" or function is None or function.own or function.name != "current_setting":
        return False
    name = constant(bare(node.arguments[0])) if node.arguments else None
    return name is None or b"." in name


@rule(
    "setting-outlives-transaction",
    "warning",
    "A function that sets a setting for the rest of the session",
    why="A pool gives the connection to another caller, whose policies then read the setting of the one before.",
    fix="Pass true as the last argument of set_config(): the setting ends with the transaction.",
)
def setting_outlives_transaction(context: Context) -> Iterator[Problem]:
    for function in context.functions:
        if _sets_for_session(context, function):
            yield Problem(
                function.label,
                "it sets a setting that stays on the connection after the transaction",
                "set_config('…', …, true)",
            )


def _sets_for_session(context: Context, function: Function) -> bool:
    if function.body is None:
        return bool(_SET.search(code(function.source)))
    for node, _ in walk(function.body):
        called = context.catalog.functions.get(node.number("funcid")) if node.tag == "FUNCEXPR" else None
        if called is not None and not called.own and called.name == "set_config":
            name, _, local = map(bare, node.arguments)
            if b"." in (constant(name) or b".") and constant(local) == b"\x00":
                return True
    return False
