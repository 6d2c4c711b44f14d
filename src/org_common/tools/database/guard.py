"""The full look at a database: what each environment checks before it serves, then tables and functions one by one."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from typing import LiteralString

import psycopg
from psycopg import sql

from org_common.db.connections.guard import STATEMENT, faults
from org_common.tools.database.schema import scalar, session

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

# Functions that a request's role may call, or that run by themselves in its statements; not those of extensions.
# A body in the SQL standard's form is no text of the catalog.
_FUNCTIONS: LiteralString = """
select n.nspname || '.' || p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')',
       coalesce(pg_get_function_sqlbody(p.oid), p.prosrc)
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
join pg_language l on l.oid = p.prolang and l.lanname not in ('c', 'internal')
where n.nspname not in ('pg_catalog', 'information_schema')
  and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
  and (
    p.prorettype = 'trigger'::regtype
    or exists (select from unnest(%s::text[]) role join pg_roles r on r.rolname = role
               where has_schema_privilege(r.oid, n.oid, 'usage'))
  )
order by 1
"""
_COMMENT = re.compile(r"--[^\n\r]*|/\*.*?\*/", re.DOTALL)
_CALL = re.compile(r"\bset_config\s*\(", re.IGNORECASE)
# Where a statement begins: in a text that is executed, behind its quote.
_SET = re.compile(
    r"(?:\A|;|'|\b(?:begin|then|else|loop)\b)\s*set\s+(?!local\b|constraints\b|transaction\b)", re.IGNORECASE
)
_LOCK = re.compile(r"\bpg_(?:try_)?advisory_lock(?:_shared)?\s*\(", re.IGNORECASE)


def check_database(url: str, *, also: Collection[str] = ()) -> list[str]:
    """Everything that is wrong with the database behind the login's URL, each with its fix; empty when it may serve.

    `also`: roles that the login may become besides those of a unit.
    """
    with session(url, "guard") as conn:
        if scalar(conn, "select rolsuper from pg_roles where rolname = session_user"):
            # The server's first superuser cannot stop being one, and the rest would be about nobody's login.
            return [f"the login {conn.info.user} is a superuser: log in as app_login, with the URL of the functions"]
        version, roles = conn.execute(STATEMENT[0]).fetchone() or (0, [])
        found = faults(int(version), roles if isinstance(roles, list) else json.loads(roles or "[]"), also)
        for role in ROLES:
            found += _role_violations(conn, role)
        for name, body in conn.execute(_FUNCTIONS, [list(ROLES)]):
            found += [f"the function {name} {fault}" for fault in session_effects(body)]
    # A table that lacks something lacks it for each role.
    return list(dict.fromkeys(found))


def _role_violations(conn: psycopg.Connection, role: LiteralString) -> list[str]:
    with conn.transaction():
        try:
            with conn.transaction():
                conn.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))
                tables = conn.execute(_TABLES).fetchall()
        except psycopg.errors.InsufficientPrivilege:
            return [f"the login cannot become {role}: `grant {role} to app_login`"]
        except psycopg.errors.InvalidParameterValue:
            return [f"there is no role {role}: run `org-common db migrate`"]
    return [fault for table in tables if (fault := _table_violation(role, *table)) is not None]


def _table_violation(
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


def session_effects(body: str) -> list[str]:
    """What a function's body leaves on the session when its transaction is over, for whoever comes next on it.

    Read as text, so a call that is put together at run time is not seen, and a `set_config` whose last argument is not
    the word `true` is a fault.
    """
    code = _COMMENT.sub(" ", body)
    found = []
    if any(_third_argument(code, call.end()) not in ("true", "'t'", "'true'", "'on'") for call in _CALL.finditer(code)):
        found.append("sets for the session: the last argument of set_config() must be true")
    if _SET.search(code):
        found.append("sets for the session: write `set local`, or perform set_config(…, …, true)")
    if _LOCK.search(code):
        found.append("takes a lock for the session: take pg_advisory_xact_lock()")
    return found


def _third_argument(code: str, start: int) -> str:
    """Of the call whose parenthesis ends at `start`; within a quoted text too, where quotes are doubled."""
    depth, quoted, arguments = 0, False, [""]
    for char in code[start:]:
        if char == "'":
            quoted = not quoted
        elif not quoted and char in "([":
            depth += 1
        elif not quoted and char in ")]":
            if depth == 0:
                break
            depth -= 1
        elif not quoted and char == "," and depth == 0:
            arguments.append("")
            continue
        arguments[-1] += char
    third = arguments[2] if len(arguments) > 2 else ""
    return third.partition("=>")[2].strip().lower() or third.strip().lower()
