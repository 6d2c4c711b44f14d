"""Runs each read of the project, and plans each write, with row-level security and with it bypassed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import psycopg
from psycopg import sql

from org_common.db.protocol.errors import StatementFailed
from org_common.tools.cost.arguments import Arguments, NoValueError
from org_common.tools.cost.explain import TIMEOUT_S, explain
from org_common.tools.cost.keys import LABEL
from org_common.tools.cost.measure import MAX_RATIO, MIN_EXTRA
from org_common.tools.cost.plans import Plan
from org_common.tools.cost.statements import Asked, Statements
from org_common.tools.prove.rows.values import Value
from org_common.tools.prove.rows.world import OTHERS, Person, World

BLOCKS_PER_ROW = 5
"""Blocks that a policy may read for each row of the tenant: three of an index, the row, and one to look it up."""
COST_PER_BLOCK = 4.0
"""What the planner expects of a block (`random_page_cost`), for a write."""
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Replay:
    """What it costs to run a statement of the project."""

    asked: Asked
    """The statement."""
    person: str = ""
    """Who runs it, a person of the declaration."""
    with_rls: Plan | None = None
    """Its plan as the role that runs it; None if it took too long."""
    without_rls: Plan | None = None
    """Its plan with row-level security bypassed; None if it is not measured."""
    own_rows: int = 0
    """The rows of the tenant in its tables."""
    skipped: str = ""
    """Why it is not measured."""

    @property
    def amounts(self) -> tuple[float, float] | None:
        """Blocks, or for a write the planner's cost, with and without row-level security."""
        if self.with_rls is None or self.without_rls is None:
            return None
        with_rls, without_rls = self.with_rls, self.without_rls
        return (with_rls.cost, without_rls.cost) if self.asked.writes else (with_rls.blocks, without_rls.blocks)

    @property
    def ratio(self) -> float | None:
        """The amount with row-level security by that without it."""
        return None if self.amounts is None else self.amounts[0] / max(1.0, self.amounts[1])

    @property
    def problem(self) -> str | None:
        """Why the statement is slow."""
        if self.without_rls is None:
            return None
        if self.amounts is None:
            return f"takes longer than {TIMEOUT_S} s, and {self.without_rls.ms:.1f} ms without row-level security"
        now, before = self.amounts
        allowed = max(MIN_EXTRA, BLOCKS_PER_ROW * self.own_rows) * (COST_PER_BLOCK if self.asked.writes else 1)
        if (self.ratio or 0) <= MAX_RATIO or now - before <= allowed:
            return None
        if self.asked.writes:
            return f"is planned with a cost of {now:,.0f} instead of {before:,.0f}"
        return f"reads {now:,.0f} blocks instead of {before:,.0f}"


def replay(
    conn: psycopg.Connection, world: World, found: Statements, progress: Progress = lambda done, total: None
) -> Iterator[Replay]:
    """The cost of each statement, in the connection's transaction."""
    bypass = {name for (name,) in conn.execute("select rolname from pg_roles where rolbypassrls or rolsuper")}
    own = _own_rows(conn, world) if found.asked else {}
    for done, asked in enumerate(found.asked, 1):
        people = _callers(world, asked.role)
        each = Replay(asked, own_rows=sum(own.get(table, own[""]) for table in asked.tables))
        if asked.skipped:
            yield replace(each, skipped=asked.skipped)
        elif asked.role in bypass:
            yield replace(each, skipped=f"{asked.role} bypasses row-level security")
        elif not people:
            yield replace(each, skipped=f"the declaration has no person with the role {asked.role}")
        else:
            yield _highest([_replay(conn, world, found.search_path, each, person) for person in people])
        progress(done, len(found.asked))


def _callers(world: World, role: str) -> list[Person]:
    """The people of the tenant with a role, or else those without a tenant."""
    people = [person for person in world.people if person.role == role]
    return [person for person in people if person.tenant == LABEL] or [
        person for person in people if person.tenant == OTHERS
    ]


def _highest(found: list[Replay]) -> Replay:
    """The cost for the person with a problem, or with the highest ratio; the reason if there is none."""
    measured = [each for each in found if each.without_rls is not None]
    return max(measured, key=lambda each: (each.problem is not None, each.ratio or 0)) if measured else found[0]


def _replay(conn: psycopg.Connection, world: World, search_path: str, each: Replay, person: Person) -> Replay:
    each = replace(each, person=person.name)
    refused = ""
    try:
        for values in Arguments(world, person).of(each.asked):
            try:
                now, before = (
                    _plan(conn, each.asked, person, values, search_path, bypass=way) for way in (False, True)
                )
            except StatementFailed as error:
                refused = refused or error.message
                continue
            if before is None:
                return replace(each, skipped=f"without row-level security, it takes longer than {TIMEOUT_S} s")
            return replace(each, with_rls=now, without_rls=before)
    except NoValueError as error:
        refused = str(error)
    return replace(each, skipped=f"no values for it: {refused}")


def _plan(
    conn: psycopg.Connection,
    asked: Asked,
    person: Person,
    values: Sequence[Value],
    search_path: str,
    *,
    bypass: bool,
) -> Plan | None:
    types = [parameter.type for parameter in asked.parameters]
    run = not asked.writes
    return explain(
        conn, asked.command, person, bypass=bypass, run=run, values=values, types=types, search_path=search_path
    )


def _own_rows(conn: psycopg.Connection, world: World) -> dict[str, int]:
    """The tenant's rows in each table; under "", the most of any table."""
    found: dict[str, int] = {}
    for table, column in world.links.tenant.items():
        name, key = sql.Identifier(*table.split(".", 1)), sql.Identifier(column)
        query = sql.SQL("select count(*) from {} where {} = {}").format(name, key, sql.Literal(world.tenant_ids[LABEL]))
        row = conn.execute(query).fetchone()
        found[table] = row[0] if row else 0
    return {"": max(found.values(), default=0), **found}
