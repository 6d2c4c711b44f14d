"""Questions to the catalog of the migrated database."""

from typing import Any, LiteralString

import psycopg

# Schemas that are ours: those of the modules, and the SDK's own two.
MODULES = """
    select oid from pg_namespace
    where nspname !~ '^pg_' and nspname not in ('information_schema', 'public', 'app', 'auth')"""
OURS = "select oid from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema'"
# Who sends statements for a request, and for a job.
ROLES = "array['app_login', 'app_service', 'anon', 'authenticated', 'app_sys']"


def ask(conn: psycopg.Connection, query: LiteralString) -> list[Any]:
    """The rows; of one column, its values."""
    rows = conn.execute(query).fetchall()
    return [row[0] if len(row) == 1 else row for row in rows]
