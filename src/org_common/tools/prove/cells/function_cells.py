"""Cells about functions: who gets something from a call with rows of their own tenant, and of another one."""

from __future__ import annotations

import re
from collections.abc import Iterator

from psycopg import sql

from org_common.tools.prove.catalog import Catalog, Column, Function
from org_common.tools.prove.cells.cell import Cell, Judge
from org_common.tools.prove.cells.facts import Facts
from org_common.tools.prove.cells.facts import roles as roles_of
from org_common.tools.prove.cells.probe import Outcome, Probe
from org_common.tools.prove.declaration import Declaration, DeclarationError, FunctionEntry
from org_common.tools.prove.rows.references import resolve
from org_common.tools.prove.rows.values import Value, candidates
from org_common.tools.prove.rows.world import ID, OTHERS, TENANTS, Person, World

PREFIXES = ("for_", "wanted_", "new_", "old_", "p_", "_", "in_", "target_")
NOTHING = re.compile(r"[(),{}\s]*|f|false|0|\[\]")


class FunctionCells:
    """The cells of one function."""

    def __init__(self, world: World, function: Function, entry: FunctionEntry) -> None:
        self._world = world
        self._function = function
        self._entry = entry
        self._ids = world.ids()

    def cells(self) -> Iterator[Cell]:
        """The calls of each person."""
        for person, side, probe in self.calls():
            name = f"{person.name} of {person.tenant}" if person.tenant != OTHERS else person.name
            yield Cell(self._function.name, "call", name, self._judge(person, side, probe), probe, side=side)

    def calls(self) -> Iterator[tuple[Person, str, Probe]]:
        """Who calls it, with whose rows ("own" or "foreign"), and how."""
        for person in self._world.people:
            if person.role in (self._function.owner, *self._world.catalog.owners):
                continue
            own = person.tenant if person.tenant in TENANTS else TENANTS[0]
            other = next(label for label in TENANTS if label != own)
            mine = self._call(person, own)
            if person.tenant in TENANTS:
                yield person, "own", mine
                theirs = self._call(person, other)
                if theirs.statement != mine.statement:
                    yield person, "foreign", theirs
            else:
                has_rows = mine.statement != self._call(person, other).statement
                yield person, "foreign" if has_rows else "own", mine

    def gives(self, outcome: Outcome) -> bool:
        """Whether the caller got something: a changed row, or a value that is not null, false, zero or empty."""
        if outcome.error:
            return False
        if self._function.is_void or outcome.touched or outcome.added:
            return True
        return not (outcome.answer is None or NOTHING.fullmatch(outcome.answer))

    def _call(self, person: Person, label: str) -> Probe:
        args = ", ".join(self._arguments(person, label))
        name = sql.Identifier(*self._function.name.split(".", 1)).as_string()
        statement = f"select string_agg(r::text, ' ') from {name}({args}) r"
        return Probe(person.role, person.settings, statement, "call" if self._function.is_volatile else "rows")

    def _arguments(self, person: Person, label: str) -> Iterator[str]:
        function = self._function
        for at, type in enumerate(function.types):
            name = function.names[at] if at < len(function.names) else ""
            if name in self._entry.args:
                yield self._given(self._entry.args[name], type, person, label)
            else:
                yield _literal(self._guess(name, type, person, label), type)

    def _given(self, value: object, type: str, person: Person, label: str) -> str:
        """A value of the declaration; {null} is null."""
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if text == "{null}":
            return f"null::{type}"
        try:
            text = resolve(
                text, self._world.words(label, person), lambda table, column: self._world.column(table, column, label)
            )
        except LookupError as error:
            raise DeclarationError(f"functions.{self._function.name}: args: {error.args[0]}") from error
        return text.removeprefix("sql:") if text.startswith("sql:") else _literal(text, type)

    def _guess(self, name: str, type: str, person: Person, label: str) -> Value:
        """The value of a column of the same name, in the function's schema first; otherwise one of the type."""
        for prefix in PREFIXES:
            name = name.removeprefix(prefix)
        world, schema = self._world, self._function.name.split(".", 1)[0]
        links = world.links
        if type == "uuid" and name in {*links.tenant.values()} - {"id"}:
            return world.tenant_ids[label]
        if type == "uuid":
            tables = sorted(world.rows, key=lambda table: not table.startswith(f"{schema}."))
            for table in tables:
                found = next(
                    (row for row in world.rows[table] if row.label in (label, OTHERS) and row.values.get(name)), None
                )
                if found is not None and (found.label != OTHERS or table in links.shared):
                    return found.values[name]
        column = self._like(name, type)
        return candidates(column, [], f"{self._function.name}-{name}-argument")[0]

    def _like(self, name: str, type: str) -> Column:
        """A column of this type, for the labels and checks of its domain."""
        columns = [column for each in self._world.catalog.relations.values() for column in each.columns.values()]
        known = next((column for column in columns if column.type == type), None)
        return known or Column(name, type, type, (), (), is_required=True)

    def _judge(self, person: Person, side: str, probe: Probe) -> Judge:
        def judge(outcome: Outcome) -> str | None:
            names = self._entry.own if side == "own" else self._entry.foreign
            is_foreign = {person.name, person.role} & {*self._entry.foreign}
            if not is_foreign and (problem := self._leak(person, outcome, probe)):
                return problem
            gives = self.gives(outcome)
            if self._entry.open and side == "own":
                return None
            if gives and not {person.name, person.role} & {*names}:
                whose = "its own" if side == "own" else "another"
                return f"succeeds with {whose} tenant's rows: {outcome.answer or 'void'}"
            if not gives and not self._entry.open and {person.name, person.role} & {*names}:
                return f"gets nothing: {outcome.error or outcome.answer} {outcome.message}"
            return None

        return judge

    def _leak(self, person: Person, outcome: Outcome, probe: Probe) -> str | None:
        """Ids of another tenant in the result that the caller did not know, and changes of its rows."""
        labels = {*TENANTS} - {person.tenant}
        for value in ID.findall(outcome.answer or ""):
            if self._ids.get(value) in labels and value not in probe.statement and value != person.user_id:
                return f"returns {value}, an id of tenant {self._ids[value]}"
        foreign = sorted({row.table for row in outcome.touched if row.label in labels})
        foreign += sorted({each.table for each in outcome.added if each.label in labels})
        return f"changes rows of another tenant: {', '.join(foreign)}" if foreign else None


def _literal(value: Value, type: str) -> str:
    return f"{sql.Literal(value).as_string()}::{type}"


def executable(world: World, facts: Facts, function: Function) -> list[str]:
    """The roles, without the owner, that may execute the function."""
    return [role for role in roles_of(world) if facts.get(("execute", str(function.oid), role))]


def key_of(catalog: Catalog, function: Function) -> str:
    """The key of a function in a declaration: its name, with types if there are others of this name."""
    same = [each for each in catalog.functions if each.name == function.name]
    return function.name if len(same) == 1 else function.signature


def declared(declaration: Declaration, function: Function) -> FunctionEntry | None:
    """The entry of a function, by its name and types or by its name."""
    return declaration.functions.get(function.signature) or declaration.functions.get(function.name)
