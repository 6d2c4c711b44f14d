"""Copies the seed rows of one tenant until each table is large, on the server."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice, product

import psycopg
from psycopg import sql

from org_common.tools.cost.keys import LABEL, Keys, decide, find, limit
from org_common.tools.prove.catalog import Relation
from org_common.tools.prove.rows.world import Row, World

ROWS_PER_TENANT = 100
ATTEMPTS = 60
"""Combinations of expressions that are tried for a table."""
_TRIAL = 3
_SLOW_INDEXES = ("hnsw", "ivfflat")

Progress = Callable[[int, int], None]


@dataclass
class Filled:
    """The large tables."""

    tenants: int
    """How many tenants there are."""
    rows: dict[str, int] = field(default_factory=dict)
    """Rows by table."""
    limited: set[str] = field(default_factory=set)
    """Tables with one copy per tenant: their keys hold nothing else that can differ."""
    failed: dict[str, str] = field(default_factory=dict)
    """Why a table could not be filled."""
    dropped: list[str] = field(default_factory=list)
    """Vector indexes that were dropped: they are slow to fill, and the reads do not use them."""


def fill(
    conn: psycopg.Connection,
    world: World,
    rows: int,
    *,
    per_tenant: int = ROWS_PER_TENANT,
    progress: Progress = lambda done, total: None,
) -> Filled:
    """Copy rows of tenant a for many tenants, in the connection's transaction, and run ANALYZE.

    Each table gets at least `rows` rows, `per_tenant` for each tenant, tenant a among them. Triggers do not run, and
    foreign keys are not checked: copies refer to copies. Needs a superuser.
    """
    tenants = max(2, rows // per_tenant)
    keys = find(conn, world, tenants, rows)
    seeds = [*_seeds(conn, keys)]
    filled = Filled(tenants)
    conn.execute("set local session_replication_role = replica")
    filled.dropped = [*_drop_slow_indexes(conn)]
    tables = world.links.order
    for done, table in enumerate(tables):
        progress(done, len(tables))
        _fill_table(conn, keys, table, [row for row in seeds if row.table == table.name], filled)
    for table in tables:
        conn.execute(sql.SQL("analyze {}").format(_name(table)))
        row = conn.execute(sql.SQL("select count(*) from {}").format(_name(table))).fetchone()
        filled.rows[table.name] = row[0] if row else 0
    conn.execute("set local session_replication_role = origin")
    progress(len(tables), len(tables))
    return filled


def _seeds(conn: psycopg.Connection, keys: Keys) -> Iterator[Row]:
    """A row of the tenant for each table that can have many copies, or else its first one, and their parents."""
    found: list[Row] = []
    for table in keys.world.links.order:
        rows = [row for row in keys.world.rows[table.name] if row.label == LABEL]
        for row in rows:
            is_free = decide(conn, keys, row)
            if is_free or row is rows[-1]:
                _add(conn, keys, found, row if is_free else rows[0])
                break
    yield from found


def _add(conn: psycopg.Connection, keys: Keys, found: list[Row], row: Row) -> None:
    if row not in found:
        decide(conn, keys, row)
        found.append(row)
        for parent in _parents(keys.world, row):
            _add(conn, keys, found, parent)


def _parents(world: World, row: Row) -> Iterator[Row]:
    for key in world.catalog.relations[row.table].keys:
        pairs = [*zip(key.columns, key.parent_columns, strict=True)]
        for parent in world.rows.get(key.parent, []):
            if parent.label == LABEL and all(parent.values[theirs] == row.values[mine] for mine, theirs in pairs):
                yield parent


def _drop_slow_indexes(conn: psycopg.Connection) -> Iterator[str]:
    found = conn.execute(
        "select n.nspname, c.relname from pg_class c join pg_am m on m.oid = c.relam"
        " join pg_namespace n on n.oid = c.relnamespace where m.amname = any (%s) and c.relkind in ('i', 'I')"
        " and not c.relispartition order by 1, 2",
        [[*_SLOW_INDEXES]],
    ).fetchall()
    for schema, name in found:
        conn.execute(sql.SQL("drop index {}").format(sql.Identifier(schema, name)))
        yield f"{schema}.{name}"


def _fill_table(conn: psycopg.Connection, keys: Keys, table: Relation, seeds: Sequence[Row], filled: Filled) -> None:
    if not seeds:
        is_shared = table.name in keys.world.links.shared
        filled.failed[table.name] = (
            "its rows belong to no tenant" if is_shared else "the proof makes no row of a tenant"
        )
        return
    problems = [_copy_or_limit(conn, keys, table, row) for row in seeds]
    if all(problems):
        filled.failed[table.name] = problems[0] or ""
    elif all((row.table, row.ctid) in keys.per_tenant for row in seeds):
        filled.limited.add(table.name)


def _copy_or_limit(conn: psycopg.Connection, keys: Keys, table: Relation, row: Row) -> str | None:
    problem = _copy(conn, keys, table, row)
    if problem and (row.table, row.ctid) not in keys.per_tenant:
        limit(keys, row)
        problem = _copy(conn, keys, table, row)
    return problem


def _copy(conn: psycopg.Connection, keys: Keys, table: Relation, row: Row) -> str | None:
    """Insert the copies of a row. Returns the last problem if no expressions satisfy the constraints."""
    columns = _settable(conn, table)
    choices = [keys.expressions(table, row, column) for column in columns]
    copies = keys.tenants if (row.table, row.ctid) in keys.per_tenant else keys.rows
    problem = "a column of its keys cannot be varied"
    for chosen in islice(product(*choices), ATTEMPTS):
        try:
            with conn.transaction():
                # A few copies find out whether the expressions fit.
                _insert(conn, table, columns, chosen, 1, min(_TRIAL, copies - 1))
                _insert(conn, table, columns, chosen, _TRIAL + 1, copies - 1)
        except psycopg.errors.InsufficientPrivilege:
            raise
        except psycopg.Error as error:
            problem = error.diag.message_primary or str(error)
            continue
        _remember(keys, table, row, columns, chosen)
        return None
    return problem


def _remember(keys: Keys, table: Relation, row: Row, columns: Sequence[str], chosen: Sequence[str]) -> None:
    """Use the same expression for the columns that refer to this one."""
    for column, expression in zip(columns, chosen, strict=True):
        group = keys.group(table.name, column)
        if group in keys.varied and group not in keys.forms and keys.differs(row, column):
            keys.forms[group] = keys.forms_of(table, column)[keys.expressions(table, row, column).index(expression)]


def _settable(conn: psycopg.Connection, table: Relation) -> list[str]:
    found = conn.execute(
        "select attname::text from pg_attribute where attrelid = %s and attnum > 0 and not attisdropped"
        " and attgenerated = '' order by attnum",
        [table.oid],
    )
    return [name for (name,) in found]


def _insert(
    conn: psycopg.Connection, table: Relation, columns: Sequence[str], chosen: Sequence[str], first: int, last: int
) -> None:
    names = sql.SQL(", ").join(map(sql.Identifier, columns)).as_string()
    statement = (
        f"insert into {_name(table).as_string()} ({names}) overriding system value"
        f" select {', '.join(chosen)} from generate_series({first}, {last}) i"
    )
    conn.execute(statement.encode())


def _name(table: Relation) -> sql.Identifier:
    return sql.Identifier(*table.name.split(".", 1))
