"""Runs all cells against a database and collects what is not as declared."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import psycopg

from org_common.tools.project.project import key_advice
from org_common.tools.prove import catalog as catalogs
from org_common.tools.prove.catalog import Catalog
from org_common.tools.prove.cells import cases, function_cells, key_cells, table_cells, view_cells
from org_common.tools.prove.cells import facts as facts_of
from org_common.tools.prove.cells.cell import Cell, Finding
from org_common.tools.prove.cells.facts import Facts
from org_common.tools.prove.cells.function_cells import declared, executable, key_of
from org_common.tools.prove.cells.probe import BATCH, Outcome, Prober
from org_common.tools.prove.declaration import Declaration, DeclarationError, FunctionEntry
from org_common.tools.prove.rows.builder import build
from org_common.tools.prove.rows.world import World

Progress = Callable[[int, int], None]


@dataclass
class Proof:
    """The cells of a database, ready to run, and what was found."""

    prober: Prober
    """Runs the statements."""
    cells: list[Cell]
    """All cells."""
    findings: list[Finding] = field(default_factory=list)
    """The cells that are not as declared."""
    seconds: float = 0
    """How long the proof took."""

    @property
    def world(self) -> World:
        """The rows and the callers."""
        return self.prober.world

    def check(self, cells: Iterable[Cell], progress: Progress = lambda done, total: None) -> Iterator[Finding]:
        """The findings of these cells."""
        listed = [*cells]
        facts = facts_of.read(self.prober.conn, self.world, {cell.subject for cell in listed if cell.fact})
        done = 0
        for cell in (each for each in listed if each.fact):
            done += 1
            yield from _judged(cell, Outcome(answer=facts.get(cell.fact or ())))
        # Those that ask about all tables come first. The others empty the cache of plans, and planning that query again
        # took two thirds of the time with 60 tables.
        probed = sorted(
            (cell for cell in listed if cell.probe), key=lambda cell: bool(cell.probe and cell.probe.target)
        )
        for start in range(0, len(probed), BATCH):
            batch = probed[start : start + BATCH]
            outcomes = self.prober.run([cell.probe for cell in batch if cell.probe])
            for cell, outcome in zip(batch, outcomes, strict=True):
                yield from _judged(cell, outcome)
            done += len(batch)
            progress(done, len(listed))


def _judged(cell: Cell, outcome: Outcome) -> Iterator[Finding]:
    problem = cell.judge(outcome)
    if problem:
        yield Finding(cell, problem)


def prove(conn: psycopg.Connection, declaration: Declaration, progress: Progress = lambda done, total: None) -> Proof:
    """Prove a database, in the connection's transaction, which the caller rolls back.

    The connection's role bypasses row-level security and may become every role of the database. Raises
    `DeclarationError` if a table or function has no entry, or cannot be filled.
    """
    start = time.monotonic()
    proof = prepare(conn, declaration)
    places = {id(cell): (not cell.fact, at) for at, cell in enumerate(proof.cells)}
    proof.findings = sorted(proof.check(proof.cells, progress), key=lambda finding: places[id(finding.cell)])
    proof.seconds = time.monotonic() - start
    return proof


def prepare(conn: psycopg.Connection, declaration: Declaration) -> Proof:
    """The cells of a database, after its rows have been made."""
    conn.execute("set local search_path = ''")
    # From some 60 tables on, the server would start parallel workers for the query about all rows, for each statement:
    # 33 ms instead of 4.
    conn.execute("set local max_parallel_workers_per_gather = 0")
    catalog = catalogs.read(conn, declaration.schemas or None)
    check_entries(declaration, catalog)
    world = build(conn, catalog, declaration)
    facts = facts_of.read(conn, world)
    check_functions(declaration, world, facts)
    return Proof(Prober(conn, world), [*_cells(world, facts)])


def _cells(world: World, facts: Facts) -> Iterator[Cell]:
    yield from facts_of.cells(world)
    yield from table_cells.cells(world, facts)
    yield from view_cells.cells(world, facts)
    yield from key_cells.cells(world, facts)
    yield from cases.cells(world)
    for function in world.catalog.functions:
        entry = declared(world.declaration, function) or FunctionEntry()
        yield from facts_of.execute_cells(world, function.oid, function.name, function.owner, entry)
        if executable(world, facts, function):
            yield from function_cells.FunctionCells(world, function, entry).cells()


def check_entries(declaration: Declaration, catalog: Catalog) -> None:
    """Raise `DeclarationError` for a table or view without an entry, and for an entry that fits nothing."""
    kinds = {"r": "table", "p": "table", "v": "view", "m": "view", "f": "view"}
    for relation in catalog.relations.values():
        if relation.kind in kinds and relation.name not in declaration.tables:
            section = "tables" if relation.kind in ("r", "p") else "views"
            example = f'[{section}.{relation.name}]\n{next(iter(declaration.people), "owner")} = "select"'
            raise declaration.missing(kinds[relation.kind], relation.name, example)
    people = {*declaration.people, *catalog.roles}
    for name, entry in declaration.tables.items():
        _check_known(declaration, f"tables.{name}", name, [*catalog.relations])
        for person in entry.can:
            _check_known(declaration, f"tables.{name}.{person}", person, [*people])
    functions = [name for each in catalog.functions for name in (each.name, each.signature)]
    for name, function in declaration.functions.items():
        _check_known(declaration, f"functions.{name}", name, functions)
        for person in (*function.own, *function.foreign):
            _check_known(declaration, f"functions.{name}", person, [*people])


def check_functions(declaration: Declaration, world: World, facts: Facts) -> None:
    """Raise `DeclarationError` for a function that a role may execute and that has no entry."""
    for function in world.catalog.functions:
        if declared(declaration, function) is None and (roles := executable(world, facts, function)):
            example = f'[functions]\n"{key_of(world.catalog, function)}" = {{ roles = "{" ".join(roles)}" }}'
            raise declaration.missing("function", function.signature, example)


def _check_known(declaration: Declaration, key: str, name: str, known: Sequence[str]) -> None:
    if name not in known:
        advice = key_advice(name, known) if len(known) < 20 or "did you mean" in key_advice(name, known) else ""
        raise DeclarationError(f"{', '.join(declaration.files)}: {key}: there is no {name} in the database. {advice}")
