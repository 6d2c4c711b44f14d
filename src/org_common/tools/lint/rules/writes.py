"""Rules about what callers may change: their own role, deleted rows, and rows without an audit trail."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from org_common.tools.lint.callers import called, code
from org_common.tools.lint.catalog import PUBLIC, Column, Function, Policy, Relation, Role, quoted
from org_common.tools.lint.context import Context
from org_common.tools.lint.expressions import IS_NULL, columns_read, own_column, parts, row_columns
from org_common.tools.lint.finding import Problem, rule
from org_common.tools.lint.nodes import Node, constant
from org_common.tools.lint.rules.policies import DELETED, clauses, label

_ROLE = re.compile(
    r"(?:.*_)?(?:role|roles|role_id|is_admin|is_owner|is_super_?user|is_staff|is_moderator|admin|permissions?|access_level)"
)
# IS NOT TRUE and IS FALSE, of PostgreSQL's BoolTestType.
_IS_NOT_TRUE = (1, 2)
_AUDIT_COLUMNS = ("updated_by", "updated_at")


@rule(
    "role-column-writable",
    "error",
    "A role that callers can raise themselves",
    why="The caller may write the column of the role, and the conditions ignore its value: a user makes themselves an"
    " administrator.",
    fix="Revoke the right on the column and change it in a function that compares roles, or compare it in WITH CHECK."
    " Where the right is granted on the table, revoke it there and grant it on the other columns. It is a warning where"
    " the condition looks up a role of the caller: callers with that role may set any other.",
)
def role_column_writable(context: Context) -> Iterator[Problem]:
    for table, policy in context.tenant_policies:
        for column in table.columns if policy.permissive else ():
            if not _is_raisable(context, table, column):
                continue
            for _, condition, decided in clauses(policy):
                writes = [verb for verb in decided if verb in ("insert", "update")]
                held = [verb for verb in writes if _may_write(context, table, column, policy, verb)]
                # USING says which rows, WITH CHECK says which values.
                is_check = condition is (policy.check or policy.using)
                if held and is_check and column.number not in row_columns(condition):
                    compares = _looks_up_role(context, condition)
                    yield Problem(
                        label(table, policy),
                        f"callers can {' and '.join(held)} {column.name}, and no condition looks at its value",
                        "; ".join(sql for verb in held for sql in _without(context, table, column, policy, verb)),
                        table.label,
                        "warning" if compares else None,
                    )
                    break


def _looks_up_role(context: Context, condition: Node) -> bool:
    """Whether a condition reads a column of roles in another row, together with the caller, or calls what does."""
    if not context.readers.depends(condition):
        return False
    for oid, number in columns_read(condition):
        relation = context.catalog.relations.get(oid)
        if relation is not None and _ROLE.fullmatch(relation.column_names([number])[0]):
            return True
    called_here = (context.catalog.functions.get(oid) for oid in called(condition))
    return any(
        function.own and context.readers.reads_caller(function.oid) and _reads_role(context, function)
        for function in called_here
        if function is not None
    )


def _reads_role(context: Context, function: Function) -> bool:
    if function.body is not None:
        named = set()
        for oid, number in columns_read(function.body):
            named |= set(
                context.catalog.relations[oid].column_names([number]) if oid in context.catalog.relations else ()
            )
    else:
        words = set(re.findall(r"\w+", code(function.source)))
        read = (context.catalog.relations.get(oid) for oid in context.relations_of(function))
        named = {column.name for relation in read if relation is not None for column in relation.columns} & words
    return any(map(_ROLE.fullmatch, named))


def _may_write(context: Context, table: Relation, column: Column, policy: Policy, verb: str) -> bool:
    return any(
        context.column_right(table, column, verb.upper(), role)
        for role in context.callers
        if context.applies(policy, role)
    )


def _without(context: Context, table: Relation, column: Column, policy: Policy, verb: str) -> Iterator[str]:
    """The statements that take the right on a column away from all whose grants the callers have.

    Revoking it on the column leaves a grant on the table in force: that one has to be replaced.
    """
    roles = [role for role in context.callers if context.applies(policy, role)]
    holders = {PUBLIC}.union(*(context.inherited(role) for role in roles))
    rest = [each for each in table.columns if each != column and not _is_raisable(context, table, each)]
    for on_table, grants in ((True, table.grants), (False, column.grants)):
        for grant in grants:
            if grant.privilege != verb.upper() or grant.grantee not in holders:
                continue
            name = quoted(context.role_name(grant.grantee)) if grant.grantee != PUBLIC else "public"
            if not on_table:
                yield f"revoke {verb} ({quoted(column.name)}) on {table.full_name} from {name}"
                continue
            yield f"revoke {verb} on {table.full_name} from {name}"
            if rest:
                columns = ", ".join(quoted(each.name) for each in rest)
                yield f"grant {verb} ({columns}) on {table.full_name} to {name}"


def _is_raisable(context: Context, table: Relation, column: Column) -> bool:
    return bool(_ROLE.fullmatch(column.name)) and not _guarded_by_trigger(context, table, column)


def _guarded_by_trigger(context: Context, table: Relation, column: Column) -> bool:
    """Whether a trigger's function looks at the column."""
    functions = [context.catalog.functions.get(trigger.function) for trigger in table.triggers]
    return any(
        function is not None and re.search(rf"\b{re.escape(column.name)}\b", code(function.source))
        for function in functions
    )


@rule(
    "soft-delete-refused",
    "error",
    "A soft delete that the table's own SELECT policy refuses",
    why="An UPDATE must leave the row visible to the SELECT policies. With deleted_at is null in them, the UPDATE that"
    " sets deleted_at fails with 42501.",
    fix="Leave the column out of the policies, and read through a view of live rows with security_invoker.",
)
def soft_delete_refused(context: Context) -> Iterator[Problem]:
    for table in context.tables:
        for role in context.callers if table.secured else ():
            column = _refused(context, table, role)
            if column is not None:
                yield Problem(
                    f"column {column.name} of {table.label}",
                    f"{role.name} may set it, and then no SELECT policy shows the row: the update fails with 42501",
                    f"remove {column.name} from the SELECT policies, and read a view of live rows",
                    table.label,
                )


def _refused(context: Context, table: Relation, role: Role) -> Column | None:
    own = [policy for policy in table.policies if policy.permissive and context.applies(policy, role)]
    reading = [policy for policy in own if policy.applies("select")]
    if not reading or not any(policy.applies("update") for policy in own):
        return None
    hiding = set.intersection(*(_hides(context, policy.using) for policy in reading))
    return next(
        (
            column
            for column in table.columns
            if column.number in hiding
            and DELETED.search(column.name)
            and context.column_right(table, column, "UPDATE", role)
        ),
        None,
    )


def _hides(context: Context, condition: Node | None) -> set[int]:
    """The columns that must be null or false for a row to be visible."""
    hiding = (part for part in parts(condition) if part.arguments and _wants_nothing(context, part))
    return {column for part in hiding if (column := own_column(part.arguments[0])) is not None}


def _wants_nothing(context: Context, part: Node) -> bool:
    """Whether a condition holds for a null or false operand: `is null`, `not`, `is not true`, `is false`, `= false`."""
    if part.tag == "BOOLEXPR":
        return part.fields.get("boolop") == "not"
    if part.tag == "NULLTEST":
        return part.number("nulltesttype") == IS_NULL
    if part.tag == "BOOLEANTEST":
        return part.number("booltesttype") in _IS_NOT_TRUE
    return context.conditions.is_equality(part) and constant(part.arguments[1]) == b"\x00"


@rule(
    "audit-trigger-missing",
    "warning",
    "A table whose audit columns lack a trigger that sets them",
    why="Other tables of the project set these columns by a trigger. Here they keep what the statement says.",
    fix="Create the trigger that the other tables have.",
)
def audit_trigger_missing(context: Context) -> Iterator[Problem]:
    for name in _AUDIT_COLUMNS:
        audited = {table.oid: _audit_function(context, table, name) for table in context.tables if table.column(name)}
        used = Counter(function for function in audited.values() if function is not None)
        if not used:
            continue
        function = used.most_common(1)[0][0]
        for table in context.tables:
            if table.oid in audited and audited[table.oid] is None and not table.parents:
                yield Problem(
                    table.label,
                    f"no trigger sets {name}, which {function}() sets on other tables",
                    f"create trigger audit before insert or update on {table.full_name}"
                    f" for each row execute function {function}()",
                )
        # updated_by and updated_at are set by one trigger: one finding a table is enough.
        return


def _audit_function(context: Context, table: Relation, column: str) -> str | None:
    for trigger in table.triggers:
        function = context.catalog.functions.get(trigger.function)
        source = code(function.source) if trigger.on_update and function is not None else ""
        if function is not None and re.search(rf"\bnew\s*\.\s*{column}\s*:?=", source, re.IGNORECASE):
            return function.full_name
    return None
