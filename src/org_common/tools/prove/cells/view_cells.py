"""Cells about views, materialized views, foreign tables and partitions: whose rows each person sees in them."""

from __future__ import annotations

import json
from collections.abc import Iterator

from psycopg import sql

from org_common.tools.prove.catalog import Relation
from org_common.tools.prove.cells.cell import REFUSED, Cell
from org_common.tools.prove.cells.facts import Facts, granted
from org_common.tools.prove.cells.probe import Outcome, Probe
from org_common.tools.prove.rows.world import OTHERS, TENANTS, Person, World


def cells(world: World, facts: Facts) -> Iterator[Cell]:
    """A read of each view by each person. The ids in a row tell whose it is."""
    owners = world.ids()
    for relation in world.catalog.relations.values():
        if relation.kind == "S" or relation.is_table:
            continue
        for person in world.people:
            if person.role != relation.owner:
                yield _cell(world, facts, relation, person, owners)


def _cell(world: World, facts: Facts, view: Relation, person: Person, owners: dict[str, str]) -> Cell:
    grant = world.declaration.tables[view.name].grant("select", person.name, person.role)

    def judge(outcome: Outcome) -> str | None:
        if outcome.error:
            return (
                None if grant is None and outcome.error == REFUSED else f"is refused: {outcome.error} {outcome.message}"
            )
        labels = [_label(row, owners) for row in json.loads(outcome.answer or "[]")]
        foreign = [label for label in labels if label in TENANTS and label != person.tenant]
        mine = len(labels) - len(foreign)
        if foreign and (grant is None or grant.scope != "all"):
            return f"sees {len(foreign)} rows of others: of {', '.join(sorted({*foreign}))}"
        if grant is None and labels:
            return f"sees {len(labels)} rows, and nothing is declared"
        if grant is not None and grant.scope.isdigit() and int(grant.scope) != len(labels):
            return f"sees {len(labels)} rows instead of {grant.scope}"
        return "sees no rows" if grant is not None and not grant.scope and not mine else None

    where = f" of {person.tenant}" if person.tenant != OTHERS else ""
    return Cell(view.name, "select", f"{person.name}{where}", judge, select(facts, view, person))


def select(facts: Facts, view: Relation, person: Person) -> Probe:
    """All rows of the view, in all columns that the person may read."""
    columns = granted(facts, view, person.role, "select") or tuple(view.columns)
    fields = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(column)) for column in columns)
    name = sql.Identifier(*view.name.split(".", 1))
    statement = sql.SQL("select coalesce(json_agg(json_build_array({})), '[]')::text from {}").format(fields, name)
    return Probe(person.role, person.settings, statement.as_string(), "rows")


def _label(row: list[str | None], owners: dict[str, str]) -> str:
    return next((owners[value] for value in row if value in owners and owners[value] in TENANTS), OTHERS)
