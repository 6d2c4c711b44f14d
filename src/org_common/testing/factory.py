"""Rows for tests: what a test does not name is filled in by the column's type, from the catalog."""

from __future__ import annotations

import uuid
from itertools import count
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

_numbers = count(1)
# Columns that an insert must have: neither nullable nor with a default, an identity or an expression.
_COLUMNS = """
select a.attname as name, format_type(coalesce(nullif(t.typbasetype, 0), t.oid), null) as type, t.typtype as kind,
  (select e.enumlabel from pg_enum e where e.enumtypid = t.oid order by e.enumsortorder limit 1) as label
from pg_attribute a join pg_type t on t.oid = a.atttypid
where a.attrelid = %(table)s::regclass and a.attnum > 0 and not a.attisdropped
  and a.attnotnull and not a.atthasdef and a.attidentity = ''
order by a.attnum
"""
# Triggers fill them.
_AUDIT = frozenset({"created_at", "created_by", "updated_at", "updated_by"})


def insert_row(admin_url: str, table: str, **values: Any) -> dict[str, Any]:
    """Insert a row into a table such as "shop.orders", and return all of its columns.

    Required columns that `values` leaves out get a value of their type: a text, a number that differs in each row, a
    date. Name columns of a foreign key and those with a check of their own. `admin_url` is `database.admin_url` of the
    fixture, which bypasses row-level security. Raises `ValueError` for a column whose type it has no value for.
    """
    schema, _, name = table.rpartition(".")
    with psycopg.connect(admin_url) as connection, connection.cursor(row_factory=dict_row) as admin:
        required = admin.execute(_COLUMNS, {"table": table}).fetchall()
        row = {each["name"]: _value(table, each) for each in required if each["name"] not in {*values, *_AUDIT}}
        row |= values
        columns = sql.SQL(", ").join(map(sql.Identifier, row))
        statement = sql.SQL(
            "insert into {} ({}) values ({}) returning *" if row else "insert into {} default values returning *"
        )
        parts = (columns, sql.SQL(", ").join(sql.Placeholder() * len(row))) if row else ()
        inserted = admin.execute(statement.format(sql.Identifier(schema, name), *parts), list(row.values())).fetchone()
    assert inserted is not None
    return inserted


def _value(table: str, column: dict[str, Any]) -> object:
    number = next(_numbers)
    if column["kind"] == "e":
        return column["label"]
    values: dict[str, object] = {
        "text": f"text {number}",
        "character varying": f"text {number}",
        "smallint": number % 30_000,
        "integer": number,
        "bigint": number,
        "numeric": number,
        "real": float(number),
        "double precision": float(number),
        "boolean": False,
        "uuid": uuid.uuid4(),
        "date": "2027-01-31",
        "timestamp with time zone": "2027-01-31T12:00:00Z",
        "timestamp without time zone": "2027-01-31T12:00:00",
        "jsonb": "{}",
        "json": "{}",
        "bytea": b"bytes",
    }
    if column["type"] not in values:
        raise ValueError(
            f"{table}.{column['name']} is of type {column['type']}, for which insert_row has no value: name the column,"
            f" insert_row(..., {column['name']}=...)"
        )
    return values[column["type"]]
