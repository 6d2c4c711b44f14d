"""Finds policies that may be a mistake: none at all for a right that a role has, or one that every row satisfies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import LiteralString, NamedTuple

import psycopg
from psycopg import sql

from org_common.tools.database.schema import session

# Per table under row-level security: what the current role may do with it.
_RIGHTS: LiteralString = """
select c.oid, n.nspname || '.' || c.relname, array(
         select verb from unnest(array['select', 'insert', 'update', 'delete']) verb
         where case verb when 'delete' then has_table_privilege(c.oid, verb)
                         else has_any_column_privilege(c.oid, verb) end)
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and c.relrowsecurity and n.nspname not in ('pg_catalog', 'information_schema')
order by 2
"""
# The permissive policies that apply to the current role. A condition without one of these nodes is a constant.
_POLICIES: LiteralString = r"""
select p.polrelid, p.polname,
       case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete'
            else 'all' end,
       case when p.polqual::text !~ w.varying then pg_get_expr(p.polqual, p.polrelid) end,
       case when coalesce(p.polwithcheck, p.polqual)::text !~ w.varying
            then pg_get_expr(coalesce(p.polwithcheck, p.polqual), p.polrelid) end
from pg_policy p,
     (select '\{(VAR|FUNCEXPR|SUBLINK|PARAM|SQLVALUEFUNCTION|NEXTVALUEEXPR)\M') w(varying)
where p.polpermissive and exists (select from unnest(p.polroles) r where r = 0 or pg_has_role(r, 'usage'))
order by p.polname
"""
# What a caller gets from a right without a policy.
_EFFECTS = {
    "select": "sees no rows",
    "insert": "cannot insert",
    "update": "updates no rows",
    "delete": "deletes no rows",
}
# Roles that may see the rows of all tenants.
_OF_ALL_TENANTS = frozenset({"app_sys"})
# Every caller may send a message, and none can read or change one.
_OURS = frozenset({("app.outbox", "send")})


class _Policy(NamedTuple):
    table: int
    name: str
    command: str
    """"select", "insert", "update", "delete" or "all"."""
    using: str | None
    """The condition for existing rows if it is a constant."""
    check: str | None
    """The condition for new rows if it is a constant."""


def check_policies(url: str, roles: Sequence[LiteralString]) -> list[str]:
    """Warnings about the database behind the login's URL, each with what to do. `roles` are those of requests."""
    warnings: list[str] = []
    with session(url, "guard") as conn:
        for role in roles:
            with conn.transaction(force_rollback=True):
                conn.execute("set transaction read only")
                try:
                    conn.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))
                except (psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidParameterValue):
                    continue  # reported as a violation
                warnings += _of_role(conn, role)
    return list(dict.fromkeys(warnings))


def _of_role(conn: psycopg.Connection, role: str) -> list[str]:
    policies = [_Policy(*row) for row in conn.execute(_POLICIES)]
    warnings = []
    for oid, table, verbs in conn.execute(_RIGHTS).fetchall():
        own = [policy for policy in policies if policy.table == oid]
        without = [verb for verb in verbs if not any(policy.command in (verb, "all") for policy in own)]
        if without:
            effects = " and ".join(_EFFECTS[verb] for verb in without)
            warnings.append(
                f"{role} has {', '.join(without)} on {table}, but no policy for it, so it {effects}:"
                f" create policy ... on {table} to {role}, or revoke {', '.join(without)} on {table} from {role}"
            )
        if role not in _OF_ALL_TENANTS:
            others = [policy for policy in own if (table, policy.name) not in _OURS]
            warnings += [warning for policy in others for warning in _open(conn, table, verbs, policy)]
    return warnings


def _open(conn: psycopg.Connection, table: str, verbs: Sequence[str], policy: _Policy) -> list[str]:
    """Warnings about conditions that are true for every row."""
    commands = [verb for verb in verbs if policy.command in (verb, "all")]
    existing = [verb for verb in commands if verb != "insert"]
    new = [verb for verb in commands if verb in ("insert", "update")]
    warnings = []
    for condition, affected, clause, effect in (
        (policy.using, existing, "using", f"lets callers {', '.join(existing)} the rows of all tenants"),
        (policy.check, new, "with check", f"lets callers {', '.join(new)} rows of any tenant"),
    ):
        if affected and condition is not None and _is_true(conn, condition):
            warnings.append(
                f"the policy {policy.name} on {table} {effect}, {clause} ({condition}): compare the row with the"
                " caller, for example org_id = any (array(select ...)), or leave it if the table has no tenants"
            )
    return warnings


def _is_true(conn: psycopg.Connection, condition: str) -> bool:
    try:
        with conn.transaction():
            row = conn.execute(f"select ({condition})::boolean".encode()).fetchone()
    except psycopg.Error:
        return False
    return row == (True,)
