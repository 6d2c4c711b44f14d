"""Questions to the catalog of the migrated database."""

from typing import Any, LiteralString

import psycopg

# The schemas of the modules (MODULES), and these with the SDK's own two (OURS).
MODULES = """
    select oid from pg_namespace
    where nspname !~ '^pg_' and nspname not in ('information_schema', 'public', 'app', 'auth')"""
OURS = "select oid from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema'"
# The functions that a declared extension has created: `test_extensions_are_these` says which extensions there are.
OF_EXTENSIONS = "select objid from pg_depend where classid = 'pg_proc'::regclass and deptype = 'e'"
# The roles that send statements, for requests and for jobs.
ROLES = "array['app_login', 'app_service', 'anon', 'authenticated', 'app_sys']"


def ask(conn: psycopg.Connection, query: LiteralString) -> list[Any]:
    """The rows, or the values if there is one column."""
    rows = conn.execute(query).fetchall()
    return [row[0] if len(row) == 1 else row for row in rows]
