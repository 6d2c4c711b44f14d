"""Rebuilds a local database from the migration files, and keeps the rows that still fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import psycopg
from psycopg import sql

from org_common.tools.database.local import LocalDatabase, drop_database, provision
from org_common.tools.database.migrations import Migration
from org_common.tools.database.schema import session

# Ordinary tables of the project and of org-common, and their columns that an INSERT may name.
_TABLES = """
select n.nspname, c.relname, array_agg(a.attname::text order by a.attnum)
from pg_class c join pg_namespace n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
where c.relkind = 'r' and n.nspname not like 'pg\\_%' and n.nspname <> 'information_schema'
  and (n.nspname, c.relname) <> ('app', 'migrations')
  and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')
group by 1, 2 order by 1, 2
"""
_SEQUENCES = "select schemaname, sequencename, last_value from pg_sequences where last_value is not null"
_ALL_SEQUENCES = "select schemaname, sequencename from pg_sequences"
NEW = "_new"
Table = tuple[str, str]


def rebuild(
    admin_url: str,
    name: str,
    migrations: Sequence[Migration],
    *,
    extensions: Sequence[str] = (),
    say: Callable[[str], object],
) -> LocalDatabase:
    """Replace the database with one that all migrations made anew, and copy the rows of the old one into it.

    Tables and columns that the new one lacks are left behind, and rows that no longer fit; `say` gets a line for each
    such table. A migration that fails leaves the old database as it was. Connections to it are closed.
    """
    drop_database(admin_url, name + NEW)
    try:
        made = provision(admin_url, name + NEW, migrations, extensions=extensions)
        with _connected(admin_url, name) as old, _connected(made.admin_url) as new:
            _copy(old, new, say)
    except BaseException:
        drop_database(admin_url, name + NEW)
        raise
    with session(admin_url, "rebuild", database="postgres") as admin:
        drop_database(admin_url, name)
        rename = sql.SQL("alter database {} rename to {}")
        admin.execute(rename.format(sql.Identifier(name + NEW), sql.Identifier(name)))
    return provision(admin_url, name, migrations, extensions=extensions)


@contextmanager
def _connected(admin_url: str, database: str | None = None) -> Iterator[psycopg.Connection]:
    with session(admin_url, "rebuild", database=database) as conn:
        # Triggers and foreign keys are off: the rows were checked when they were written.
        conn.execute("set session_replication_role = replica")
        yield conn


def _copy(old: psycopg.Connection, new: psycopg.Connection, say: Callable[[str], object]) -> None:
    targets = _tables(new)
    for table, columns in _tables(old).items():
        if not _has_rows(old, table):
            continue
        if table not in targets:
            say(f"left behind: the rows of {'.'.join(table)}, a table that no migration creates any more")
            continue
        shared = [column for column in columns if column in targets[table]]
        try:
            with new.transaction():
                _copy_table(old, new, table, shared)
        except psycopg.Error as error:
            say(f"left behind: the rows of {'.'.join(table)}: {error.diag.message_primary or type(error).__name__}")
    known = set(new.execute(_ALL_SEQUENCES).fetchall())
    for schema, name, value in old.execute(_SEQUENCES).fetchall():
        if (schema, name) in known:
            new.execute("select setval(format('%%I.%%I', %s::text, %s::text), %s)", [schema, name, value])


def _tables(conn: psycopg.Connection) -> dict[Table, list[str]]:
    return {(schema, table): columns for schema, table, columns in conn.execute(_TABLES)}


def _has_rows(conn: psycopg.Connection, table: Table) -> bool:
    found = conn.execute(sql.SQL("select exists (select from {})").format(sql.Identifier(*table))).fetchone()
    return bool(found and found[0])


def _copy_table(old: psycopg.Connection, new: psycopg.Connection, table: Table, columns: Sequence[str]) -> None:
    """Replace what the migrations have inserted: the old table has those rows, as they are now."""
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    new.execute(sql.SQL("delete from {}").format(sql.Identifier(*table)))
    read = sql.SQL("copy (select {} from {}) to stdout").format(names, sql.Identifier(*table))
    written = sql.SQL("copy {} ({}) from stdin").format(sql.Identifier(*table), names)
    with old.cursor().copy(read) as source, new.cursor().copy(written) as target:
        for block in source:
            target.write(block)
