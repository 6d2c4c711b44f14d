"""The full look at a database: what each environment checks before it serves, and row-level security table by table."""

from __future__ import annotations

import json
from typing import LiteralString

import psycopg
from psycopg import sql

from org_common.db.guard import STATEMENT, faults
from org_common.tools.schema import session

# What a request may become. Asked as these: as the login, which has no rights, all would pass for the wrong reason.
ROLES: tuple[LiteralString, ...] = ("anon", "authenticated", "app_sys")

# Each table that the role has any right on, with whether row-level security applies to it for this very role.
_TABLES: LiteralString = """
select n.nspname || '.' || c.relname, c.relkind::text, c.relrowsecurity, c.relforcerowsecurity,
       row_security_active(c.oid), coalesce(c.reloptions::text ~ 'security_invoker=(true|on|1|yes)', false)
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname not in ('pg_catalog', 'information_schema')
  and n.nspname !~ '^pg_toast'
  and (
    has_any_column_privilege(c.oid, 'select, insert, update, references')
    or has_table_privilege(c.oid, 'delete, truncate, trigger')
  )
order by 1
"""


def look(url: str) -> list[str]:
    """Everything that is wrong with the database behind the login's URL, each with its fix; empty when it may serve."""
    with session(url, "guard") as conn:
        version, roles = conn.execute(STATEMENT[0]).fetchone() or (0, [])
        found = faults(int(version), roles if isinstance(roles, list) else json.loads(roles or "[]"))
        for role in ROLES:
            found += _role_faults(conn, role)
    # A table that lacks something lacks it for each role.
    return list(dict.fromkeys(found))


def _role_faults(conn: psycopg.Connection, role: LiteralString) -> list[str]:
    with conn.transaction():
        try:
            with conn.transaction():
                conn.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))
                tables = conn.execute(_TABLES).fetchall()
        except psycopg.errors.InsufficientPrivilege:
            return [f"the login cannot become {role}: `grant {role} to app_login`"]
        except psycopg.errors.InvalidParameterValue:
            return [f"there is no role {role}: run `org-common db migrate`"]
    return [fault for table in tables if (fault := _table_fault(role, *table)) is not None]


def _table_fault(
    role: str, name: str, kind: str, enabled: bool, forced: bool, active: bool, invoker: bool
) -> str | None:
    if kind == "v":
        # It reads as its owner, past the policies, unless it says otherwise.
        mend = f"alter view {name} set (security_invoker = true)"
        return None if invoker else f"{role} may read the view {name}, which reads as its owner: {mend}"
    if kind in "mf":
        return f"{role} has rights on {name}, for which there is no row-level security: revoke them"
    if not enabled:
        return f"{role} has rights on {name} without row-level security: alter table {name} enable row level security"
    if not forced:
        return f"{name} spares its owner from row-level security: alter table {name} force row level security"
    return (
        None
        if active
        else f"row-level security of {name} does not apply to {role}: it must not own the table or bypass it"
    )
