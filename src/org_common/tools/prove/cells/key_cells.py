"""Cells about keys and stamped columns: no reference to another tenant, no hint that its values exist."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from org_common.tools.prove.catalog import Column, ForeignKey, Relation, UniqueKey
from org_common.tools.prove.cells.cell import Cell, Judge
from org_common.tools.prove.cells.facts import Facts, granted
from org_common.tools.prove.cells.probe import Outcome, Probe
from org_common.tools.prove.cells.table_cells import insert, literal, qualified, remove
from org_common.tools.prove.rows.values import Value, marker, unused
from org_common.tools.prove.rows.world import OTHERS, TENANTS, Person, Row, World

SESSION = "none"
FORGED = {"uuid": str(marker("forged")), "timestamp with time zone": "2000-01-01 00:00:00+00"}
DUPLICATE, NO_PARENT = "23505", "23503"


def cells(world: World, facts: Facts) -> Iterator[Cell]:
    """The cells of all tables."""
    for table in world.catalog.tables:
        rows = world.rows[table.name]
        if rows:
            row = next((each for each in rows if each.label == TENANTS[0]), rows[0])
            yield from _reference_cells(world, table)
            yield from _stamp_cells(world, table, row)
            if table.name not in world.links.shared:
                for person in world.people:
                    yield from _hint_cells(world, facts, table, person)


def _reference_cells(world: World, table: Relation) -> Iterator[Cell]:
    """With the rights of the session: what the keys refuse, whatever rights and policies say."""
    for key in table.keys:
        row = _row_for(world, table, key)
        missing = _missing(table, key, row)
        yield _key_cell(table, key, row, missing, "accepts a row whose parent does not exist", f'"{key.name}"')
        if foreign := _foreign(world, table, key, row):
            problem = f"lets a row of {row.label} refer to {key.parent} of another tenant"
            yield _key_cell(table, key, row, foreign, problem)


def _key_cell(
    table: Relation, key: ForeignKey, row: Row, changes: Mapping[str, Value], problem: str, named: str = ""
) -> Cell:
    """The row again with another parent. Without the table's triggers, which may refuse it for another reason.

    A parent of another tenant may be refused by another key; one that does not exist, by the key that is `named`.
    """
    others = {column for each in table.keys if each is not key for column in each.columns if column not in key.columns}
    cleared = {
        column: None for column in others if not table.columns[column].is_required and not _is_checked(table, column)
    }
    statement = insert(table, _settable(table, {**row.values, **cleared, **changes}))
    setup = f"{remove(table, row)}; alter table {qualified(table)} disable trigger user"

    def judge(outcome: Outcome) -> str | None:
        if not outcome.error:
            return problem
        if outcome.error != NO_PARENT or named not in outcome.message:
            return f"is not decided: {outcome.error} {outcome.message}"
        return None

    return Cell(table.name, f"foreign key {key.name}", "", judge, Probe(SESSION, {}, statement, "count", setup))


def _is_checked(table: Relation, column: str) -> bool:
    return any(column in check.columns for check in table.checks)


def _row_for(world: World, table: Relation, key: ForeignKey) -> Row:
    """A row of the first tenant for which few other keys matter, so that this one decides."""

    def others(row: Row) -> int:
        return sum(
            all(row.values[column] is not None for column in each.columns)
            for each in table.keys
            if each is not key and set(each.columns) & set(key.columns)
        )

    return min(world.rows[table.name], key=lambda row: (row.label != TENANTS[0], others(row)))


def _missing(table: Relation, key: ForeignKey, row: Row) -> dict[str, Value]:
    """A key that no parent has: an id that exists nowhere, or another string."""
    columns = [table.columns[column] for column in key.columns]
    wanted = {column.name for column in columns if row.values[column.name] is None}
    last = next((each for each in reversed(columns) if each.base == "uuid"), columns[0])
    return {column.name: unused(column, "missing") for column in columns if column.name in wanted or column is last}


def _foreign(world: World, table: Relation, key: ForeignKey, row: Row) -> dict[str, Value] | None:
    """The key of a parent of another tenant. None if the parent is a tenant, a user or shared."""
    declaration, links = world.declaration, world.links
    if key.parent in (declaration.tenants, declaration.users) or key.parent in links.shared or row.label == OTHERS:
        return None
    if table.name == declaration.users:
        return None
    parent = next((each for each in world.rows[key.parent] if each.label not in (row.label, OTHERS)), None)
    if parent is None:
        return None
    pairs = zip(key.columns, key.parent_columns, strict=True)
    return {mine: parent.values[theirs] for mine, theirs in pairs if mine != links.tenant.get(table.name)} or None


def _stamp_cells(world: World, table: Relation, row: Row) -> Iterator[Cell]:
    """Statements with forged stamps, as the session: the database must set other values."""
    stamped = world.declaration.stamped
    if not stamped or not all(column in table.columns for column in stamped):
        return
    forged = {column: FORGED.get(table.columns[column].base, row.values[column]) for column in stamped}
    person = next(each for each in world.people if each.user_id)
    shown = " || ' ' || ".join(f"coalesce({column}::text, '')" for column in stamped)
    changed = ", ".join(f"{column} = {literal(value, table.columns[column].type)}" for column, value in forged.items())
    condition = " and ".join(
        f"{column} = {literal(row.values[column], table.columns[column].type)}" for column in table.primary
    )
    inserted = insert(table, _settable(table, {**row.values, **forged}))
    for verb, setup, statement in (
        ("insert", remove(table, row), inserted),
        ("update", "", f"update {table.name} set {changed} where {condition}"),
    ):
        # A common table expression: the values after the triggers.
        probe = Probe(
            SESSION, person.settings, f"with w as ({statement} returning {shown} as v) select v from w", "rows", setup
        )
        yield Cell(table.name, f"stamps on {verb}", "", _judge_stamp([each for each in forged.values() if each]), probe)


def _judge_stamp(forged: list[str]) -> Judge:
    def judge(outcome: Outcome) -> str | None:
        if outcome.error:
            # A table that refuses all changes keeps its stamps.
            return None
        kept = [value for value in forged if value[:19] in (outcome.answer or "")]
        return f"keeps forged values: {outcome.answer}" if kept else None

    return judge


def _hint_cells(world: World, facts: Facts, table: Relation, person: Person) -> Iterator[Cell]:
    """Whether a caller who may insert learns that another tenant has a value, or a parent."""
    entry = world.declaration.tables[table.name]
    grant = entry.grant("insert", person.name, person.role)
    if person.tenant == OTHERS or grant is None or grant.scope == "0":
        return
    mine = world.own(person, table.name) if grant.scope == "own" else world.mine(person, table.name)
    other = next((row for row in world.rows[table.name] if row.label not in (person.tenant, OTHERS)), None)
    columns = set(granted(facts, table, person.role, "insert"))
    if not mine or other is None:
        return
    for key in table.unique:
        free = [column for column in key.columns if column != world.links.tenant.get(table.name)]
        if key.name not in entry.reveals and free and set(free) <= columns:
            yield _unique_cell(table, key, person, mine[0], other, columns, world)


def _unique_cell(
    table: Relation, key: UniqueKey, person: Person, mine: Row, other: Row, columns: set[str], world: World
) -> Cell:
    tenant, user = world.links.tenant.get(table.name), world.links.user.get(table.name)
    taken = {column: other.values[column] for column in key.columns if column not in (tenant, user)}
    values = {column: value for column, value in {**mine.values, **taken}.items() if column in columns}
    probe = Probe(person.role, person.settings, insert(table, _settable(table, values)), "count", remove(table, mine))

    def judge(outcome: Outcome) -> str | None:
        if outcome.error != DUPLICATE or key.name not in outcome.message:
            return None
        return f"learns through {key.name} that another tenant has this value"

    return Cell(table.name, f"unique key {key.name}", f"{person.name} of {person.tenant}", judge, probe, side="foreign")


def _settable(table: Relation, values: Mapping[str, Value]) -> dict[str, Value]:
    return {name: value for name, value in values.items() if _is_settable(table.columns[name])}


def _is_settable(column: Column) -> bool:
    return not column.is_generated
