"""Rules about row-level security of tables, and about rights that it does not limit."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from org_common.tools.lint.catalog import PUBLIC, Relation, Role, quoted
from org_common.tools.lint.context import ROW_RIGHTS, Context
from org_common.tools.lint.finding import Problem, rule

# Rights that row-level security does not limit.
_UNLIMITED = ("TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN")


def names(roles: list[Role]) -> str:
    """The names of roles, as SQL lists them."""
    return ", ".join(quoted(role.name) for role in roles)


def _secured_parent(context: Context, table: Relation) -> Relation | None:
    parents = (context.catalog.relations.get(parent) for parent in table.parents)
    return next((parent for parent in parents if parent is not None and parent.secured), None)


def _is_as_safe(table: Relation, parent: Relation) -> bool:
    """Whether a partition or child table has the policies of its parent, by other names or the same."""
    return table.secured and table.forced and _conditions(table) == _conditions(parent)


def _conditions(table: Relation) -> Counter[tuple[object, ...]]:
    def without_table(text: str | None) -> str:
        # A subquery names the table of the policy, with its schema or without.
        return re.sub(rf"(?:\b{re.escape(quoted(table.schema))}\.)?{re.escape(quoted(table.name))}\.", ".", text or "")

    return Counter(
        (each.command, each.permissive, frozenset(each.roles), without_table(each.using_text),
         without_table(each.check_text))
        for each in table.policies
    )  # fmt: skip


@rule(
    "rls-disabled",
    "error",
    "A table that requests can use and that lacks row-level security",
    why="Every caller with a right on the table reads, or changes, the rows of all tenants.",
    fix="Enable and force row-level security, and create policies. Or revoke the rights.",
    splinter=("0013", "0019", "0023"),
)
def rls_disabled(context: Context) -> Iterator[Problem]:
    for table in context.tables:
        holders = context.holders(table)
        if not table.secured and not table.policies and holders and not _secured_parent(context, table):
            yield Problem(
                table.label,
                f"{names(holders)} can use it, and it has no row-level security",
                f"alter table {table.full_name} enable row level security, force row level security",
            )


@rule(
    "policies-without-rls",
    "error",
    "A table that has policies, but row-level security is off",
    why="PostgreSQL ignores the policies until row-level security is enabled.",
    fix="Enable and force row-level security.",
    splinter=("0007",),
)
def policies_without_rls(context: Context) -> Iterator[Problem]:
    for table in context.tables:
        if table.policies and not table.secured:
            yield Problem(
                table.label,
                f"it has {len(table.policies)} policies and no row-level security, so they do nothing",
                f"alter table {table.full_name} enable row level security, force row level security",
            )


@rule(
    "rls-not-forced",
    "error",
    "Row-level security from which the table's owner is exempt",
    why="A function or a view that runs with the owner's rights sees the rows of all tenants.",
    fix="Force row-level security, and give the roles of functions policies of their own.",
)
def rls_not_forced(context: Context) -> Iterator[Problem]:
    for table in context.tables:
        if table.secured and not table.forced:
            yield Problem(
                table.label,
                "its row-level security does not apply to its owner",
                f"alter table {table.full_name} force row level security",
            )


@rule(
    "rls-without-policy",
    "warning",
    "A right for which the table has no policy",
    why="A role with a right and no policy gets an empty result instead of an error: the fault looks like an"
    " empty table.",
    fix="Create a policy for the role, or revoke the right.",
    splinter=("0008",),
)
def rls_without_policy(context: Context) -> Iterator[Problem]:
    for table in context.tables:
        for role in context.requests if table.secured else ():
            rights = context.rights(table, role)
            granted = [] if "OWNER" in rights else [right.lower() for right in ROW_RIGHTS if right in rights]
            own = [policy for policy in table.policies if policy.permissive and context.applies(policy, role)]
            without = [right for right in granted if not any(policy.applies(right) for policy in own)]
            if without:
                rights_list = ", ".join(without)
                yield Problem(
                    table.label,
                    f"{role.name} has {rights_list} on it and no policy for that",
                    f"create policy … on {table.full_name} to {role.name} …,"
                    f" or revoke {rights_list} on {table.full_name} from {role.name}",
                )


@rule(
    "partition-granted",
    "error",
    "A partition or child table that requests can use directly",
    why="A query of the partition itself applies the partition's policies instead of those of its parent. It is exempt"
    " if it forces row-level security and has the same policies.",
    fix="Revoke the rights on the partition: queries of the parent need a right on the parent alone.",
)
def partition_granted(context: Context) -> Iterator[Problem]:
    for table in context.tables:
        holders = context.holders(table)
        if holders and (parent := _secured_parent(context, table)) and not _is_as_safe(table, parent):
            yield Problem(
                table.label,
                f"{names(holders)} can use it without the policies of its parent {parent.full_name}",
                f"revoke all on {table.full_name} from {names(holders)}",
            )


@rule(
    "grant-bypasses-rls",
    "error",
    "A right that bypasses row-level security",
    why="TRUNCATE deletes the rows of all tenants, REFERENCES and foreign keys tell which rows exist, TRIGGER runs code"
    " when others change rows, and MAINTAIN locks the table.",
    fix="Revoke the right: requests need SELECT, INSERT, UPDATE and DELETE at most.",
)
def grant_bypasses_rls(context: Context) -> Iterator[Problem]:
    for table in context.relations:
        if table.kind not in ("r", "p", "f"):
            continue
        for role in context.requests:
            rights = context.rights(table, role)
            granted = [right.lower() for right in _UNLIMITED if right in rights]
            if granted and "OWNER" not in rights:
                public = any(grant.grantee == PUBLIC and grant.privilege in _UNLIMITED for grant in table.grants)
                yield Problem(
                    table.label,
                    f"{role.name} has {', '.join(granted)} on it, which no policy limits",
                    f"revoke {', '.join(granted)} on {table.full_name} from {'public' if public else role.name}",
                )


@rule(
    "grant-to-public",
    "warning",
    "A right that every role of the server has",
    why="PUBLIC includes each role that is created later, also those of other applications on the server.",
    fix="Grant it to the roles that need it.",
)
def grant_to_public(context: Context) -> Iterator[Problem]:
    for relation in context.relations:
        every = [*relation.grants, *(grant for column in relation.columns for grant in column.grants)]
        rights = sorted({grant.privilege.lower() for grant in every if grant.grantee == PUBLIC})
        if rights:
            yield Problem(
                relation.label,
                f"every role has {', '.join(rights)} on it",
                f"revoke {', '.join(rights)} on {relation.full_name} from public",
            )


@rule(
    "sequence-readable",
    "warning",
    "A sequence that requests can read or set",
    why="The last value tells how many rows all tenants have, and UPDATE allows setval(), which breaks inserts.",
    fix="Grant USAGE alone, or use an identity column, whose sequence callers need no right on.",
)
def sequence_readable(context: Context) -> Iterator[Problem]:
    for sequence in context.relations:
        if sequence.kind != "S":
            continue
        for role in context.requests:
            rights = context.rights(sequence, role)
            granted = sorted(right.lower() for right in rights & {"SELECT", "UPDATE"})
            if granted and "OWNER" not in rights:
                yield Problem(
                    sequence.label,
                    f"{role.name} has {', '.join(granted)} on it",
                    f"revoke {', '.join(granted)} on sequence {sequence.full_name} from {role.name}",
                )
