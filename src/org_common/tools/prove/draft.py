"""Drafts the entries of a declaration from what a database does now, for a person to review."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import psycopg

from org_common.tools.prove import catalog as catalogs
from org_common.tools.prove.catalog import Catalog, Function, Relation
from org_common.tools.prove.cells import facts as facts_of
from org_common.tools.prove.cells import view_cells
from org_common.tools.prove.cells.facts import Facts, granted
from org_common.tools.prove.cells.function_cells import FunctionCells, declared, executable, key_of
from org_common.tools.prove.cells.probe import Prober
from org_common.tools.prove.cells.table_cells import TableCells
from org_common.tools.prove.declaration import Declaration, FunctionEntry, TableEntry
from org_common.tools.prove.rows.builder import build
from org_common.tools.prove.rows.world import TENANTS, Person, Row, World


def with_gaps_filled(declaration: Declaration, catalog: Catalog) -> Declaration:
    """The declaration with an empty entry for each table, view and function without one."""
    kinds = ("r", "p", "v", "m", "f")
    tables = {each.name: TableEntry({}) for each in catalog.relations.values() if each.kind in kinds}
    return replace(declaration, tables={**tables, **declaration.tables})


def draft(conn: psycopg.Connection, declaration: Declaration) -> str:
    """The TOML of entries for all tables and functions that have none, in the connection's transaction."""
    conn.execute("set local search_path = ''")
    catalog = catalogs.read(conn, declaration.schemas or None)
    full = with_gaps_filled(declaration, catalog)
    world = build(conn, catalog, full)
    facts = facts_of.read(conn, world)
    prober = Prober(conn, world)
    lines: list[str] = []
    for relation in catalog.relations.values():
        entry = declaration.tables.get(relation.name)
        if (entry is None or (not entry.can and (entry.values or entry.rows))) and relation.kind != "S":
            lines += [*_table_lines(world, facts, prober, relation), ""]
    functions = [*_function_lines(world, facts, prober, declaration)]
    return "\n".join([*lines, *(["[functions]", *functions] if functions else [])])


def _table_lines(world: World, facts: Facts, prober: Prober, relation: Relation) -> Iterator[str]:
    yield f"[{'tables' if relation.kind in ('r', 'p') else 'views'}.{relation.name}]"
    if triggers := [each for each in relation.triggers if each not in _common_triggers(world)]:
        yield f"triggers = {json.dumps(' '.join(triggers))}"
    for role in facts_of.roles(world):
        for verb in ("select", "insert", "update"):
            columns = granted(facts, relation, role, verb)
            if columns and role != relation.owner and len(columns) < len(relation.columns):
                yield f"columns.{role}.{verb} = {json.dumps(' '.join(columns))}"
    people = _by_name([person for person in world.people if person.role not in world.catalog.owners])
    found = {name: [_scopes(world, facts, prober, relation, each) for each in same] for name, same in people}
    words = _without_zeros(
        {name: scopes[0] for name, scopes in found.items()}, {name: same[0].role for name, same in people}
    )
    for name, scopes in found.items():
        if words[name]:
            yield f"{name} = {json.dumps(' '.join(words[name]))}"
        if any(each != scopes[0] for each in scopes):
            yield f"# REVIEW: {name} has other rights in the other tenant: {scopes}"


def _common_triggers(world: World) -> set[str]:
    """Triggers of every table with stamped columns: cells of their own prove them."""
    stamped = world.declaration.stamped
    tables = [set(each.triggers) for each in world.catalog.tables if stamped and set(stamped) <= {*each.columns}]
    return set.intersection(*tables) if tables else set()


def _without_zeros(scopes: Mapping[str, list[str]], roles: Mapping[str, str]) -> dict[str, list[str]]:
    """A right that reaches no row is written once for each role, and only if no person of the role reaches one."""
    told: set[tuple[str, str]] = set()
    for name, words in scopes.items():
        told |= {(roles[name], word.partition(":")[0]) for word in words if not word.endswith(":0")}
    found: dict[str, list[str]] = {}
    for name, words in scopes.items():
        found[name] = []
        for word in words:
            verb = word.partition(":")[0]
            if not word.endswith(":0") or (roles[name], verb) not in told:
                found[name].append(word)
            told.add((roles[name], verb))
    return found


def _by_name(people: Sequence[Person]) -> list[tuple[str, list[Person]]]:
    names = dict.fromkeys(person.name for person in people)
    return [(name, [person for person in people if person.name == name]) for name in names]


def _scopes(world: World, facts: Facts, prober: Prober, relation: Relation, person: Person) -> list[str]:
    if not relation.is_table:
        return _view_scopes(world, facts, prober, relation, person)
    cells = TableCells(world, facts, relation, person)
    found = []
    probes = [cells.select(), cells.effect(cells.update()), cells.effect(cells.deletes()[0])]
    selected, updated, deleted = prober.run(probes)
    if not selected.error:
        rows, _ = cells.seen(selected)
        found.append("select" + _scope(world, person, relation, rows))
    inserts = [*cells.insert_probes()]
    inserted = [outcome.rows for outcome in prober.run([probe for _, probe in inserts])]
    sides = {side for (side, _), rows in zip(inserts, inserted, strict=True) if rows}
    has_right = any(granted(facts, relation, person.role, "insert")) and person.role != relation.owner
    if sides or has_right:
        found.append(
            "insert" + (":all" if "foreign" in sides else "" if "tenant" in sides else ":own" if sides else ":0")
        )
    for verb, outcome in (("update", updated), ("delete", deleted)):
        if not outcome.error:
            found.append(
                verb + _scope(world, person, relation, [r for r in outcome.touched if r.table == relation.name])
            )
        elif facts.get(("right", relation.name, person.role, verb)):
            found.append(f"{verb}:0")
    return found


def _view_scopes(world: World, facts: Facts, prober: Prober, view: Relation, person: Person) -> list[str]:
    if not granted(facts, view, person.role, "select"):
        return []
    probe = view_cells.select(facts, view, person)
    rows = json.loads(next(iter(prober.run([probe]))).answer or "[]")
    return ["select" + (":all" if person.tenant not in TENANTS else "") if rows else "select:0"]


def _scope(world: World, person: Person, relation: Relation, rows: Sequence[Row]) -> str:
    mine, own = world.mine(person, relation.name), world.own(person, relation.name)
    everything = world.rows[relation.name]
    if not rows:
        return ":0"
    if rows == own and own != mine:
        return ":own"
    if _same(rows, mine) and mine:
        return "" if relation.name in world.links.shared or person.tenant in TENANTS else ":own"
    if _same(rows, own):
        return ":own"
    return ":all" if _same(rows, everything) else f":{len(rows)}"


def _same(left: Sequence[Row], right: Sequence[Row]) -> bool:
    return {id(row) for row in left} == {id(row) for row in right}


def _function_lines(world: World, facts: Facts, prober: Prober, declaration: Declaration) -> Iterator[str]:
    for function in world.catalog.functions:
        entry = declared(declaration, function) or FunctionEntry()
        if not (entry.own or entry.foreign or entry.roles) and executable(world, facts, function):
            yield f"{json.dumps(key_of(world.catalog, function))} = {_function_entry(world, facts, prober, function)}"


def _function_entry(world: World, facts: Facts, prober: Prober, function: Function) -> str:
    sides: dict[str, dict[str, None]] = {"own": {}, "foreign": {}}
    cells = FunctionCells(world, function, declared(world.declaration, function) or FunctionEntry())
    calls = [*cells.calls()]
    for (person, side, _), outcome in zip(calls, prober.run([probe for _, _, probe in calls]), strict=True):
        if cells.gives(outcome):
            sides[side][person.name] = None
    people = {*sides["own"], *sides["foreign"]}
    roles = {person.role for person in world.people if person.name in people}
    extra = [role for role in executable(world, facts, function) if role not in roles]
    parts = [f"{side} = {json.dumps(' '.join(names))}" for side, names in sides.items() if names]
    parts += [f"roles = {json.dumps(' '.join(extra))}"] if extra else []
    return f"{{ {', '.join(parts)} }}"
