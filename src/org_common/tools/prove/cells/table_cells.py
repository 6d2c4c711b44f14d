"""Cells about rows: what each person sees, changes, deletes, inserts, and moves to another tenant."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from psycopg import sql

from org_common.tools.prove.catalog import Relation
from org_common.tools.prove.cells.cell import REFUSED, Cell, Judge
from org_common.tools.prove.cells.facts import Facts, granted
from org_common.tools.prove.cells.probe import Outcome, Probe
from org_common.tools.prove.declaration import Grant
from org_common.tools.prove.rows.values import Value, unused
from org_common.tools.prove.rows.world import OTHERS, TENANTS, Person, Row, World

# Triggers and foreign keys do not run: what refuses a statement is a right or a policy.
ALONE = "set local session_replication_role = replica"


def cells(world: World, facts: Facts) -> Iterator[Cell]:
    """The cells of all tables and views."""
    for relation in world.catalog.relations.values():
        for person in world.people:
            if relation.is_table and world.rows[relation.name] and not _inherits(world, relation, person):
                yield from TableCells(world, facts, relation, person).cells()


def _inherits(world: World, relation: Relation, person: Person) -> bool:
    """Whether this is the owner of the table: policies of other roles apply to it, and their grants do not."""
    declared = person.name in world.declaration.tables[relation.name].can
    return person.role == relation.owner and bool(world.catalog.inherits.get(person.role)) and not declared


class TableCells:
    """The cells of one person on one table."""

    def __init__(self, world: World, facts: Facts, table: Relation, person: Person) -> None:
        self._world = world
        self._table = table
        self._person = person
        self._entry = world.declaration.tables[table.name]
        self._rows = world.rows[table.name]
        self._mine = world.mine(person, table.name)
        self._own = world.own(person, table.name)
        self._rights = {verb: granted(facts, table, person.role, verb) for verb in ("select", "insert", "update")}
        self._name = sql.Identifier(*table.name.split(".", 1))

    def cells(self) -> Iterator[Cell]:
        """All cells: each verb in each of its forms."""
        yield self._cell("select", self.select(), self._judge_select())
        counted = (grant := self.grant("update")) is not None and grant.scope.isdigit()
        # A caller who reaches some rows only: a value of another row might be refused.
        for statement in (self.update(), "" if counted else self.blind_update()):
            if statement:
                yield self._cell("update", self.effect(statement), self._judge_effect("update"))
        for statement in self.deletes():
            yield self._cell("delete", self.effect(statement), self._judge_effect("delete"))
        # With triggers and foreign keys: a deletion must reach no other tenant's row through a cascade.
        yield self._cell("delete", self._probe(self.deletes()[1], "effect"), self._judge_cascade(), "foreign")
        yield from self._inserts()
        yield from self._moves()

    def expected(self, verb: str) -> list[Row] | int:
        """The rows that a verb reaches, or how many of the person's."""
        return _reach(self.grant(verb), self._mine, self._own, self._rows)

    def grant(self, verb: str) -> Grant | None:
        """What the declaration gives the person."""
        return self._entry.grant(verb, self._person.name, self._person.role)

    def select(self) -> Probe:
        """All rows, in all columns that the role may read."""
        columns = self._rights["select"] or self._table.primary
        fields = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(column)) for column in columns)
        statement = sql.SQL("select coalesce(json_agg(json_build_array({})), '[]')::text from {}").format(
            fields, self._name
        )
        return self._probe(statement.as_string(), "rows")

    def seen(self, outcome: Outcome) -> tuple[list[Row], int]:
        """The rows that `select` has returned, and how many that are not of the world."""
        columns = self._rights["select"] or self._table.primary
        left = [*self._rows]
        # Rows that look the same to this role: in doubt, they are the person's.
        left.sort(key=lambda row: row not in self._mine)
        found, unknown = [], 0
        for values in json.loads(outcome.answer or "[]"):
            row = next((row for row in left if [row.values[column] for column in columns] == values), None)
            if row is None:
                unknown += 1
            else:
                left.remove(row)
                found.append(row)
        return found, unknown

    def update(self) -> str:
        """Sets all columns that the role may change to their values, reading one."""
        return self._update(self._changed(), reading=True)

    def blind_update(self) -> str:
        """Sets one column without reading any: policies for SELECT do not apply. "" if each column has constraints."""
        in_keys = {c for key in self._table.unique for c in key.columns}
        in_keys |= {c for key in self._table.keys for c in key.columns}
        in_keys |= {c for check in self._table.checks if len(check.columns) > 1 for c in check.columns}
        column = next((each for each in self._changed() if each not in in_keys), None)
        return self._update([column], reading=False) if column else ""

    def _changed(self) -> list[str]:
        settable = [c.name for c in self._table.columns.values() if not c.is_generated]
        return [c for c in self._rights["update"] if c in settable] or settable[-1:]

    def _update(self, columns: Sequence[str], *, reading: bool) -> str:
        row = (self._mine or self._rows)[0]
        readable = self._rights["select"]
        sets = [
            f"{_quote(column)} = {_quote(column) if reading and column in readable else self._literal(column, row)}"
            for column in columns
        ]
        read = _quote((readable or self._table.primary)[0])
        where = f" where {read} is not distinct from {read}"
        return f"update {self._name.as_string()} set {', '.join(sets)}{where if reading else ''}"

    def deletes(self) -> tuple[str, str, str]:
        """A deletion that reads a column, one that reads none, and a MERGE."""
        name, column = self._name.as_string(), _quote((self._rights["select"] or self._table.primary)[0])
        matched = f"t.{column} is not distinct from t.{column}"
        return (
            f"delete from {name} where {column} is not distinct from {column}",
            f"delete from {name}",
            f"merge into {name} t using (select 1) one on {matched} when matched then delete",
        )

    def insert(self, row: Row, changes: Mapping[str, Value] | None = None, suffix: str = "") -> Probe:
        """Inserts a row of the world again, after its removal, with the columns that the role may set."""
        settable = [c.name for c in self._table.columns.values() if not c.is_generated]
        columns = [c for c in self._rights["insert"] if c in settable] or settable
        values = {**row.values, **(changes or {})}
        statement = insert(self._table, {column: values[column] for column in columns}) + suffix
        return self._probe(statement, "count", remove(self._table, row))

    def _inserts(self) -> Iterator[Cell]:
        grant = self.grant("insert")
        allowed = 1 if grant and grant.scope != "0" else 0
        mine = self._owned() if self._mine else None
        if mine is not None:
            yield self._cell("insert", self.insert(mine), _judge_count(allowed), "own")
            if allowed and self._rights["select"]:
                suffix = f" returning {_quote(self._rights['select'][0])}"
                if self.expected("select") and not isinstance(self.expected("select"), int):
                    yield self._cell("insert", self.insert(mine, suffix=suffix), _judge_count(allowed), "own")
        foreign = next((row for row in self._rows if row not in self._mine and row.label in TENANTS), None)
        if foreign is not None:
            allowed = 1 if grant and grant.scope == "all" else 0
            for suffix in ("", " on conflict do nothing"):
                yield self._cell("insert", self.insert(foreign, suffix=suffix), _judge_count(allowed), "foreign")

    def insert_probes(self) -> Iterator[tuple[str, Probe]]:
        """A plain INSERT of a row of the person ("own"), of their tenant ("tenant") and of another one ("foreign")."""
        if self._own:
            yield "own", self.insert(self._own[0])
        for row in [row for row in self._mine if row not in self._own][:1]:
            yield "tenant", self.insert(row)
        foreign = next((row for row in self._rows if row not in self._mine and row.label in TENANTS), None)
        if foreign is not None:
            yield "foreign", self.insert(foreign)

    def _owned(self) -> Row:
        """A row that the person may insert: their own if that is declared, another's if there is one."""
        grant = self.grant("insert")
        wants_own = grant is not None and grant.scope == "own"
        return min(self._mine, key=lambda row: (row in self._own) != wants_own)

    def _moves(self) -> Iterator[Cell]:
        """Rows of one tenant that become another's, in both directions, reading a column or none."""
        links = self._world.links
        column = links.tenant.get(self._table.name) or links.user.get(self._table.name)
        if column is None or self._table.name in links.shared or self._is_of_all_tenants("update"):
            return
        for label in TENANTS:
            row = next((each for each in self._rows if each.label == label), None)
            if row is None:
                continue
            kind = self._table.columns[column]
            value = unused(kind, f"new-{label}") if self._is_tenants() else row.values[column]
            target = literal(value, kind.type)
            for where in (f" where {_quote(column)} <> {target}", ""):
                statement = f"update {self._name.as_string()} set {_quote(column)} = {target}{where}"
                probe = self._probe(statement, "effect", self._may_set(column), self._table.name)
                yield self._cell("move", probe, _judge_move("" if self._is_tenants() else label), "foreign")

    def _is_of_all_tenants(self, verb: str) -> bool:
        """Whether the person may reach rows of any tenant: "all", a number of rows of a job's role, the owner."""
        grant = self.grant(verb)
        if self._person.role == self._table.owner:
            return True
        return grant is not None and (
            grant.scope == "all" or (self._person.tenant == OTHERS and grant.scope.isdigit() and grant.scope != "0")
        )

    def _is_tenants(self) -> bool:
        return self._table.name == self._world.declaration.tenants

    def _may_set(self, column: str) -> str:
        """Grants the column to a caller who may change another: the policies must refuse a move without help."""
        if not self._rights["update"] or column in self._rights["update"] or self._person.role == self._table.owner:
            return ALONE
        role = _quote(self._person.role)
        return f"{ALONE}; grant update ({_quote(column)}) on {self._name.as_string()} to {role}"

    def _judge_select(self) -> Judge:
        def judge(outcome: Outcome) -> str | None:
            expected = self.expected("select")
            if outcome.error:
                return self._judge_error(outcome, expected)
            seen, unknown = self.seen(outcome)
            if unknown:
                return f"sees {unknown} rows that are not of this proof"
            return self._judge_rows("sees", seen, expected)

        return judge

    def _judge_effect(self, verb: str) -> Judge:
        def judge(outcome: Outcome) -> str | None:
            expected = self.expected(verb)
            if outcome.error:
                return self._judge_error(outcome, expected)
            touched = [row for row in outcome.touched if row.table == self._table.name]
            return self._judge_rows(f"{verb}s", touched, expected)

        return judge

    def _judge_cascade(self) -> Judge:
        def judge(outcome: Outcome) -> str | None:
            if self._is_of_all_tenants("delete"):
                return None
            labels = {*TENANTS} - {self._person.tenant}
            foreign = [f"{row.table} of {row.label}" for row in outcome.touched if row.label in labels]
            return f"reaches rows of another tenant: {', '.join(sorted({*foreign}))}" if foreign else None

        return judge

    def _judge_error(self, outcome: Outcome, expected: list[Row] | int) -> str | None:
        if not expected:
            return None if outcome.error == REFUSED else f"is not decided: {outcome.error} {outcome.message}"
        return f"is refused: {outcome.error} {outcome.message}"

    def _judge_rows(self, does: str, found: Sequence[Row], expected: list[Row] | int) -> str | None:
        if isinstance(expected, int):
            wanted = expected
            foreign = [row for row in found if row not in self._mine] if self._person.tenant != OTHERS else []
        else:
            wanted, foreign = len(expected), [row for row in found if row not in expected]
        strangers = [row for row in foreign if row not in self._mine]
        if strangers:
            return f"{does} {len(strangers)} rows of others: of {', '.join(sorted({each.label for each in strangers}))}"
        if foreign or len(found) != wanted:
            return f"{does} {len(found)} rows instead of {wanted}"
        return None

    def _cell(self, verb: str, probe: Probe, judge: Judge, side: str = "") -> Cell:
        person = self._person
        where = f" of {person.tenant}" if person.tenant != OTHERS else ""
        return Cell(self._table.name, verb, f"{person.name}{where}", judge, probe, side=side)

    def effect(self, statement: str) -> Probe:
        """A statement that may change rows of this table alone."""
        return self._probe(statement, "effect", ALONE, self._table.name)

    def _probe(self, statement: str, kind: str, setup: str = "", target: str = "") -> Probe:
        return Probe(self._person.role, self._person.settings, statement, kind, setup, target)

    def _literal(self, column: str, row: Row) -> str:
        return literal(row.values[column], self._table.columns[column].type)


def literal(value: Value, type: str) -> str:
    """A value with its type, as SQL."""
    return f"{sql.Literal(value).as_string()}::{type}"


def insert(table: Relation, values: Mapping[str, Value]) -> str:
    """An INSERT of one row."""
    columns = ", ".join(map(_quote, values))
    given = ", ".join(literal(value, table.columns[column].type) for column, value in values.items())
    return f"insert into {qualified(table)} ({columns}) values ({given})"


def remove(table: Relation, row: Row) -> str:
    """Removes a row of the world, without its cascades, so that it can be inserted again."""
    return (
        f"{ALONE}; delete from {qualified(table)} where {is_row(table, row)};"
        " set local session_replication_role = origin; set constraints all immediate"
    )


def is_row(table: Relation, row: Row) -> str:
    """The condition for one row."""
    return " and ".join(
        f"{_quote(column)} is not distinct from {literal(row.values[column], table.columns[column].type)}"
        for column in table.primary
    )


def _reach(grant: Grant | None, mine: list[Row], own: list[Row], rows: list[Row]) -> list[Row] | int:
    if grant is None:
        return []
    if grant.scope.isdigit():
        return int(grant.scope)
    return {"": mine, "own": own, "all": rows}[grant.scope]


def _judge_count(expected: int) -> Judge:
    def judge(outcome: Outcome) -> str | None:
        if expected and outcome.rows != expected:
            return f"is refused: {outcome.error or 'no row'} {outcome.message}"
        if not expected and outcome.rows:
            return "inserts a row"
        if not expected and outcome.error not in (REFUSED, None) and not str(outcome.error).startswith("OC"):
            return f"is not decided: {outcome.error} {outcome.message}"
        return None

    return judge


def _judge_move(label: str) -> Judge:
    def judge(outcome: Outcome) -> str | None:
        moved = [row for row in outcome.touched if row.label != label]
        if moved:
            return f"moves {len(moved)} rows to {label}"
        if outcome.error not in (REFUSED, None):
            return f"is refused by no policy: {outcome.error} {outcome.message}"
        return None

    return judge


def _quote(name: str) -> str:
    return sql.Identifier(name).as_string()


def qualified(table: Relation) -> str:
    """The name of a table, quoted."""
    return sql.Identifier(*table.name.split(".", 1)).as_string()
