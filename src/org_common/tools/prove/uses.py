"""Which tables, views and functions use a function: in a body, a policy or a view, through any number of others."""

from __future__ import annotations

import re
from typing import LiteralString

import psycopg

from org_common.tools.prove.rows.world import World

_TEXTS: LiteralString = """
select n.nspname || '.' || p.proname, pg_get_functiondef(p.oid)
from pg_proc p join pg_namespace n on n.oid = p.pronamespace
where p.prokind = 'f' and n.nspname = any (%(schemas)s::text[])
union all
select n.nspname || '.' || c.relname,
       concat_ws(' ', pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
from pg_policy p join pg_class c on c.oid = p.polrelid join pg_namespace n on n.oid = c.relnamespace
where n.nspname = any (%(schemas)s::text[])
union all
select n.nspname || '.' || c.relname, pg_get_viewdef(c.oid)
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('v', 'm') and n.nspname = any (%(schemas)s::text[])"""


class Uses:
    """The users of each table, view and function."""

    def __init__(self, conn: psycopg.Connection, world: World) -> None:
        names = {*world.catalog.relations, *(each.name for each in world.catalog.functions)}
        schemas = sorted({name.partition(".")[0] for name in names})
        self._users: dict[str, set[str]] = {name: set() for name in names}
        for user, text in conn.execute(_TEXTS, {"schemas": schemas}):
            for name in set(re.findall(r"\w+\.\w+", (text or "").replace('"', ""))) & names:
                self._users[name].add(user)

    def of(self, name: str) -> set[str]:
        """The name and everything that uses it."""
        found: set[str] = set()
        left = [name]
        while left:
            each = left.pop()
            if each not in found:
                found.add(each)
                left += self._users.get(each, ())
        return found
