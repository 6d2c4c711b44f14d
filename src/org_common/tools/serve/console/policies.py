"""The row-level security policies that apply to a role, from the catalog."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import LiteralString

import psycopg
from psycopg.rows import class_row

_TABLES: LiteralString = """
select n.nspname || '.' || c.relname as name, c.relrowsecurity as is_secured,
       (select r.rolbypassrls or r.rolsuper from pg_roles r where r.rolname = %(role)s) as is_bypassed
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname || '.' || c.relname = any(%(tables)s) order by 1
"""
_POLICIES: LiteralString = """
select n.nspname || '.' || c.relname as table, p.polname as name,
       case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete'
            else 'all' end as command,
       p.polpermissive as is_permissive, pg_get_expr(p.polqual, p.polrelid) as using,
       pg_get_expr(p.polwithcheck, p.polrelid) as check
from pg_policy p join pg_class c on c.oid = p.polrelid join pg_namespace n on n.oid = c.relnamespace
where n.nspname || '.' || c.relname = any(%(tables)s)
  and exists (select from unnest(p.polroles) r where r = 0 or pg_has_role(%(role)s, r, 'usage'))
order by not p.polpermissive, p.polname
"""


@dataclass(frozen=True)
class AppliedPolicy:
    """A policy on a table that applies to the role and to what the statement does."""

    table: str
    name: str
    command: str
    """"select", "insert", "update", "delete" or "all"."""
    is_permissive: bool
    """A row needs one permissive policy, and every restrictive one."""
    using: str | None
    """The condition for existing rows, as PostgreSQL writes it."""
    check: str | None
    """The condition for new rows."""


@dataclass(frozen=True)
class SecuredTable:
    """A table, and whether policies decide about its rows."""

    name: str
    is_secured: bool
    """Row-level security is enabled."""
    is_bypassed: bool
    """The role skips all policies."""
    commands: list[str]
    """What the statement does with the table."""
    policies: list[AppliedPolicy]
    """Without one, the role sees and changes no rows."""


def read_policies(conn: psycopg.Connection, role: str, tables: Mapping[str, set[str]]) -> list[SecuredTable]:
    """The policies for this role on these tables, which are given with the commands of the statement."""
    values = {"role": role, "tables": list(tables)}
    with conn.cursor(row_factory=class_row(AppliedPolicy)) as cursor:
        policies = cursor.execute(_POLICIES, values).fetchall()
    return [
        SecuredTable(
            name,
            is_secured,
            is_bypassed,
            sorted(tables[name]),
            [each for each in policies if each.table == name and each.command in {"all", *tables[name]}],
        )
        for name, is_secured, is_bypassed in conn.execute(_TABLES, values).fetchall()
    ]
