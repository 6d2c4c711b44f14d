"""Changes that make a schema less safe or that break it: the proof must notice each of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import LiteralString

import psycopg
from psycopg import sql

from org_common.tools.prove.catalog import Function, Relation
from org_common.tools.prove.operands import without_each
from org_common.tools.prove.rows.world import World

REQUIRE = re.compile(r"\bperform\s+[\w.]*\brequire(?:_member|_role|_admin|_owner)?\s*\(", re.IGNORECASE)
EXISTS = re.compile(r"\(\s*case when (?:found|\w+ is not null) then true end\s*\)", re.IGNORECASE)
CALLER = re.compile(
    r"([\w.]+)\s*(?<![:<>!])=\s*(?:\(\s*select\s+(?:app|auth)\.uid\(\)\s*\)|(?:app|auth)\.uid\(\))", re.IGNORECASE
)
WIDENED = ("select", "insert", "update", "delete", "truncate")

_POLICIES: LiteralString = r"""
select n.nspname || '.' || c.relname, p.polname, p.polcmd::text,
       pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid),
       exists (select from unnest(p.polroles) r where r = 0 or has_any_column_privilege(r, c.oid, 'insert')),
       exists (select from unnest(p.polroles) r where r = 0 or has_any_column_privilege(r, c.oid, 'update')),
       coalesce(p.polqual::text = p.polwithcheck::text and p.polqual::text !~ '\{VAR ', false)
from pg_policy p join pg_class c on c.oid = p.polrelid join pg_namespace n on n.oid = c.relnamespace
where n.nspname || '.' || c.relname = any (%(names)s::text[]) order by 1, 2, 3"""
_GRANTS: LiteralString = """
select n.nspname || '.' || c.relname, null,
       case when a.grantee = 0 then 'public' else a.grantee::regrole::text end, lower(a.privilege_type)
from pg_class c join pg_namespace n on n.oid = c.relnamespace, aclexplode(c.relacl) a
where n.nspname || '.' || c.relname = any (%(names)s::text[]) and c.relkind <> 'S' and a.grantee <> c.relowner
union all
select n.nspname || '.' || c.relname, t.attname,
       case when a.grantee = 0 then 'public' else a.grantee::regrole::text end, lower(a.privilege_type)
from pg_attribute t join pg_class c on c.oid = t.attrelid join pg_namespace n on n.oid = c.relnamespace,
     aclexplode(t.attacl) a
where n.nspname || '.' || c.relname = any (%(names)s::text[]) and a.grantee <> c.relowner
order by 1, 2 nulls first, 3, 4"""


@dataclass(frozen=True)
class Mutation:
    """One change of the schema."""

    subject: str
    """Name of the table, view or function."""
    group: str
    """"policy", "operand", "grant", "force", "trigger", "function", "foreign key" or "view"."""
    description: str
    """What it changes."""
    statement: str
    """The SQL of the change."""


def of(conn: psycopg.Connection, world: World, *, operands: bool = False) -> Iterator[Mutation]:
    """All mutations of the tables, views and functions; with `operands`, those of parts of conditions, too."""
    yield from (each for each in _policies(conn, world) if operands or each.group != "operand")
    yield from _grants(conn, world)
    for relation in world.catalog.relations.values():
        if relation.kind in ("r", "p") and relation.has_rls:
            yield from _tables(relation)
        elif relation.kind == "v":
            name = _name(relation.name)
            text = f"alter view {name} set (security_invoker = false)"
            yield Mutation(relation.name, "view", "security_invoker is off", text)
    for function in world.catalog.functions:
        yield from _functions(conn, world, function)


def _policies(conn: psycopg.Connection, world: World) -> Iterator[Mutation]:
    for table, name, command, using, check, inserts, updates, same in conn.execute(_POLICIES, {"names": [*world.rows]}):
        where = f"{_quote(name)} on {_name(table)}"
        yield Mutation(table, "policy", f"policy {name} is dropped", f"drop policy {where}")
        # Two equal conditions that name no column: for an UPDATE, either refuses the caller without the other.
        if using not in (None, "true") and not (same and command == "w"):
            # Without WITH CHECK, USING applies to new rows too: keep that, so that one thing changes.
            keep = f" with check ({using})" if check is None and command in ("w", "*") else ""
            text = f"alter policy {where} using (true){keep}"
            yield Mutation(table, "policy", f"policy {name} lets all rows through", text)
            for operand, rest in without_each(using):
                text = f"alter policy {where} using ({rest}){keep}"
                yield Mutation(table, "operand", f"policy {name} reads without {operand}", text)
        # Without a right to insert or update, WITH CHECK is never asked.
        asked = (inserts and command in ("a", "*")) or (updates and command in ("w", "*") and not same)
        checked = check or using
        if asked and checked is not None and checked != "true":
            text = f"alter policy {where} with check (true)"
            yield Mutation(table, "policy", f"policy {name} accepts all new rows", text)
            for operand, rest in without_each(checked):
                text = f"alter policy {where} with check ({rest})"
                yield Mutation(table, "operand", f"policy {name} accepts without {operand}", text)


def _grants(conn: psycopg.Connection, world: World) -> Iterator[Mutation]:
    views = [each.name for each in world.catalog.relations.values() if each.kind in ("v", "m", "f")]
    for table, column, role, verb in conn.execute(_GRANTS, {"names": [*world.rows, *views]}):
        right = f"{verb} ({_quote(column)})" if column else verb
        yield Mutation(table, "grant", f"{role} loses {right}", f"revoke {right} on {_name(table)} from {role}")
    roles = [*dict.fromkeys(person.role for person in world.people if person.name in world.declaration.people)]
    for table in [*world.rows, *views]:
        for role in roles:
            for verb in WIDENED:
                row = conn.execute("select has_table_privilege(%s, %s, %s)", [role, _name(table), verb]).fetchone()
                if row and not row[0] and not (verb == "truncate" and table in views):
                    text = f"grant {verb} on {_name(table)} to {_quote(role)}"
                    yield Mutation(table, "grant", f"{role} gets {verb}", text)


def _tables(table: Relation) -> Iterator[Mutation]:
    name = _name(table.name)
    yield Mutation(table.name, "force", "row-level security is off", f"alter table {name} disable row level security")
    if not table.owner_bypasses:
        yield Mutation(table.name, "force", "FORCE is off", f"alter table {name} no force row level security")
    for trigger in table.triggers:
        text = f"alter table {name} disable trigger {_quote(trigger)}"
        yield Mutation(table.name, "trigger", f"trigger {trigger} is off", text)
    for key in table.keys:
        text = f"alter table {name} drop constraint {_quote(key.name)}"
        yield Mutation(table.name, "foreign key", f"foreign key {key.name} is dropped", text)


def _functions(conn: psycopg.Connection, world: World, function: Function) -> Iterator[Mutation]:
    signature = f"{_name(function.name)}({', '.join(function.types)})"
    for role in dict.fromkeys(person.role for person in world.people):
        row = conn.execute("select has_function_privilege(%s, %s::oid, 'execute')", [role, function.oid]).fetchone()
        if role not in (function.owner, *world.catalog.owners):
            verb, to = ("revoke", "from") if row and row[0] else ("grant", "to")
            text = f"{verb} execute on function {signature} {to} {_quote(role)}"
            says = f"{role} {'loses' if verb == 'revoke' else 'gets'} execute"
            yield Mutation(function.name, "function", says, text)
    found = conn.execute("select pg_get_functiondef(%s::oid)", [function.oid]).fetchone()
    if found and function.body:
        for at, (description, body) in enumerate(_weakened(function.body), 1):
            text = found[0].replace(function.body, body)
            yield Mutation(function.name, "function", f"{description} ({at})", text)


def _weakened(body: str) -> Iterator[tuple[str, str]]:
    """The body without one of its guards: a required rule, or the condition that a row is the caller's."""
    for match in REQUIRE.finditer(body):
        end = _closing(body, match.end())
        if EXISTS.fullmatch(body[match.end() - 1 : end]):
            continue  # "not found" instead of "forbidden": it asks nothing about the caller
        yield f"without {' '.join(body[match.start() : end].split())}", f"{body[: match.start()]}null{body[end:]}"
    for match in CALLER.finditer(body):
        if re.search(r"\bset\s[^;]*$", body[: match.start()], re.IGNORECASE) and not re.search(
            r"\bwhere\s[^;]*$", body[: match.start()], re.IGNORECASE
        ):
            continue  # an assignment
        yield f"without {match[0]}", f"{body[: match.start()]}{match[1]} is not null{body[match.end() :]}"


def _closing(text: str, start: int) -> int:
    """The position after the parenthesis that closes the one before `start`."""
    depth = 1
    for at in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        if depth == 0:
            return at + 1
    return len(text)


def _name(name: str) -> str:
    return sql.Identifier(*name.split(".", 1)).as_string()


def _quote(name: str) -> str:
    return sql.Identifier(name).as_string()
