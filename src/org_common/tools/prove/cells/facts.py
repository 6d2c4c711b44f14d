"""Facts of the catalog that a declaration states: rights, row-level security, triggers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import LiteralString

import psycopg

from org_common.tools.prove.catalog import BY_COLUMN, PRIVILEGES, Catalog, Relation
from org_common.tools.prove.cells.cell import Cell, Judge
from org_common.tools.prove.cells.probe import Outcome
from org_common.tools.prove.declaration import Declaration, FunctionEntry, TableEntry
from org_common.tools.prove.rows.world import World

Facts = Mapping[tuple[str, ...], str]
"""The facts by what they are about: `("right", table, role, verb)` is "all", "some" with the columns, or ""."""

_RIGHTS: LiteralString = """
select n.nspname || '.' || c.relname, r, v,
       case when has_table_privilege(r, c.oid, v) then '*'
            when v in ('select', 'insert', 'update', 'references') then coalesce((
              select string_agg(a.attname, ' ' order by a.attnum) from pg_attribute a
              where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
                and has_column_privilege(r, c.oid, a.attnum, v)
            ), '') else '' end
from pg_class c join pg_namespace n on n.oid = c.relnamespace, unnest(%(roles)s::text[]) r, unnest(%(verbs)s::text[]) v
where c.oid = any (%(oids)s::oid[]) and c.relkind <> 'S' and c.relowner <> r::regrole"""
_SEQUENCES: LiteralString = """
select n.nspname || '.' || c.relname, r,
       case when has_sequence_privilege(r, c.oid, 'usage') or has_sequence_privilege(r, c.oid, 'select')
              or has_sequence_privilege(r, c.oid, 'update') then '*' else '' end
from pg_class c join pg_namespace n on n.oid = c.relnamespace, unnest(%(roles)s::text[]) r
where c.oid = any (%(oids)s::oid[]) and c.relkind = 'S' and c.relowner <> r::regrole"""
_EXECUTE: LiteralString = """
select p.oid::text, r, case when has_function_privilege(r, p.oid, 'execute') then '*' else '' end
from pg_proc p, unnest(%(roles)s::text[]) r where p.oid = any (%(oids)s::oid[]) and p.proowner <> r::regrole"""
_STATE: LiteralString = """
select n.nspname || '.' || c.relname, c.relrowsecurity::text, c.relforcerowsecurity::text,
       coalesce((select string_agg(t.tgname, ' ' order by t.tgname) from pg_trigger t
         where t.tgrelid = c.oid and not t.tgisinternal and t.tgenabled in ('O', 'A')), '')
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.oid = any (%(oids)s::oid[]) and c.relkind in ('r', 'p')"""


def roles(world: World) -> list[str]:
    """The roles of the proof: those of people, and others with a right."""
    found = dict.fromkeys(person.role for person in world.people)
    return [role for role in found if role not in world.catalog.owners]


def read(conn: psycopg.Connection, world: World, only: Iterable[str] | None = None) -> Facts:
    """The facts about all relations and functions, or about those with these names."""
    catalog = world.catalog
    names = set(only) if only is not None else None
    relations = [each.oid for each in catalog.relations.values() if names is None or each.name in names]
    functions = [each.oid for each in catalog.functions if names is None or each.name in names]
    given = {"roles": roles(world), "verbs": [*PRIVILEGES], "oids": relations}
    facts: dict[tuple[str, ...], str] = {}
    for name, role, verb, columns in conn.execute(_RIGHTS, given):
        facts["right", name, role, verb] = columns
    for name, role, right in conn.execute(_SEQUENCES, given):
        facts["right", name, role, "use"] = right
    for name, rls, forced, triggers in conn.execute(_STATE, given):
        facts["row-level security", name] = rls
        facts["force", name] = forced
        facts["triggers", name] = triggers
    for oid, role, right in conn.execute(_EXECUTE, {**given, "oids": functions}):
        facts["execute", oid, role] = right
    return facts


def granted(facts: Facts, relation: Relation, role: str, verb: str) -> tuple[str, ...]:
    """The columns that a role may select, insert or update."""
    if role == relation.owner:
        return tuple(relation.columns)
    found = facts.get(("right", relation.name, role, verb), "")
    return tuple(relation.columns) if found == "*" else tuple(found.split())


def cells(world: World) -> Iterator[Cell]:
    """One cell per fact."""
    declaration, catalog = world.declaration, world.catalog
    for relation in catalog.relations.values():
        if relation.kind == "S":
            yield from _sequence_cells(world, relation)
            continue
        entry = declaration.tables[relation.name]
        for role in roles(world):
            if role != relation.owner:
                yield from _right_cells(world, relation, entry, role)
        # A table of the tools, which no role may use: the cells above prove that.
        if relation.kind in ("r", "p") and (entry.can or relation.name not in world.links.shared):
            yield from _state_cells(relation, entry)


def execute_cells(world: World, function_oid: int, name: str, owner: str, entry: FunctionEntry) -> Iterator[Cell]:
    """Whether each role may execute a function exactly if the declaration says so."""
    names = {*entry.own, *entry.foreign}
    wanted = {person.role for person in world.people if names & {person.name, person.role}} | {*entry.roles}
    for role in roles(world):
        if role != owner:
            want = "*" if role in wanted else ""
            yield Cell(
                name,
                "execute",
                role,
                _expect(want, "may not execute it", "may execute it"),
                fact=("execute", str(function_oid), role),
            )


def wanted_columns(declaration: Declaration, world: World, relation: Relation, role: str, verb: str) -> str:
    """The right that the declaration gives a role: "*", columns, or ""."""
    entry = declaration.tables[relation.name]
    names = [person.name for person in world.people if person.role == role]
    if verb not in (*BY_COLUMN, "delete") or entry.grant(verb, *names, role) is None:
        return ""
    columns = entry.columns.get(role, {}).get(verb)
    return "*" if columns is None else " ".join(each for each in relation.columns if each in columns)


def _right_cells(world: World, relation: Relation, entry: TableEntry, role: str) -> Iterator[Cell]:
    for verb in PRIVILEGES:
        want = wanted_columns(world.declaration, world, relation, role, verb)
        have = f"has no right to {verb} {'it' if want == '*' else want}"
        yield Cell(
            relation.name,
            f"{verb} right",
            role,
            _expect(want, have, f"may {verb}"),
            fact=("right", relation.name, role, verb),
        )


def _sequence_cells(world: World, sequence: Relation) -> Iterator[Cell]:
    allowed = world.declaration.sequences.get(sequence.name, ())
    for role in roles(world):
        if role != sequence.owner:
            want = "*" if role in allowed else ""
            judge = _expect(want, "may not use it", "may use it: its values tell how many rows all tenants have")
            yield Cell(sequence.name, "use", role, judge, fact=("right", sequence.name, role, "use"))


def _state_cells(relation: Relation, entry: TableEntry) -> Iterator[Cell]:
    name = relation.name
    yield Cell(name, "row-level security", "", _expect("true", "is not enabled", ""), fact=("row-level security", name))
    if not relation.owner_bypasses:
        problem = "is not forced, so it does not apply to the owner"
        yield Cell(name, "force", "", _expect("true", problem, ""), fact=("force", name))
    for trigger in entry.triggers:
        yield Cell(name, f"trigger {trigger}", "", _has_word(trigger), fact=("triggers", name))


def _expect(want: str, missing: str, extra: str) -> Judge:
    """Compares a fact: "*", names of columns, or "" for nothing."""

    def judge(outcome: Outcome) -> str | None:
        found = outcome.answer or ""
        if found == want:
            return None
        more = {*found.split()} - {*want.split()}
        if extra and more and want != "*":
            columns = "" if found == "*" else f" ({found})"
            limit = f", and only {want} is declared" if want else ", and nothing is declared"
            return f"{extra}{columns}{limit}"
        return missing

    return judge


def _has_word(word: str) -> Judge:
    def judge(outcome: Outcome) -> str | None:
        return None if word in (outcome.answer or "").split() else "is missing or disabled"

    return judge


def names(catalog: Catalog, kinds: Sequence[str]) -> list[str]:
    """The names of the relations of these kinds."""
    return [each.name for each in catalog.relations.values() if each.kind in kinds]
