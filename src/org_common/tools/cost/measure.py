"""Reads each large table as a member of one tenant, and without row-level security."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import LiteralString

import psycopg
from psycopg import sql

from org_common.tools.cost.explain import TIMEOUT_S, explain
from org_common.tools.cost.fill import Filled
from org_common.tools.cost.keys import LABEL
from org_common.tools.cost.plans import Plan
from org_common.tools.prove.rows.world import Person, World

MAX_RATIO = 3.0
MIN_EXTRA = 50
"""Blocks (0.4 MB) that a policy may read whatever the ratio: its look-ups cost the same on a table of any size."""

_POLICIES: LiteralString = """
select p.polname::text from pg_policy p
where p.polrelid = %(table)s::regclass and p.polcmd in ('r', '*') and p.polpermissive
  and (p.polroles = '{0}' or exists (select from unnest(p.polroles) r where pg_has_role(%(role)s, r, 'usage')))
order by 1"""
_COLUMNS: LiteralString = """
select attname::text from pg_attribute
where attrelid = %(table)s::regclass and attnum > 0 and not attisdropped
  and has_column_privilege(%(role)s, attrelid, attnum, 'select') order by attnum"""
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Cost:
    """What it costs to read the rows of one tenant from a table."""

    table: str
    """Name of the table."""
    column: str
    """Its column with the tenant."""
    rows: int
    """How many rows it has."""
    person: str = ""
    """Who reads it, a person of the declaration."""
    with_rls: Plan | None = None
    """The plan of `select … from table` under row-level security; None if it took too long."""
    without_rls: Plan | None = None
    """The plan of the same with a filter by tenant, without row-level security; None if the table is not measured."""
    policies: tuple[str, ...] = ()
    """The policies that apply; of several, those that do not use the index on their own."""
    skipped: str = ""
    """Why the table is not measured."""

    @property
    def is_indexed(self) -> bool:
        """Whether the tenant column is an Index Cond under row-level security."""
        return self.with_rls is not None and self.with_rls.is_indexed(self.column)

    @property
    def access(self) -> str:
        """How the table is scanned: the tenant column, "another index" or "all rows"."""
        if self.with_rls is None or self.with_rls.is_sequential:
            return "all rows"
        return self.column if self.is_indexed else "another index"

    @property
    def ratio(self) -> float | None:
        """Blocks with row-level security by those without it."""
        if self.with_rls is None or self.without_rls is None:
            return None
        return self.with_rls.blocks / max(1, self.without_rls.blocks)

    @property
    def problem(self) -> str | None:
        """What is wrong with the policies; None if they are fast."""
        if self.without_rls is None:
            return None
        if self.with_rls is None:
            return f"takes longer than {TIMEOUT_S} s, and {self.without_rls.ms:.1f} ms without row-level security"
        blocks = f"{self.with_rls.blocks:,} blocks instead of {self.without_rls.blocks:,}"
        if self.with_rls.is_sequential and not self.without_rls.is_sequential:
            return f"scans all rows, {blocks}, where an index on {self.column} could serve"
        if (self.ratio or 0) > MAX_RATIO and self.with_rls.blocks - self.without_rls.blocks > MIN_EXTRA:
            return f"reads {blocks}, {self.ratio:.1f} times as many"
        return None

    @property
    def fix(self) -> str:
        """What to do about a problem."""
        if self.access == "all rows":
            return f"{self.column} = any (array(select …))"
        return "column = any (array(select …)) in the functions that the policy calls, too: EXPLAIN their statements"


def measure(
    conn: psycopg.Connection, world: World, filled: Filled, progress: Progress = lambda done, total: None
) -> Iterator[Cost]:
    """The cost of each table with a tenant column, in the connection's transaction."""
    tables = [table.name for table in world.links.order if table.name in world.links.tenant]
    for done, table in enumerate(sorted(tables), 1):
        cost = Cost(table, world.links.tenant[table], filled.rows.get(table, 0))
        people = readers(world, table)
        if table in filled.failed:
            yield replace(cost, skipped=f"not filled: {filled.failed[table]}")
        elif not people:
            yield replace(cost, skipped="no person of a tenant may read it")
        else:
            yield _measure(conn, world, cost, people)
        progress(done, len(tables))


def readers(world: World, table: str) -> list[Person]:
    """The people of the tenant who may read rows of the table, as the declaration says."""
    entry = world.declaration.tables.get(table)
    if entry is None:
        return []
    own = [person for person in world.people if person.tenant == LABEL]
    grants = ((person, entry.grant("select", person.name, person.role)) for person in own)
    return [person for person, grant in grants if grant and grant.scope != "0"]


def _measure(conn: psycopg.Connection, world: World, cost: Cost, people: list[Person]) -> Cost:
    """The cost for the person with a problem, or with the highest ratio."""
    found: list[tuple[Cost, sql.Composed, Person]] = []
    for person in people:
        given = {"table": cost.table, "role": person.role}
        columns = [name for (name,) in conn.execute(_COLUMNS, given)]
        if not columns:
            return replace(cost, skipped=f"{person.role} may read none of its columns")
        names = sql.SQL(", ").join(map(sql.Identifier, columns))
        statement = sql.SQL("select {} from {}").format(names, _name(cost))
        policies = tuple(name for (name,) in conn.execute(_POLICIES, given))
        mine = sql.SQL(" where {} = {}").format(sql.Identifier(cost.column), sql.Literal(world.tenant_ids[LABEL]))
        with_rls = _explain(conn, statement, person)
        without_rls = _explain(conn, statement + mine, person, bypass=True)
        if without_rls is None:
            return replace(cost, skipped=f"without row-level security, a read takes longer than {TIMEOUT_S} s")
        each = replace(cost, person=person.name, with_rls=with_rls, without_rls=without_rls, policies=policies)
        found.append((each, statement, person))
        if with_rls is None:
            break
    highest, statement, person = max(found, key=_rank)
    if highest.problem and len(highest.policies) > 1:
        slow = [each for each in highest.policies if not _is_fast_alone(conn, highest, statement, person, each)]
        return replace(highest, policies=tuple(slow) or highest.policies)
    return highest


def _rank(found: tuple[Cost, sql.Composed, Person]) -> tuple[bool, float]:
    """A problem first, and then the ratio."""
    cost = found[0]
    return cost.problem is not None, float("inf") if cost.ratio is None else cost.ratio


def _name(cost: Cost) -> sql.Identifier:
    return sql.Identifier(*cost.table.split(".", 1))


def _is_fast_alone(conn: psycopg.Connection, cost: Cost, statement: sql.Composed, person: Person, policy: str) -> bool:
    """Whether the tenant column is an Index Cond if this is the only permissive policy for reading."""
    with conn.transaction(force_rollback=True):
        for other in cost.policies:
            if other != policy:
                conn.execute(sql.SQL("drop policy {} on {}").format(sql.Identifier(other), _name(cost)))
        plan = _explain(conn, statement, person, run=False)
    return plan is not None and plan.is_indexed(cost.column)


def _explain(
    conn: psycopg.Connection, statement: sql.Composed, person: Person, *, bypass: bool = False, run: bool = True
) -> Plan | None:
    return explain(conn, statement.as_bytes(conn), person, bypass=bypass, run=run)
