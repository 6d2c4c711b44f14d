"""The complete row-level security check: what each environment checks at its start, plus all tables and functions."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from typing import LiteralString

import psycopg
from psycopg import sql

from org_common.db.connections.guard import STATEMENT, faults
from org_common.tools.database.schema import scalar, session

# Roles that a request can run as. Rights are checked as these roles: the login has none, so every check would pass.
ROLES: tuple[LiteralString, ...] = ("anon", "authenticated", "app_sys")

# Every table that the role has any right on, with whether row-level security is active for this role.
_TABLES: LiteralString = """
select n.nspname || '.' || c.relname, c.relkind::text, c.relrowsecurity, c.relforcerowsecurity,
       row_security_active(c.oid), coalesce(c.reloptions::text ~ 'security_invoker=(true|on|1|yes)', false),
       array(select power from unnest(%(powers)s::text[]) power where has_table_privilege(c.oid, power)
             or (power = 'references' and has_any_column_privilege(c.oid, power))),
       array(select power from unnest(%(powers)s::text[]) power where has_table_privilege('public', c.oid, power))
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname not in ('pg_catalog', 'information_schema')
  and n.nspname !~ '^pg_toast'
  and (
    has_any_column_privilege(c.oid, 'select, insert, update, references')
    or has_table_privilege(c.oid, 'delete') or has_table_privilege(c.oid, %(all)s)
  )
order by 1
"""

# Functions that a request's role can call, and trigger functions, without those of extensions. The catalog stores a
# SQL-standard body parsed, not as source (prosrc).
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
# Rights that row-level security does not limit, and what they allow.
_POWERS = {
    "truncate": "delete the rows of all tenants",
    "references": "find out which rows other tenants have, through foreign keys",
    "trigger": "run code when others change rows",
    "maintain": "lock the table",
}
_COMMENT = re.compile(r"--[^\n\r]*|/\*.*?\*/", re.DOTALL)
_CALL = re.compile(r"\bset_config\s*\(", re.IGNORECASE)
# Matches at the start of a statement, also after the opening quote of dynamic SQL.
_SET = re.compile(
    r"(?:\A|;|'|\b(?:begin|then|else|loop)\b)\s*set\s+(?!local\b|constraints\b|transaction\b)", re.IGNORECASE
)
_LOCK = re.compile(r"\bpg_(?:try_)?advisory_lock(?:_shared)?\s*\(", re.IGNORECASE)


def check_database(url: str, *, also: Collection[str] = (), roles: Sequence[LiteralString] = ROLES) -> list[str]:
    """The violations in the database behind the login's URL, each with its fix; empty when it is safe to serve.

    `also` are roles that the login may assume in addition to those of org-common, `roles` those that requests run as.
    """
    with session(url, "guard") as conn:
        if scalar(conn, "select rolsuper from pg_roles where rolname = session_user"):
            # Not fixable by ALTER ROLE for the bootstrap superuser, and the other checks are about another login.
            return [f"the login {conn.info.user} is a superuser: log in as app_login, with the URL of the functions"]
        # Exposed tables come third. They are checked below as each role, with more rules.
        version, members, *_ = conn.execute(STATEMENT[0]).fetchone() or (0, [])
        violations = faults(int(version), members if isinstance(members, list) else json.loads(members or "[]"), also)
        for role in roles:
            violations += _role_violations(conn, role)
        for name, body in conn.execute(_FUNCTIONS, [list(roles)]):
            violations += [f"the function {name} {effect}" for effect in session_effects(body)]
    # The same table yields the same violation once per role.
    return list(dict.fromkeys(violations))


def _role_violations(conn: psycopg.Connection, role: LiteralString) -> list[str]:
    with conn.transaction():
        try:
            with conn.transaction():
                conn.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))
                powers = [power for power in _POWERS if power != "maintain" or conn.info.server_version >= 170000]
                tables = conn.execute(_TABLES, {"powers": powers, "all": ", ".join(powers)}).fetchall()
        except psycopg.errors.InsufficientPrivilege:
            return [f"the login cannot assume the role {role}: `grant {role} to app_login`"]
        except psycopg.errors.InvalidParameterValue:
            return [f"the role {role} does not exist: run `org-common db migrate`"]
    violations = []
    for *table, powers, of_public in tables:
        violation = _table_violation(role, *table)
        violations += [_power_violation(role, table[0], power, of_public) for power in powers if violation is None]
        violations += [violation] if violation is not None else []
    return violations


def _power_violation(role: str, name: str, power: str, of_public: Collection[str]) -> str:
    grantee = "public" if power in of_public else role
    return (
        f"{role} can {_POWERS[power]} ({power.upper()} on {name}), and row-level security does not limit that:"
        f" revoke {power} on {name} from {grantee}"
    )


def _table_violation(
    role: str, name: str, kind: str, enabled: bool, forced: bool, active: bool, invoker: bool
) -> str | None:
    if kind == "v":
        # Without security_invoker a view reads with its owner's rights and bypasses the caller's policies.
        fix = f"alter view {name} set (security_invoker = true)"
        return None if invoker else f"{role} can read the view {name}, which runs with its owner's rights: {fix}"
    if kind in "mf":
        noun = "materialized views" if kind == "m" else "foreign tables"
        return f"{role} has rights on {name}, and {noun} have no row-level security: revoke the rights"
    if not enabled:
        return f"{role} has rights on {name} without row-level security: alter table {name} enable row level security"
    if not forced:
        return f"row-level security of {name} does not apply to its owner: alter table {name} force row level security"
    return (
        None
        if active
        else f"row-level security of {name} does not apply to {role}: alter role {role} nosuperuser nobypassrls"
    )


def session_effects(body: str) -> list[str]:
    """Settings and locks in a function's body that outlive its transaction and leak to the session's next transaction.

    The body is searched as text: SQL that is assembled at run time is missed, and a `set_config` whose last argument is
    anything but the literal `true` is reported.
    """
    code = _COMMENT.sub(" ", body)
    effects = []
    if any(_third_argument(code, call.end()) not in ("true", "'t'", "'true'", "'on'") for call in _CALL.finditer(code)):
        effects.append("changes a setting for the session: pass true as the last argument of set_config()")
    if _SET.search(code):
        effects.append("changes a setting for the session: use `set local`, or set_config(…, …, true)")
    if _LOCK.search(code):
        effects.append("takes a lock for the session: use pg_advisory_xact_lock()")
    return effects


def _third_argument(code: str, start: int) -> str:
    """The third argument of the call whose opening parenthesis ends at `start`, also inside quoted dynamic SQL."""
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
