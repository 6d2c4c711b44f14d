"""Inserts two tenants, their people, and rows in every table, made from the catalog."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import psycopg
from psycopg import sql

from org_common.tools.prove.catalog import Catalog, ForeignKey, Relation
from org_common.tools.prove.declaration import Declaration, PersonEntry
from org_common.tools.prove.rows.fill import Filler
from org_common.tools.prove.rows.links import find, is_required
from org_common.tools.prove.rows.references import resolve
from org_common.tools.prove.rows.values import Value, marker
from org_common.tools.prove.rows.world import OTHERS, TENANTS, Person, Row, World


def build(conn: psycopg.Connection, catalog: Catalog, declaration: Declaration) -> World:
    """Insert the rows, in the connection's transaction. Raises `DeclarationError` for a column it cannot fill."""
    world = World(catalog, declaration, find(catalog, declaration))
    builder = _Builder(conn, world)
    builder.add_people()
    for table in world.links.order:
        builder.fill(table)
    world.rows = {table.name: builder.ordered(table) for table in world.links.order}
    return world


class _Builder:
    """Inserts the rows of a world, table by table."""

    def __init__(self, conn: psycopg.Connection, world: World) -> None:
        self._conn = conn
        self._world = world
        self._filler = Filler(conn, world.declaration.stamped)
        self._made: dict[str, list[Row]] = {}
        self._labels: dict[str, str] = {}

    def add_people(self) -> None:
        world, declaration = self._world, self._world.declaration
        table = world.catalog.relations[declaration.tenants]
        for label in TENANTS:
            given = _text_values(declaration.tables[table.name].values) if table.name in declaration.tables else {}
            key = table.primary[0]
            world.tenant_ids[label] = given.get(key) or self._filler.key(table, f"tenant-{label}")
        for entry in declaration.people.values():
            for label in TENANTS if self._is_member(entry) else (OTHERS,):
                world.people.append(self._person(entry, label))
        named = {person.role for person in world.people}
        world.people += [
            Person(role, role, OTHERS, None, dict.fromkeys(declaration.settings, ""))
            for role in world.catalog.roles
            if role not in named
        ]

    def _is_member(self, entry: PersonEntry) -> bool:
        links = self._world.links
        return entry.member or any(table in links.tenant for table in entry.rows)

    def _person(self, entry: PersonEntry, label: str) -> Person:
        declaration, catalog = self._world.declaration, self._world.catalog
        user_id = None
        if entry.signed_in and declaration.users:
            user_id = self._filler.key(catalog.relations[declaration.users], f"{entry.name}-{label}")
            self._labels[user_id] = label
        elif entry.signed_in:
            user_id = str(marker(f"{entry.name}-{label}"))
        values = {
            "{user}": user_id or "",
            "{tenant}": self._world.tenant_ids.get(label, ""),
            "{role}": entry.role,
            "{person}": f"{entry.name}-{label}",
        }
        # A caller who is not signed in has no claims.
        settings = {
            name: _replaced(text, values) if entry.signed_in else "" for name, text in declaration.settings.items()
        }
        return Person(entry.name, entry.role, label, user_id, settings)

    def fill(self, table: Relation) -> None:
        """Insert the rows of a table."""
        self._made[table.name] = []
        if table.name in self._world.links.shared and self._exists(table):
            self._made[table.name] = [*self.read(table)]
            return
        wanted = [*self._wanted(table)]
        problem: Exception | None = None
        for person, label, values in wanted:
            try:
                self._insert(table, person, label, values)
            except LookupError as error:
                if values:
                    raise self._filler.cannot_fill(table, str(error.args[0])) from error
                problem = error
        for label in {label for _, label, _ in wanted if label in TENANTS}:
            if problem and not any(row.label == label for row in self._made[table.name]):
                raise self._filler.cannot_fill(table, str(problem.args[0]))

    def _wanted(self, table: Relation) -> Iterator[tuple[Person | None, str, Mapping[str, Any]]]:
        """Whose rows the table gets: a person, the label of a tenant, and values."""
        yield from self._usual(table)
        entry = self._world.declaration.tables.get(table.name)
        for values in entry.rows if entry else ():
            for label in (OTHERS,) if table.name in self._world.links.shared else TENANTS:
                person = next((each for each in self._world.people if each.user_id and each.tenant == label), None)
                yield person, label, values

    def _usual(self, table: Relation) -> Iterator[tuple[Person | None, str, Mapping[str, Any]]]:
        world, declaration = self._world, self._world.declaration
        users = [person for person in world.people if person.user_id]
        members = {person: declaration.people[person.name].rows.get(table.name) for person in users}
        if table.name in (declaration.users, declaration.tenants):
            if table.name == declaration.tenants:
                yield from ((None, label, {table.primary[0]: world.tenant_ids[label]}) for label in TENANTS)
            else:
                yield from (
                    (each, each.tenant, {**(members[each] or {}), table.primary[0]: each.user_id}) for each in users
                )
        elif any(values is not None for values in members.values()):
            yield from ((each, each.tenant, values) for each, values in members.items() if values is not None)
        elif table.name in world.links.shared:
            yield None, OTHERS, {}
        elif table.name in world.links.user:
            yield from ((each, each.tenant, {}) for each in users)
        else:
            for label in TENANTS:
                yield next((each for each in users if each.tenant == label), None), label, {}

    def _insert(self, table: Relation, person: Person | None, label: str, values: Mapping[str, Any]) -> None:
        seed = f"{table.name}-{person.name if person else ''}-{label}{'-'.join(['', *values])}"
        fixed: dict[str, Value] = {}
        links, entry = self._world.links, self._world.declaration.tables.get(table.name)
        if (column := links.tenant.get(table.name)) and label in self._world.tenant_ids:
            fixed[column] = self._world.tenant_ids[label]
        if (column := links.user.get(table.name)) and person is not None:
            fixed[column] = person.user_id
        self._become(person, label)
        for name, text in _text_values({**(entry.values if entry else {}), **values}).items():
            fixed[name] = None if text == "{null}" else self._resolved(text, table, label, person)
        optional = self._add_parents(table, fixed, label, person)
        row = self._filler.insert(table, fixed, optional, seed)
        self._made[table.name].append(Row(table.name, label, person.user_id if person else None, row, ""))

    def _become(self, person: Person | None, label: str) -> None:
        """Set the request of the row's user: triggers stamp rows with the caller."""
        users = [each for each in self._world.people if each.user_id and each.tenant == label]
        caller = person or next(iter(users), None)
        for name in self._world.declaration.settings:
            self._conn.execute("select set_config(%s, %s, true)", [name, caller.settings[name] if caller else ""])

    def _resolved(self, text: str, table: Relation, label: str, person: Person | None) -> str:
        try:
            return resolve(
                text, self._world.words(label, person), lambda table, column: self._values(table, column, label)
            )
        except LookupError as error:
            raise self._filler.cannot_fill(table, str(error.args[0])) from error

    def _values(self, table: str, column: str, label: str) -> list[Value]:
        rows = [row for row in self._made.get(table, []) if row.label in (label, OTHERS)]
        return [row.values[column] for row in rows if column in row.values]

    def _add_parents(
        self, table: Relation, fixed: dict[str, Value], label: str, person: Person | None
    ) -> dict[str, Value]:
        """Set the columns of foreign keys. Those of nullable keys are returned: a CHECK may want them to be null."""
        optional: dict[str, Value] = {}
        for key in sorted(table.keys, key=lambda key: not is_required(table, key)):
            required = is_required(table, key)
            known = {**fixed, **optional}
            parent = self._parent(key, known, label, person)
            if parent is None and required:
                raise LookupError(f"there is no row of {key.parent} for its foreign key {key.name}")
            for column, parent_column in zip(key.columns, key.parent_columns, strict=True):
                if column not in known:
                    target = fixed if table.columns[column].is_required else optional
                    target[column] = parent.values[parent_column] if parent else None
        return optional

    def _parent(self, key: ForeignKey, known: Mapping[str, Value], label: str, person: Person | None) -> Row | None:
        """A parent of the same tenant that fits the known values, if possible one of the same person."""
        rows = self._made.get(key.parent, [])
        usable = [
            row
            for row in rows
            if row.label in (label, OTHERS) or key.parent in self._world.links.shared
            if all(
                known.get(c, row.values[p]) == row.values[p]
                for c, p in zip(key.columns, key.parent_columns, strict=True)
            )
        ]
        user_id = person.user_id if person else None
        usable.sort(key=lambda row: (row.label != label, row.user_id != user_id))
        return usable[0] if usable else None

    def _exists(self, table: Relation) -> bool:
        name = sql.Identifier(*table.name.split(".", 1))
        return self._conn.execute(sql.SQL("select from {} limit 1").format(name)).fetchone() is not None

    def ordered(self, table: Relation) -> list[Row]:
        """All rows of a table, in the order in which they were inserted: an update by a trigger moves a row."""
        made = [[row.values[column] for column in table.primary] for row in self._made[table.name]]

        def place(row: Row) -> int:
            key = [row.values[column] for column in table.primary]
            return made.index(key) if key in made else len(made)

        return sorted(self.read(table), key=place)

    def read(self, table: Relation) -> Iterator[Row]:
        """All rows of a table, those that triggers have inserted included."""
        columns = [*table.columns]
        fields = sql.SQL(", ").join(sql.SQL("t.{}::text").format(sql.Identifier(column)) for column in columns)
        name = sql.Identifier(*table.name.split(".", 1))
        statement = sql.SQL("select t.ctid::text as place, {} from {} t order by t.ctid").format(fields, name)
        for ctid, *values in self._conn.execute(statement):
            row = dict(zip(columns, values, strict=True))
            user_id = row.get(self._world.links.user.get(table.name, ""))
            yield Row(table.name, self._label(table, row, user_id), user_id, row, ctid)

    def _label(self, table: Relation, row: Mapping[str, Value], user_id: Value) -> str:
        links = self._world.links
        if table.name in links.shared:
            return OTHERS
        if (column := links.tenant.get(table.name)) is not None:
            ids = {id: label for label, id in self._world.tenant_ids.items()}
            return ids.get(row[column] or "", OTHERS)
        if table.name in links.user:
            return self._labels.get(user_id or "", OTHERS)
        return next(self._labels_of_parents(table, row), OTHERS)

    def _labels_of_parents(self, table: Relation, row: Mapping[str, Value]) -> Iterator[str]:
        for key in table.keys:
            for parent in self._made.get(key.parent, []):
                pairs = zip(key.columns, key.parent_columns, strict=True)
                if parent.label in TENANTS and all(row[c] == parent.values[p] for c, p in pairs):
                    yield parent.label


def _replaced(text: str, values: Mapping[str, Value]) -> str:
    for name, value in values.items():
        text = text.replace(name, value or "")
    return text


def _text_values(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: _text(value) for name, value in values.items()}


def _text(value: Any) -> str:
    """A value of TOML as the text that PostgreSQL reads."""
    import json

    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return json.dumps(value)
    if isinstance(value, list):
        return "{" + ",".join(json.dumps(_text(each)) for each in value) + "}"
    return str(value)
