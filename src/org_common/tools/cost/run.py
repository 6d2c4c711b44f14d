"""Fills a database and measures it, in one transaction."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
from psycopg import sql

from org_common.tools.cost.fill import ROWS_PER_TENANT, fill
from org_common.tools.cost.measure import measure
from org_common.tools.cost.replay import replay
from org_common.tools.cost.report import Report
from org_common.tools.cost.statements import Statements
from org_common.tools.database.schema import scalar
from org_common.tools.project.project import ToolError
from org_common.tools.prove import catalog as catalogs
from org_common.tools.prove.catalog import Catalog
from org_common.tools.prove.declaration import Declaration
from org_common.tools.prove.rows.builder import build

Progress = Callable[[str], Callable[[int, int], None]]
"""Makes the function that shows how many of some things are done."""


def _silent(noun: str) -> Callable[[int, int], None]:
    return lambda done, total: None


def run(
    conn: psycopg.Connection,
    declaration: Declaration,
    rows: int,
    *,
    per_tenant: int = ROWS_PER_TENANT,
    statements: Statements | None = None,
    progress: Progress = _silent,
) -> Report:
    """Fill each table with this many rows, and measure reads and the statements, in the connection's transaction.

    The caller rolls the transaction back. Raises `ToolError` if the role is not a superuser, and `DeclarationError` if
    a table cannot be filled.
    """
    if not scalar(conn, "select rolsuper from pg_roles where rolname = current_user"):
        raise ToolError(
            f"{conn.info.user} is not a superuser, so it cannot switch off triggers to fill tables: use the URL of a"
            " superuser, such as postgres"
        )
    conn.execute("set local search_path = ''")
    catalog = catalogs.read(conn, declaration.schemas or None)
    _refuse_rows(conn, catalog, declaration)
    world = build(conn, catalog, declaration)
    filled = fill(conn, world, rows, per_tenant=per_tenant, progress=progress("tables filled"))
    costs = [*measure(conn, world, filled, progress("tables measured"))]
    found = statements or Statements()
    return Report(filled, costs, [*replay(conn, world, found, progress("statements measured"))], found.computed)


def _refuse_rows(conn: psycopg.Connection, catalog: Catalog, declaration: Declaration) -> None:
    """Raise `ToolError` if there are tenants: the database may be one that serves requests."""
    if declaration.tenants in catalog.relations:
        name = sql.Identifier(*declaration.tenants.split(".", 1))
        if conn.execute(sql.SQL("select from {} limit 1").format(name)).fetchone() is not None:
            raise ToolError(
                f"{declaration.tenants} has rows: use a database that is migrated and empty, or leave out --url for an"
                " embedded PostgreSQL"
            )
