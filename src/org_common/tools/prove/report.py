"""The result of a proof as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from textwrap import indent
from typing import Any

from org_common.tools.prove.cells.cell import Finding
from org_common.tools.prove.declaration import VERBS, Grant
from org_common.tools.prove.kill import Kills
from org_common.tools.prove.proof import Proof
from org_common.tools.prove.rows.world import World

MIN_RATE = 0.99
LETTERS = {"select": "s", "insert": "i", "update": "u", "delete": "d"}
LEGEND = (
    "s i u d: selects, inserts, updates, deletes rows of the own tenant; s. own rows only; s* rows of all tenants;"
    " s# some rows; !: not as declared"
)


def lines(proof: Proof, kills: Kills | None = None) -> Iterator[str]:
    """The matrix, the findings and the figures."""
    yield from matrix(proof)
    yield ""
    for finding in proof.findings:
        yield f"LEAK OR ERROR  {finding.cell.name}: {finding.problem}"
        if finding.script:
            yield indent(finding.script, "    ")
    yield from summary(proof)
    if kills is not None:
        yield from _kill_lines(kills)


def matrix(proof: Proof) -> Iterator[str]:
    """One line per table and view, one column per person or role."""
    names = people(proof.world)
    rows = [("", *names), *((name, *cells) for name, cells in table_rows(proof))]
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
    yield LEGEND


def people(world: World) -> dict[str, str]:
    """The roles of people by name, in the order of the declaration, without owners of tables."""
    return {person.name: person.role for person in world.people if person.role not in world.catalog.owners}


def table_rows(proof: Proof) -> Iterator[tuple[str, list[str]]]:
    """The tables and views, and what each person may do."""
    red = {(finding.cell.subject, finding.cell.person.partition(" of ")[0]) for finding in proof.findings}
    for name, entry in proof.world.declaration.tables.items():
        if name in proof.world.catalog.relations:
            cells = [
                "".join(_letter(entry.grant(verb, person, role), verb) for verb in VERBS) or "-"
                for person, role in people(proof.world).items()
            ]
            marks = ["!" if (name, person) in red else "" for person in people(proof.world)]
            yield name, [cell + mark for cell, mark in zip(cells, marks, strict=True)]


def _letter(grant: Grant | None, verb: str) -> str:
    if grant is None or grant.scope == "0":
        return ""
    return LETTERS[verb] + {"": "", "own": ".", "all": "*"}.get(grant.scope, "#")


def summary(proof: Proof) -> Iterator[str]:
    """The figures of the proof."""
    asked, leaks = foreign(proof)
    total, red = len(proof.cells), len({id(finding.cell) for finding in proof.findings})
    ran = f"{proof.prober.count:,} statements in {proof.seconds:.1f} s"
    yield f"{total:,} cells, {total - red:,} as declared, {red} not; {ran}"
    bound = f"; the upper bound at 95 % is 3/{asked:,} = {3 / asked:.2g}" if asked and not leaks else ""
    yield f"{leaks} of {asked:,} statements of tenants and outsiders reached a row of another tenant{bound}"


def foreign(proof: Proof) -> tuple[int, int]:
    """How many statements of callers may reach no foreign row, and how many did."""
    names = {*proof.world.declaration.people}
    cells = [cell for cell in proof.cells if cell.probe and cell.person.partition(" of ")[0] in names]
    asked = [cell for cell in cells if not _reaches_all(proof.world, cell.subject, cell.person.partition(" of ")[0])]
    ids = {id(cell) for cell in asked}
    return len(asked), len({id(each.cell) for each in proof.findings if id(each.cell) in ids and is_leak(each)})


def is_leak(finding: Finding) -> bool:
    """Whether a caller reaches rows of another tenant, and not only other rows than declared."""
    words = ("rows of others", "another tenant", "moves", "tenant's rows", "an id of tenant", "inserts a row")
    return any(word in finding.problem for word in words)


def _reaches_all(world: World, subject: str, person: str) -> bool:
    entry, function = world.declaration.tables.get(subject), world.declaration.functions.get(subject)
    if entry is not None:
        return any(grant.scope == "all" for grant in entry.can.get(person, ()))
    return function is not None and person in function.foreign


def _kill_lines(kills: Kills) -> Iterator[str]:
    total = len(kills.killed) + len(kills.survivors)
    yield ""
    noticed = f"{len(kills.killed):,} of {total:,} mutations turned the proof red: {kills.rate:.2%}"
    yield f"{noticed}, in {kills.seconds:.0f} s"
    for group, (killed, count) in kills.groups().items():
        yield f"  {group:<12} {killed:>6,} of {count:,}"
    for mutation, why in kills.survivors:
        yield f"SURVIVED  {mutation.subject}: {mutation.description}"
        yield f"    {why or 'NOT EXPLAINED. Declare a case that fails with it, or explain it in [[survivors]]'}"
    for mutation, error in kills.invalid:
        yield f"not run  {mutation.subject}: {mutation.description}: {error}"


def passed(proof: Proof, kills: Kills | None = None) -> bool:
    """Whether all cells are as declared, enough mutations were noticed, and the others are explained."""
    if kills is None:
        return not proof.findings
    return not proof.findings and kills.rate >= MIN_RATE and all(why for _, why in kills.survivors)


def document(proof: Proof, kills: Kills | None = None) -> dict[str, Any]:
    """The result as JSON values."""
    asked, leaks = foreign(proof)
    found: dict[str, Any] = {
        "passed": passed(proof, kills),
        "cells": len(proof.cells),
        "statements": proof.prober.count,
        "seconds": round(proof.seconds, 3),
        "foreign": {"statements": asked, "leaks": leaks},
        "tables": {name: dict(zip(people(proof.world), cells, strict=True)) for name, cells in table_rows(proof)},
        "findings": [_finding(each) for each in proof.findings],
    }
    if kills is not None:
        found["mutations"] = {
            "rate": round(kills.rate, 4),
            "seconds": round(kills.seconds, 1),
            "groups": {name: {"killed": killed, "all": count} for name, (killed, count) in kills.groups().items()},
            "survivors": [
                {"subject": each.subject, "mutation": each.description, "sql": each.statement, "why": why}
                for each, why in kills.survivors
            ],
            "invalid": [{"subject": each.subject, "mutation": each.description} for each, _ in kills.invalid],
        }
    return found


def _finding(finding: Finding) -> dict[str, str]:
    cell = finding.cell
    return {
        "subject": cell.subject,
        "verb": cell.verb,
        "person": cell.person,
        "problem": finding.problem,
        "sql": finding.script,
    }


def dump(found: Sequence[Any] | dict[str, Any]) -> str:
    """JSON, indented."""
    return json.dumps(found, indent=2)
