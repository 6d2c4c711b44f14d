"""Rules about policies that are slow: what runs for each row, and what no index serves."""

from __future__ import annotations

from collections.abc import Iterator

from org_common.tools.lint.catalog import Policy, Relation
from org_common.tools.lint.context import Context
from org_common.tools.lint.expressions import (
    ANY,
    EXISTS,
    calls_per_row,
    is_cast,
    is_correlated,
    own_column,
    parts,
    row_columns,
    serves,
    sublinks,
)
from org_common.tools.lint.finding import Problem, rule
from org_common.tools.lint.nodes import Node, walk
from org_common.tools.lint.rules.policies import label


def _scanned(context: Context) -> Iterator[tuple[Relation, Policy, Node]]:
    """The policies that filter rows of a scan, with their condition."""
    for table, policy in context.policies:
        if policy.using is not None:
            yield table, policy, policy.using


@rule(
    "policy-calls-per-row",
    "warning",
    "A policy that calls a function for each row",
    why="PostgreSQL calls it once for each row that it scans. In a subquery that ignores the row, it runs once"
    " a statement: 179 ms become 9 for auth.uid() on 100,000 rows, 11,000 become 7 for a look-up in a table.",
    fix="Write (select app.uid()), or compare a column with a set: org_id = any (array(select access.org_ids()))."
    " An operand of AND that compares the first column of an index with a stable call is exempt.",
    splinter=("0003",),
)
def policy_calls_per_row(context: Context) -> Iterator[Problem]:
    for table, policy, condition in _scanned(context):
        scanned = [part for part in parts(condition) if not _is_index_condition(context, table, part, condition)]
        calls = {
            call.number("funcid"): call for part in scanned for call in calls_per_row(part) if _is_costly(context, call)
        }
        for oid, call in sorted(calls.items()):
            function = context.catalog.functions[oid]
            name = function.full_name if function.own else function.name
            columns = ", ".join(table.column_names(sorted(row_columns(call))))
            of_row = f"column = any (array(select …)) instead of {name}({columns})"
            yield Problem(
                label(table, policy),
                f"it calls {name}({columns}) for each row",
                of_row if columns else f"(select {name}(…))",
                table.label,
            )


def _is_index_condition(context: Context, table: Relation, part: Node, condition: Node) -> bool:
    """Whether an index finds the rows of an equality, so that its value is computed once for the scan."""
    columns = context.conditions.indexable(part) if part.tag == "OPEXPR" else set()
    functions = (context.catalog.functions.get(call.number("funcid")) for call in calls_per_row(part))
    return not any(function is not None and function.volatility == "v" for function in functions) and any(
        serves(index, condition) and index.columns[:1] == (column,) for index in table.indexes for column in columns
    )


def _is_costly(context: Context, call: Node) -> bool:
    function = context.catalog.functions.get(call.number("funcid"))
    if function is None:
        return False
    if not function.own:
        # The other functions of PostgreSQL are not in the catalog: they are as cheap as an operator.
        return function.name == "current_setting"
    return function.volatility != "i" or function.definer


@rule(
    "policy-never-uses-index",
    "warning",
    "A policy that filters a scan of all rows",
    why="PostgreSQL uses an index for `column = value` and `column = any (array(select …))`. `column in (select …)`,"
    " EXISTS and a cast column filter a scan of the whole table: 12.0 against 0.14 ms for 100,000 rows.",
    fix="Write org_id = any (array(select …)), and cast the value instead of the column.",
)
def policy_never_uses_index(context: Context) -> Iterator[Problem]:
    for table, policy, condition in _scanned(context):
        operands = parts(condition)
        if not any(context.conditions.indexable(part) for part in operands):
            for message, fix in dict.fromkeys(slow for part in operands for slow in _slow(context, table, part)):
                yield Problem(label(table, policy), message, fix, table.label)


def _slow(context: Context, table: Relation, node: Node) -> Iterator[tuple[str, str]]:
    for link in sublinks(node, ANY):
        test = link.node("testexpr")
        sides = [own_column(each) for each in test.arguments] if test else []
        column = next((each for each in sides if each is not None), None)
        if column is not None and not is_correlated(link):
            name = table.column_names([column])[0]
            yield f"{name} in (select …) is never an index condition", f"{name} = any (array(select …))"
    tenant = context.tenant_column(table)
    if tenant is None:
        return
    if any(is_correlated(link) and tenant.number in row_columns(link) for link in sublinks(node, EXISTS)):
        yield f"EXISTS with {tenant.name} is never an index condition", f"{tenant.name} = any (array(select …))"
    for found, level in walk(node):
        if level == 0 and is_cast(found) and found.arguments and own_column(found.arguments[0]) == tenant.number:
            yield (
                f"{tenant.name} is cast, so no index on it serves the policy",
                f"{tenant.name} = (select …::{tenant.type})",
            )
