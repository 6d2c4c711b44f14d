"""How the values of a seed row change from copy to copy, so that keys stay unique and references stay valid."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import LiteralString

import psycopg
from psycopg import sql

from org_common.tools.prove.catalog import Relation
from org_common.tools.prove.rows.world import ID, TENANTS, Row, World

LABEL = TENANTS[0]
"""The tenant whose rows are copied, and whose member reads them."""

# The columns of each unique index and exclusion constraint, those in its expressions too, and its predicate.
_INDEXES: LiteralString = """
select n.nspname || '.' || c.relname, coalesce(pg_get_expr(i.indpred, i.indrelid), 'true'),
       array(select a.attname::text from pg_attribute a where a.attrelid = c.oid and a.attnum > 0
             and (a.attnum = any (i.indkey) or pg_get_expr(i.indexprs, i.indrelid) ~ ('\\m' || a.attname || '\\M'))
             order by a.attnum)
from pg_index i join pg_class c on c.oid = i.indrelid join pg_namespace n on n.oid = c.relnamespace
where (i.indisunique or i.indisexclusion) and n.nspname !~ '^pg_' order by i.indexrelid"""

# {v} is the value as a string literal, {n} the number of the copy, {stride} more than any seed number.
_TEXT = (
    "{v} || {n}",
    "'x' || {n} || {v}",
    "left({v}, -{width}) || lpad(({n})::text, {width}, '0')",
    "encode(sha256(convert_to({v} || {n}, 'UTF8')), 'hex')",
    "md5({v} || {n})",
)
_NUMBER = ("{v}::numeric + {n} * {stride}",)
_FORMS: Mapping[str, Sequence[str]] = {
    "uuid": ("md5({v} || '.' || {n})",),
    "text": _TEXT,
    "character varying": _TEXT,
    "character": _TEXT,
    "citext": _TEXT,
    "public.citext": _TEXT,
    "integer": _NUMBER,
    "bigint": _NUMBER,
    "numeric": _NUMBER,
    "bytea": ("sha256(convert_to({v} || {n}, 'UTF8'))", "decode(md5({v} || {n}), 'hex')"),
    "date": ("{v}::date + ({n})::integer",),
    "timestamp with time zone": ("{v}::timestamptz + {n} * interval '1 second'",),
    "timestamp without time zone": ("{v}::timestamp + {n} * interval '1 second'",),
}


@dataclass
class Keys:
    """The columns whose values differ from copy to copy."""

    world: World
    """The seed rows."""
    tenants: int
    """How many tenants there are."""
    rows: int
    """How many copies a row has, the seed row included."""
    unique: Mapping[str, Sequence[tuple[str, Sequence[str]]]]
    """The predicate and the columns of each unique index, by table."""
    ids: set[str] = field(default_factory=set)
    """UUIDs of the copied tenant. A UUID of a shared row stays as it is."""
    varied: set[tuple[str, str]] = field(default_factory=set)
    """Groups of other columns that differ, because a unique index needs it."""
    per_tenant: set[tuple[str, str]] = field(default_factory=set)
    """Seed rows, by table and ctid, with one copy per tenant: their keys hold nothing else that can differ."""
    tenant_ids: set[str] = field(default_factory=set)
    """UUIDs of the rows of these tables."""
    forms: dict[tuple[str, str], str] = field(default_factory=dict)
    """The expression that was found for a group."""
    stride: int = 1
    """The step between the numbers of two copies."""
    _groups: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)

    def group(self, table: str, column: str) -> tuple[str, str]:
        """One column for all that foreign keys connect: they change alike."""
        at = (table, column)
        while (above := self._groups.get(at, at)) != at:
            at = above
        return at

    def join(self) -> None:
        """Group the columns by the foreign keys between them."""
        for table in self.world.links.order:
            for key in table.keys:
                for mine, parents in zip(key.columns, key.parent_columns, strict=True):
                    self._groups[self.group(table.name, mine)] = self.group(key.parent, parents)

    def is_tenant(self, table: str, column: str) -> bool:
        """Whether the column holds the tenant."""
        root = self.world.catalog.relations[self.world.declaration.tenants]
        wanted = self.group(root.name, root.primary[0])
        return self.group(table, column) == wanted or self.world.links.tenant.get(table) == column

    def differs(self, row: Row, column: str) -> bool:
        """Whether the value differs between the copies of one tenant."""
        value = row.values[column]
        if value is None or self.is_tenant(row.table, column) or value in self.tenant_ids:
            return False
        return value in self.ids or self.group(row.table, column) in self.varied

    def expressions(self, table: Relation, row: Row, column: str) -> list[str]:
        """SQL for the value of copy `i`: one expression, or several to try."""
        value, kind = row.values[column], table.columns[column]
        if value is None:
            return [f"null::{kind.type}"]
        literal = "'" + value.replace("'", "''") + "'"
        is_fixed = self.is_tenant(table.name, column) or value in self.tenant_ids
        group = self.group(table.name, column)
        if not is_fixed and not self.differs(row, column):
            return [f"{literal}::{kind.type}"]
        number = f"(i % {self.tenants})" if is_fixed else "i"
        known = self.forms.get(group)
        forms = (known,) if known and kind.base != "uuid" else self.forms_of(table, column)
        words = {"v": literal, "n": number, "stride": self.stride, "width": len(str(self.rows))}
        changed = (form.format(**words) for form in forms)
        return [
            f"case when {number} = 0 then {literal}::{kind.type} else ({each})::{kind.type} end" for each in changed
        ]

    def forms_of(self, table: Relation, column: str) -> Sequence[str]:
        """The expressions for the type of a column; empty if it cannot be varied."""
        return _FORMS.get(table.columns[column].base.partition("(")[0], ())


def find(conn: psycopg.Connection, world: World, tenants: int, rows: int) -> Keys:
    """The keys of the seed rows, before `decide` has chosen what differs."""
    unique: dict[str, list[tuple[str, Sequence[str]]]] = {}
    for table, predicate, columns in conn.execute(_INDEXES):
        unique.setdefault(table, []).append((predicate, columns))
    keys = Keys(world, tenants, rows, unique)
    keys.join()
    own = (row for found in world.rows.values() for row in found if row.label == LABEL)
    keys.ids = {value for row in own for value in row.values.values() if value and ID.fullmatch(value)}
    keys.ids -= {value for value in _shared(world) if value}
    return keys


def _shared(world: World) -> Iterator[str | None]:
    """The keys of rows that belong to no tenant."""
    for name, rows in world.rows.items():
        primary = world.catalog.relations[name].primary
        for row in rows:
            if row.label not in TENANTS:
                yield from (row.values[column] for column in primary)


def decide(conn: psycopg.Connection, keys: Keys, row: Row) -> bool:
    """Choose a column that differs for each unique index of which all columns stay the same within a tenant.

    Returns whether the row can have many copies per tenant.
    """
    table = keys.world.catalog.relations[row.table]
    is_free = True
    for predicate, columns in keys.unique.get(table.name, ()):
        if any(row.values[column] is None or keys.differs(row, column) for column in columns):
            continue
        if not _applies(conn, row, predicate):
            continue
        usable = [column for column in columns if _can_vary(keys, table, column)]
        if not usable:
            limit(keys, row)
            is_free = False
            continue
        keys.varied.add(keys.group(table.name, usable[-1]))
        keys.stride = max([keys.stride, *(number + 1 for number in _numbers(keys))])
    return is_free


def _applies(conn: psycopg.Connection, row: Row, predicate: str) -> bool:
    """Whether the row is in a partial index."""
    name = sql.Identifier(*row.table.split(".", 1)).as_string()
    statement = f"select exists (select from {name} where ctid = '{row.ctid}' and ({predicate}))"
    found = conn.execute(statement.encode()).fetchone()
    return bool(found and found[0])


def _can_vary(keys: Keys, table: Relation, column: str) -> bool:
    kind = table.columns[column]
    if keys.is_tenant(table.name, column) or kind.base == "uuid" or kind.labels:
        return False
    return bool(keys.forms_of(table, column)) and not _is_shared(keys, table, column)


def limit(keys: Keys, row: Row) -> None:
    """Give a row one copy per tenant."""
    keys.per_tenant.add((row.table, row.ctid))
    own = (row.values[column] for column in keys.world.catalog.relations[row.table].primary)
    keys.tenant_ids |= {value for value in own if value and value in keys.ids}


def _is_shared(keys: Keys, table: Relation, column: str) -> bool:
    return any(column in key.columns and key.parent in keys.world.links.shared for key in table.keys)


def _numbers(keys: Keys) -> Iterator[int]:
    for name, rows in keys.world.rows.items():
        for column, kind in keys.world.catalog.relations[name].columns.items():
            is_key = keys.group(name, column) in keys.varied or keys.is_tenant(name, column)
            if is_key and kind.base in ("integer", "bigint", "numeric"):
                yield from (int(value) for row in rows if (value := row.values[column]) and value.isdigit())
