"""Inserts one row that satisfies the constraints of its table. The server judges each value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, product

import psycopg
from psycopg import sql

from org_common.tools.prove.catalog import Check, Column, Relation
from org_common.tools.prove.declaration import DeclarationError
from org_common.tools.prove.rows.values import Value, candidates

READABLE = """
create or replace function pg_temp.is_readable(value text, type text) returns boolean language plpgsql as $$
begin
  execute format('select %L::%s', value, type);
  return true;
exception when others then
  return false;
end $$"""
ATTEMPTS = 60
COMBINATIONS = 4000


class Filler:
    """Inserts rows on one connection, in its transaction."""

    def __init__(self, conn: psycopg.Connection, stamped: Sequence[str] = ()) -> None:
        self._conn = conn
        self._stamped = stamped
        self._readable: dict[tuple[str, str], bool] = {}
        conn.execute(READABLE)

    def key(self, table: Relation, seed: str) -> str:
        """A value for the first column of the table's key."""
        column = table.columns[table.primary[0]]
        return self._candidates(table, column, f"{table.name}-{seed}")[0] or ""

    def insert(
        self, table: Relation, fixed: Mapping[str, Value], optional: Mapping[str, Value], seed: str
    ) -> dict[str, Value]:
        """Insert a row and return all its values as text.

        `fixed` values are not changed, even those of stamped columns, which triggers overwrite; `optional` ones may
        become null. Raises `DeclarationError` if no values satisfy
        the constraints, and `LookupError` if there is such a row already.
        """
        choices = self._choices(table, fixed, optional, seed)
        row = {name: values[0] for name, values in choices.items() if self._is_set(table, name, fixed, optional)}
        for _ in range(ATTEMPTS):
            try:
                with self._conn.transaction():
                    sent = self._send(table, row)
                    return self._stamp(table, sent, {name: fixed[name] for name in self._stamped if name in fixed})
            except psycopg.errors.CheckViolation as error:
                self._repair(table, row, choices, fixed, error)
            except psycopg.errors.NotNullViolation as error:
                column = error.diag.column_name or ""
                if column in row or not choices.get(column):
                    raise self.cannot_fill(table, _message(error), column) from error
                row[column] = choices[column][0]
            except psycopg.errors.UniqueViolation as error:
                raise LookupError(f"there is such a row already: {_message(error)}") from error
            except psycopg.Error as error:
                raise self.cannot_fill(table, _message(error), error.diag.column_name) from error
        raise self.cannot_fill(table, f"no row satisfies its constraints after {ATTEMPTS} attempts")

    def cannot_fill(self, table: Relation, why: str, column: str | None = None) -> DeclarationError:
        """The error about a table that cannot be filled: which column, why, and what to do."""
        where = f"{table.name}.{column}" if column else table.name
        name = column or "column"
        return DeclarationError(
            f"cannot make a row for {where}: {why}. Give a value in isolation.toml:\n"
            f'[tables.{table.name}]\nvalues = {{ {name} = "…" }}'
        )

    def _choices(
        self, table: Relation, fixed: Mapping[str, Value], optional: Mapping[str, Value], seed: str
    ) -> dict[str, list[Value]]:
        """The values to try for each column."""
        choices: dict[str, list[Value]] = {}
        for column in table.columns.values():
            if column.name in fixed:
                choices[column.name] = [fixed[column.name]]
            elif column.name in optional:
                choices[column.name] = [optional[column.name], None]
            elif not column.is_generated:
                choices[column.name] = self._candidates(table, column, f"{seed}-{column.name}")
        return choices

    def _is_set(self, table: Relation, name: str, fixed: Mapping[str, Value], optional: Mapping[str, Value]) -> bool:
        """Whether the first attempt sets the column. Ids are set, so that each run has the same ones."""
        column = table.columns[name]
        is_id = column.base == "uuid" and any(name in key.columns for key in table.unique)
        return name in fixed or name in optional or is_id or (column.is_required and not column.has_default)

    def _candidates(self, table: Relation, column: Column, seed: str) -> list[Value]:
        checks = [check.expression for check in table.checks if column.name in check.columns]
        is_unique = any(column.name in key.columns for key in table.unique)
        values = candidates(column, checks, seed, is_unique=is_unique)
        found = [each for each in values if each is None or self._reads(each, column.type)]
        if not found:
            raise self.cannot_fill(table, f"its type {column.type} is not known to `prove`", column.name)
        return found

    def _reads(self, value: str, type: str) -> bool:
        known = self._readable.get((value, type))
        if known is None:
            row = self._conn.execute("select pg_temp.is_readable(%s, %s)", [value, type]).fetchone()
            known = self._readable[value, type] = bool(row and row[0])
        return known

    def _repair(
        self,
        table: Relation,
        row: dict[str, Value],
        choices: Mapping[str, Sequence[Value]],
        fixed: Mapping[str, Value],
        error: psycopg.errors.CheckViolation,
    ) -> None:
        """Change the columns of the violated check, so that it and the checks that held still hold."""
        check = next((each for each in table.checks if each.name == error.diag.constraint_name), None)
        if check is None:
            raise self.cannot_fill(table, _message(error), error.diag.column_name) from error
        free = [column for column in check.columns if column not in fixed and column in choices]
        related = [
            each for each in table.checks if set(each.columns) <= {*row, *check.columns} and {*each.columns} & {*free}
        ]
        # If others cannot hold at the same time, their columns are changed next.
        for checks in ([check, *related], [check]):
            for values in islice(_nearest([choices[column] for column in free]), COMBINATIONS):
                trial = {**row, **dict(zip(free, values, strict=True))}
                if self._satisfies(table, checks, trial):
                    row.update(trial)
                    return
        columns = ", ".join(check.columns)
        why = f"no generated value satisfies {check.name}, check {check.expression}"
        raise self.cannot_fill(table, why, columns if len(check.columns) == 1 else None) from error

    def _satisfies(self, table: Relation, checks: Sequence[Check], row: Mapping[str, Value]) -> bool:
        known = [check for check in checks if set(check.columns) <= {*row}]
        needed = sorted({column for check in known for column in check.columns})
        fields = sql.SQL(", ").join(
            sql.SQL("{}::{} as {}").format(
                sql.Literal(row[column]), _raw(table.columns[column].type), sql.Identifier(column)
            )
            for column in needed
        )
        conditions = sql.SQL(" and ").join(
            sql.SQL("({}) is not false").format(_raw(check.expression)) for check in known
        )
        try:
            with self._conn.transaction():
                found = self._conn.execute(
                    sql.SQL("select {} from (select {}) t").format(conditions, fields)
                ).fetchone()
        except psycopg.Error:
            return False
        return bool(found and found[0])

    def _send(self, table: Relation, row: Mapping[str, Value]) -> dict[str, Value]:
        name = sql.Identifier(*table.name.split(".", 1))
        columns = [*table.columns]
        values = [sql.SQL("{}::{}").format(sql.Literal(row[c]), _raw(table.columns[c].type)) for c in row]
        inserted = sql.SQL("({}) values ({})").format(_names(row), sql.SQL(", ").join(values))
        fields = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(column)) for column in columns)
        body = inserted if row else sql.SQL("default values")
        statement = sql.SQL("insert into {} {} returning {}").format(name, body, fields)
        found = self._conn.execute(statement).fetchone() or ()
        # Constraints that are deferred would fail later, without the row's name.
        self._conn.execute("set constraints all immediate")
        return dict(zip(columns, found, strict=True))

    def _stamp(self, table: Relation, row: dict[str, Value], values: Mapping[str, Value]) -> dict[str, Value]:
        """Give a row with a key the values that its triggers overwrote, and return all its values."""
        if not values or not table.primary:
            return row
        name = sql.Identifier(*table.name.split(".", 1))
        assigned = sql.SQL(", ").join(
            sql.SQL("{} = {}").format(sql.Identifier(column), sql.Literal(value)) for column, value in values.items()
        )
        key = sql.SQL(" and ").join(
            sql.SQL("{}::text = {}").format(sql.Identifier(column), sql.Literal(row[column]))
            for column in table.primary
        )
        fields = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(column)) for column in values)
        statement = sql.SQL("update {} set {} where {} returning {}").format(name, assigned, key, fields)
        self._conn.execute("set local session_replication_role = replica")
        found = self._conn.execute(statement).fetchone() or ()
        self._conn.execute("set local session_replication_role = origin")
        return {**row, **dict(zip(values, found, strict=True))}


def _raw(text: str) -> sql.SQL:
    """A type or a condition of the catalog, as SQL."""
    return sql.SQL(text)  # pyright: ignore[reportArgumentType] # the catalog wrote it


def _names(columns: Mapping[str, Value]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))


def _nearest(lists: Sequence[Sequence[Value]]) -> Iterator[tuple[Value, ...]]:
    """All combinations, those near the start of each list first."""
    ranges = [range(len(values)) for values in lists]
    size = 1
    for each in ranges:
        size *= len(each)
    places = product(*ranges) if size > COMBINATIONS * 4 else sorted(product(*ranges), key=sum)
    for place in places:
        yield tuple(values[at] for values, at in zip(lists, place, strict=True))


def _message(error: psycopg.Error) -> str:
    return " ".join(part for part in (error.diag.message_primary, error.diag.message_detail) if part) or str(error)
