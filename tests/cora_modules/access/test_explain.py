"""What PostgreSQL makes of each policy: it asks for the caller once per statement, and not once per row."""

import json
import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.cora_modules.access.catalog import MODULES, ask

pytestmark = pytest.mark.db

# Functions of the SDK or a module, called in the filter of a scan, are called for each row.
PER_ROW = re.compile(r"\b(?!pg_catalog\b)[a-z_]+\.\w+\(|current_setting")


def filters(plan: Any) -> Iterator[str]:
    """The conditions of all nodes that scan a table; those of an InitPlan run once."""
    if isinstance(plan, dict):
        if plan.get("Parent Relationship") == "InitPlan":
            return
        yield from (str(plan[name]) for name in ("Filter", "Index Cond", "Recheck Cond", "Join Filter") if name in plan)
        for child in plan.get("Plans", ()):
            yield from filters(child)


def plan_of(conn: psycopg.Connection, statement: sql.Composable) -> Any:
    with conn.transaction(force_rollback=True):
        conn.execute("set local role authenticated")
        row = conn.execute(sql.SQL("explain (format json, verbose, costs off) ") + statement).fetchone()
    assert row is not None
    return (row[0] if isinstance(row[0], list) else json.loads(row[0]))[0]["Plan"]


def test_no_policy_runs_a_function_for_each_row_of_a_select(catalog: psycopg.Connection) -> None:
    tables = ask(
        catalog,
        f"""
        select nspname, relname from pg_class c join pg_namespace n on n.oid = relnamespace
        where relkind in ('r', 'p') and relnamespace in ({MODULES})
          and has_any_column_privilege('authenticated', c.oid, 'select')
          and has_schema_privilege('authenticated', n.oid, 'usage') order by 1, 2
        """,
    )

    assert len(tables) >= 5
    found = {
        f"{schema}.{table}": [text for text in filters(plan_of(catalog, select(schema, table))) if PER_ROW.search(text)]
        for schema, table in tables
    }
    assert {table: texts for table, texts in found.items() if texts} == {}


def test_the_sweep_notices_a_function_for_each_row(catalog: psycopg.Connection) -> None:
    with catalog.transaction(force_rollback=True):
        catalog.execute(
            "create schema slow; grant usage on schema slow to authenticated; create table slow.notes (owner uuid);"
            "alter table slow.notes enable row level security; grant select on slow.notes to authenticated;"
            "create policy own on slow.notes to authenticated using (owner = auth.uid())"
        )

        assert any(PER_ROW.search(text) for text in filters(plan_of(catalog, select("slow", "notes"))))


def select(schema: str, table: str) -> sql.Composed:
    return sql.SQL("select 1 from {}").format(sql.Identifier(schema, table))
