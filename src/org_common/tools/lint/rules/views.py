"""Rules about views and foreign tables, which have no policies of their own."""

from __future__ import annotations

from collections.abc import Iterator

from org_common.tools.lint.catalog import Relation, Role
from org_common.tools.lint.context import Context
from org_common.tools.lint.expressions import JOIN, parts, row_columns
from org_common.tools.lint.finding import Problem, rule
from org_common.tools.lint.rules.tables import names


@rule(
    "view-with-owner-rights",
    "error",
    "A view that runs with its owner's rights",
    why="By default a view bypasses the policies of its caller: it shows what its owner may see.",
    fix="Set security_invoker. A view of what callers cannot read themselves is exempt if it has security_barrier, is"
    " granted for SELECT alone, and compares its rows with the caller.",
    splinter=("0010",),
)
def view_with_owner_rights(context: Context) -> Iterator[Problem]:
    for view in context.relations:
        holders = context.holders(view)
        if view.kind == "v" and not view.invoker and holders and not _filters_by_caller(context, view, holders):
            yield Problem(
                view.label,
                f"{names(holders)} can use it with the rights of its owner {context.role_name(view.owner)}",
                f"alter view {view.full_name} set (security_invoker = true)",
            )


def _filters_by_caller(context: Context, view: Relation, holders: list[Role]) -> bool:
    """Whether a view is the one way to what it reads, and shows each caller its own rows."""
    query = view.query
    if query is None or not view.barrier or query.node("setOperations") is not None:
        return False
    if any(context.rights(view, role) & {"INSERT", "UPDATE", "DELETE"} for role in holders):
        return False
    # Joins are in the list too, and up to PostgreSQL 15 the view itself.
    entries = [
        entry
        for entry in query.nodes("rtable")
        if entry.number("rtekind") != JOIN and entry.number("relid") != view.oid
    ]
    read = [context.catalog.relations.get(entry.number("relid")) for entry in entries]
    if not all(each is not None and not any(context.rights(each, role) for role in holders) for each in read):
        return False
    join = query.node("jointree")
    quals = join.node("quals") if join is not None else None
    return any(row_columns(part) and context.readers.depends(part) for part in parts(quals))


@rule(
    "materialized-view-granted",
    "error",
    "A materialized view that requests can read",
    why="Policies apply to tables alone: every caller reads the rows of all tenants.",
    fix="Revoke the rights, and read it through a function that checks its caller.",
    splinter=("0016",),
)
def materialized_view_granted(context: Context) -> Iterator[Problem]:
    yield from _without_policies(context, "m")


@rule(
    "foreign-table-granted",
    "error",
    "A foreign table that requests can use",
    why="Policies apply to local tables alone: every caller uses the rows of all tenants.",
    fix="Revoke the rights, and read it through a function that checks its caller.",
    splinter=("0017",),
)
def foreign_table_granted(context: Context) -> Iterator[Problem]:
    yield from _without_policies(context, "f")


def _without_policies(context: Context, kind: str) -> Iterator[Problem]:
    for relation in context.relations:
        holders = context.holders(relation)
        if relation.kind == kind and holders:
            yield Problem(
                relation.label,
                f"{names(holders)} can use it, and it can have no row-level security",
                f"revoke all on {relation.full_name} from {names(holders)}",
            )


@rule(
    "auth-users-exposed",
    "error",
    "A view that shows the accounts of all users",
    why="The table auth.users holds the e-mail addresses and the metadata of all users of the project.",
    fix="Copy what other users may see into a table of your own, with policies.",
    splinter=("0002",),
)
def auth_users_exposed(context: Context) -> Iterator[Problem]:
    for view in context.relations:
        holders = context.holders(view)
        if view.kind in ("v", "m") and holders and "auth.users" in _read_by(context, view):
            yield Problem(
                view.label,
                f"{names(holders)} can read auth.users through it",
                f"revoke all on {view.full_name} from {names(holders)}",
            )


def _read_by(context: Context, view: Relation) -> set[str]:
    """The full names of what a view reads, through other views too."""
    found: dict[int, Relation] = {}
    queue = list(view.reads)
    while queue:
        relation = context.catalog.relations.get(queue.pop())
        if relation is not None and relation.oid not in found:
            found[relation.oid] = relation
            queue += relation.reads
    return {relation.full_name for relation in found.values()}
