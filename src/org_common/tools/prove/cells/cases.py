"""Cells for the statements that a declaration adds."""

from __future__ import annotations

from collections.abc import Iterator

from org_common.tools.prove.cells.cell import Cell, Judge
from org_common.tools.prove.cells.probe import Outcome, Probe
from org_common.tools.prove.declaration import Case, DeclarationError
from org_common.tools.prove.rows.references import resolve
from org_common.tools.prove.rows.world import OTHERS, TENANTS, Person, World


def cells(world: World) -> Iterator[Cell]:
    """One cell for each case and each tenant that has the person."""
    for case in world.declaration.cases:
        people = [person for person in world.people if case.by in (person.name, person.role)]
        if not people:
            raise DeclarationError(f"cases: {case.says}: there is no person or role {case.by}")
        for person in people:
            where = f" of {person.tenant}" if person.tenant != OTHERS else ""
            probe = Probe(person.role, person.settings, _statement(world, case, person), "count")
            yield Cell(case.on, f"case: {case.says}", f"{person.name}{where}", _judge(case), probe)


def _statement(world: World, case: Case, person: Person) -> str:
    label = person.tenant if person.tenant in TENANTS else TENANTS[0]
    try:
        return resolve(case.sql, world.words(label, person), lambda table, column: world.column(table, column, label))
    except LookupError as error:
        raise DeclarationError(f"cases: {case.says}: {error.args[0]}") from error


def _judge(case: Case) -> Judge:
    def judge(outcome: Outcome) -> str | None:
        if outcome.rows == case.rows:
            return None
        found = f"{outcome.error} {outcome.message}" if outcome.error else f"{outcome.rows} rows"
        return f"{found} instead of {case.rows} rows"

    return judge
