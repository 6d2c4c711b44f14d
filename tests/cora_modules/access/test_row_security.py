"""Row-level security is in force for each table and role of a request: a statement without its policies is refused."""

from typing import LiteralString

import psycopg
import pytest
from psycopg import sql

from tests.cora_modules.access.catalog import OURS, ask

pytestmark = pytest.mark.db

ROLES: tuple[LiteralString, ...] = ("anon", "authenticated", "app_sys")


def refusal(conn: psycopg.Connection, role: LiteralString, schema: str, table: str) -> str:
    """What PostgreSQL says to a statement that would have to skip the policies of the table; "" if it runs."""
    try:
        with conn.transaction():
            conn.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))
            conn.execute("set local row_security = off")
            conn.execute(sql.SQL("select 1 from {} limit 0").format(sql.Identifier(schema, table)))
    except psycopg.errors.InsufficientPrivilege as error:
        return error.diag.message_primary or ""
    return ""


@pytest.mark.parametrize("role", ROLES)
def test_no_table_can_be_read_past_its_policies(catalog: psycopg.Connection, role: LiteralString) -> None:
    tables = ask(
        catalog,
        f"""
        select nspname, relname, has_schema_privilege('{role}', n.oid, 'usage')
            and has_any_column_privilege('{role}', c.oid, 'select')
        from pg_class c join pg_namespace n on n.oid = relnamespace
        where relkind in ('r', 'p') and relnamespace in ({OURS}) order by 1, 2
        """,
    )

    assert len(tables) >= 10
    for schema, table, readable in tables:
        found = refusal(catalog, role, schema, table)
        assert found, f"{role} can read {schema}.{table}"
        assert not readable or "row-level security policy" in found


def test_the_check_notices_a_table_without_row_level_security(catalog: psycopg.Connection) -> None:
    with catalog.transaction(force_rollback=True):
        catalog.execute("create schema bare; create table bare.canary (id int)")
        catalog.execute("grant usage on schema bare to authenticated; grant select on bare.canary to authenticated")

        assert refusal(catalog, "authenticated", "bare", "canary") == ""
