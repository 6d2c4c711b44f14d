"""Rules about the conditions of policies: what they let through."""

from __future__ import annotations

import re
from collections.abc import Iterator

from org_common.tools.lint.catalog import PUBLIC, Policy, Relation, Role, quoted
from org_common.tools.lint.context import Context
from org_common.tools.lint.expressions import parts, row_columns
from org_common.tools.lint.finding import Problem, rule
from org_common.tools.lint.nodes import Node

# Names of columns that say whether a row was deleted.
DELETED = re.compile(r"delet|remov|archiv|trash|discard")
_METADATA = re.compile(r"\b(?:raw_)?user_meta_?data\b")


def label(table: Relation, policy: Policy) -> str:
    """How findings name a policy."""
    return f"policy {policy.name} on {table.label}"


def clauses(policy: Policy) -> Iterator[tuple[str, Node, tuple[str, ...]]]:
    """The conditions of a policy, each with its clause and the commands that it decides."""
    existing = [verb for verb in ("select", "update", "delete") if policy.applies(verb)]
    new = [verb for verb in ("insert", "update") if policy.applies(verb)]
    if policy.using is not None and existing:
        yield "using", policy.using, tuple(existing)
    check = policy.check or policy.using
    if check is not None and new:
        yield "with check", check, tuple(new)


def open_commands(context: Context, table: Relation, policy: Policy, commands: tuple[str, ...]) -> list[str]:
    """Of these commands, those that a tenant's role may send without a restrictive policy that looks at the tenant."""
    roles = [role for role in context.callers if context.applies(policy, role)]
    return [
        command
        for command in commands
        if any(
            context.rights(table, role) & {command.upper(), "OWNER"} and not _restricted(context, table, command, role)
            for role in roles
        )
    ]


def _restricted(context: Context, table: Relation, command: str, role: Role) -> bool:
    tenant = context.tenant_column(table)
    return tenant is not None and any(
        not policy.permissive
        and policy.applies(command)
        and context.applies(policy, role)
        and any(tenant.number in row_columns(condition) for _, condition, _ in clauses(policy))
        for policy in table.policies
    )


@rule(
    "policy-to-public",
    "warning",
    "A policy for every role of the server",
    why="It also applies to anonymous callers, to roles of other applications, and to the roles of functions.",
    fix="Name the roles: to authenticated.",
)
def policy_to_public(context: Context) -> Iterator[Problem]:
    for table, policy in context.policies:
        if PUBLIC in policy.roles and policy.permissive:
            roles = ", ".join(role.name for role in context.holders(table)) or "authenticated"
            yield Problem(
                label(table, policy),
                "it applies to every role",
                f"alter policy {quoted(policy.name)} on {table.full_name} to {roles}",
                table.label,
            )


@rule(
    "policy-always-true",
    "error",
    "A policy that every row satisfies",
    why="Callers read the rows of all tenants, or write rows of any tenant. Tables that lack a tenant column"
    " are reported for writes alone.",
    fix="Compare the row with the caller.",
    splinter=("0024",),
)
def policy_always_true(context: Context) -> Iterator[Problem]:
    for table, policy in context.tenant_policies:
        for clause, condition, decided in clauses(policy) if policy.permissive else ():
            commands = open_commands(context, table, policy, decided)
            if context.tenant_column(table) is None:
                commands = [command for command in commands if command != "select"]
            reason = _open_to_all(context, table, condition)
            if commands and reason:
                yield Problem(
                    label(table, policy),
                    f"its {clause} is true for {reason}, so callers can {', '.join(commands)} the rows of all tenants",
                    f"{clause} ({context.tenant or 'org_id'} = any (array(select …)))",
                    table.label,
                )


def _open_to_all(context: Context, table: Relation, condition: Node) -> str | None:
    """The rows of all tenants that satisfy a condition; None if it looks at the tenant, or at something else."""
    if context.conditions.truth(condition, {column.number for column in table.columns if not column.nullable}):
        return "every row"
    tenant = context.tenant_column(table)
    if tenant is None:
        return None
    for arm in parts(condition, "or"):
        unequal = [part for part in parts(arm) if context.conditions.is_inequality(part, tenant.number)]
        # Another operand may say which rows are the caller's.
        others = [part for part in parts(arm) if part not in unequal and context.readers.depends(part)]
        if unequal and not any(row_columns(part) for part in others):
            return f"the rows of other tenants, as it compares {tenant.name} by <>"
    return None


@rule(
    "policy-ignores-row",
    "error",
    "A policy of a tenant's table that ignores the row",
    why="A condition about the caller alone, such as an EXISTS that lacks a link to the row, opens the rows of all"
    " tenants.",
    fix="Compare the tenant column of the row.",
)
def policy_ignores_row(context: Context) -> Iterator[Problem]:
    for table, policy in context.tenant_policies:
        if context.tenant_column(table) is None and not table.name.endswith((*_ROOTS,)):
            continue
        for clause, condition, decided in clauses(policy) if policy.permissive else ():
            commands = open_commands(context, table, policy, decided)
            if commands and not row_columns(condition) and context.conditions.truth(condition) is None:
                yield Problem(
                    label(table, policy),
                    f"its {clause} does not look at the row, so a caller who passes can {', '.join(commands)} all rows",
                    f"{clause} ({context.tenant or 'id'} = any (array(select …)))",
                    table.label,
                )


@rule(
    "policy-check-without-tenant",
    "error",
    "A policy that lets callers choose the tenant of what they write",
    why="The callers may write the tenant column, and WITH CHECK ignores it: they plant rows in another tenant, or move"
    " rows there.",
    fix="Compare the tenant column in WITH CHECK, or revoke the right to write it.",
)
def policy_check_without_tenant(context: Context) -> Iterator[Problem]:
    for table, policy in context.tenant_policies:
        tenant = context.tenant_column(table)
        for clause, condition, decided in clauses(policy) if tenant is not None and policy.permissive else ():
            columns = row_columns(condition)
            if tenant is None or clause == "using" or not columns or tenant.number in columns:
                continue
            held = [
                command
                for command in open_commands(context, table, policy, decided)
                for role in context.callers
                if context.applies(policy, role) and context.column_right(table, tenant, command.upper(), role)
            ]
            if held:
                yield Problem(
                    label(table, policy),
                    f"callers can {' and '.join(dict.fromkeys(held))} rows with any {tenant.name}",
                    f"with check ({tenant.name} = any (array(select …)) and …)",
                    table.label,
                )


# Tables of the tenants themselves.
_ROOTS = ("orgs", "organizations", "organisations", "tenants", "companies", "accounts", "teams", "customers")


@rule(
    "policy-compares-with-itself",
    "error",
    "A policy that compares a column with itself",
    why="In a subquery, a bare column name means the inner table: m.org_id = org_id compares m.org_id with itself"
    " and is always true.",
    fix="Name the table of the policy: m.org_id = notes.org_id.",
)
def policy_compares_with_itself(context: Context) -> Iterator[Problem]:
    for table, policy in context.policies:
        if any(context.conditions.compares_with_itself(node) for node in (policy.using, policy.check) if node):
            yield Problem(
                label(table, policy),
                "it compares a column with itself",
                f"qualify the outer column: {table.name}.column",
                table.label,
            )


@rule(
    "policy-without-check",
    "warning",
    "A policy for UPDATE that lacks WITH CHECK",
    why="PostgreSQL then checks new rows by USING. That holds until someone widens USING: say what new rows may be.",
    fix="Write WITH CHECK.",
)
def policy_without_check(context: Context) -> Iterator[Problem]:
    for table, policy in context.policies:
        held = any(
            context.rights(table, role) & {"UPDATE", "OWNER"}
            for role in context.requests
            if context.applies(policy, role)
        )
        if held and policy.command == "update" and policy.using is not None and policy.check is None:
            yield Problem(
                label(table, policy),
                "it decides update and has no WITH CHECK",
                f"alter policy {quoted(policy.name)} on {table.full_name} with check ({policy.using_text})",
                table.label,
            )


@rule(
    "policy-reads-user-metadata",
    "error",
    "A policy that trusts metadata which users can change",
    why="In user_metadata, a token has what the user wrote, which can be any role and any tenant.",
    fix="Read roles and memberships from a table, or from app_metadata.",
    splinter=("0015",),
)
def policy_reads_user_metadata(context: Context) -> Iterator[Problem]:
    for table, policy in context.policies:
        text = f"{policy.using_text or ''} {policy.check_text or ''}"
        if _METADATA.search(text):
            yield Problem(
                label(table, policy),
                "it reads user_metadata, which users can change",
                "read the value from a table that users cannot write",
                table.label,
            )
