"""The catalog of a database: what nullability, enums and CHECK constraints need, read once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import psycopg

from org_common.tools.check.tree.node import Node, parse

_COLUMNS = """
select a.attrelid, a.attnum, a.attname, a.atttypid, t.typtype = 'd' and t.typnotnull or a.attnotnull and not exists (
  select from pg_constraint c
  where c.conrelid = a.attrelid and c.contype = 'n' and not c.convalidated and c.conkey = array[a.attnum])
from pg_attribute a join pg_type t on t.oid = a.atttypid where a.attnum > 0 and not a.attisdropped
"""
_TYPES = """
select oid, typname, typtype::text, typcategory::text, typbasetype, typnotnull, typrelid, typelem,
       format_type(oid, null)
from pg_type
"""
_CHECKS = "select conrelid, contypid, conbin::text from pg_constraint where contype = 'c' and convalidated"


@dataclass(frozen=True)
class Column:
    """A column of a table or view."""

    name: str
    type: int
    """The OID of its type, which may be a domain."""
    is_not_null: bool


@dataclass(frozen=True)
class Type:
    """A type."""

    name: str
    """As SQL writes it: "timestamp with time zone"."""
    short: str
    """As the catalog has it: "timestamptz"."""
    kind: str
    """`typtype`: "b" base, "c" composite, "d" domain, "e" enum, ..."""
    category: str
    base: int
    """Of a domain: the OID of its base type, else 0."""
    is_not_null: bool
    """A domain that is NOT NULL."""
    table: int
    """Of a composite type: the OID of its table."""
    item: int
    """Of an array: the OID of its items' type."""


@dataclass(frozen=True)
class Function:
    """A function."""

    name: str
    is_strict: bool
    """Null for an argument makes its result null."""
    result: int
    """The OID of its type."""


@dataclass
class Catalog:
    """The tables, types and functions of a database, by OID."""

    columns: dict[tuple[int, int], Column] = field(default_factory=dict[tuple[int, int], Column])
    """By table and number."""
    tables: dict[int, str] = field(default_factory=dict[int, str])
    """Their names with the schema."""
    types: dict[int, Type] = field(default_factory=dict[int, Type])
    functions: dict[int, Function] = field(default_factory=dict[int, Function])
    labels: dict[int, dict[int, str]] = field(default_factory=dict[int, dict[int, str]])
    """Of an enum: its labels by OID, in order."""
    checks: dict[tuple[int, int], list[Node]] = field(default_factory=dict[tuple[int, int], list[Node]])
    """CHECK constraints, by table and 0, or by 0 and domain."""

    def base(self, oid: int) -> int:
        """The type below a domain; other types are their own."""
        while (found := self.types.get(oid)) is not None and found.kind == "d":
            oid = found.base
        return oid

    def type_name(self, oid: int) -> str:
        """A type as SQL writes it."""
        found = self.types.get(oid)
        return found.name if found else f"type {oid}"

    def enum(self, oid: int) -> frozenset[str] | None:
        """The labels of an enum, or of a domain over one; None for other types."""
        labels = self.labels.get(self.base(oid))
        return None if labels is None else frozenset(labels.values())


def read(conn: psycopg.Connection) -> Catalog:
    """The catalog of the connection's database."""
    found = Catalog()
    found.tables = dict(conn.execute("select oid, oid::regclass::text from pg_class").fetchall())
    for table, number, name, type_oid, is_not_null in conn.execute(_COLUMNS):
        found.columns[table, number] = Column(name, type_oid, is_not_null)
    for oid, short, kind, category, base, is_not_null, table, item, name in conn.execute(_TYPES):
        found.types[oid] = Type(name, short, kind, category, base, is_not_null, table, item)
    for oid, name, is_strict, result in conn.execute("select oid, proname, proisstrict, prorettype from pg_proc"):
        found.functions[oid] = Function(name, is_strict, result)
    for oid, enum, label in conn.execute("select oid, enumtypid, enumlabel from pg_enum order by enumsortorder"):
        found.labels.setdefault(enum, {})[oid] = label
    for table, domain, expression in conn.execute(_CHECKS):
        tree: Any = parse(expression)
        found.checks.setdefault((table, domain), []).append(tree)
    return found
