"""The statements of a project, as `org-common db check` finds them, with the columns that their parameters are for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from org_common.app import App
from org_common.db.protocol.errors import StatementFailed
from org_common.db.protocol.placeholders import StatementError
from org_common.db.protocol.statement import Statement, prepare
from org_common.tools.check import order, parameters
from org_common.tools.check.check import Use, collect
from org_common.tools.check.code.evaluate import UnresolvedError
from org_common.tools.check.code.given import Given, given
from org_common.tools.check.code.sources import load_sources
from org_common.tools.check.columns import Problem
from org_common.tools.check.planner import Described, Planner
from org_common.tools.check.tree.node import Node
from org_common.tools.check.tree.query import WRAPPERS, Query, base_column
from org_common.tools.project.modules import display_path
from org_common.tools.project.project import Project


@dataclass(frozen=True)
class Parameter:
    """A parameter of a statement."""

    name: str
    """Its name in the code."""
    type: int
    """The OID of its type."""
    type_name: str
    """The type as SQL writes it; of an array, that of its items."""
    is_array: bool
    """Whether it is an array."""
    labels: tuple[str, ...] = ()
    """Of an enum: its values."""
    columns: tuple[tuple[str, str], ...] = ()
    """The tables and columns that it is compared with or written to."""


@dataclass(frozen=True)
class Asked:
    """A statement, the role that runs it, and what it needs."""

    place: str
    """`FILE:LINE` of the SQL."""
    title: str
    """The name of the constant that holds it, or its first words."""
    role: str
    """The role of the database that runs it."""
    command: bytes = b""
    """The SQL with `$1` for parameters."""
    parameters: tuple[Parameter, ...] = ()
    """Its parameters, in order."""
    tables: tuple[str, ...] = ()
    """The tables that it names."""
    writes: bool = False
    """Whether it changes rows itself, and is only planned."""
    skipped: str = ""
    """Why it is not measured."""


@dataclass
class Statements:
    """What was found in the project."""

    asked: list[Asked] = field(default_factory=list[Asked])
    """Each statement for each role, once."""
    computed: list[str] = field(default_factory=list[str])
    """`FILE:LINE` of calls whose SQL is computed at run time."""
    search_path: str = ""
    """The search path of the functions."""


def find(project: Project, apps: Sequence[App], planner: Planner, search_path: str = "") -> Statements:
    """The statements of a project's apps, described by a database with its migrations."""
    uses, computed = collect(apps, load_sources(project))
    found: dict[tuple[bytes, str], Asked] = {}
    for use in uses:
        for statement, types in _forms(use):
            for role in use.roles:
                key = (statement.command, role)
                if key not in found or found[key].skipped:
                    found[key] = _asked(use, role, statement, types, planner)
    return Statements([*found.values()], computed, search_path)


def _forms(use: Use) -> Iterator[tuple[Statement, Given]]:
    """The statement; of a list, the first page in each order. None for one that `db check` refuses."""
    types = given(use.call)
    try:
        statement = prepare(use.sql.value)  # type: ignore[arg-type]
        if use.call.method != "page" or use.call.model is None:
            yield statement, types
            return
        for model in use.call.scope.objects(use.call.model):
            for sort in order.sorts(use.call, model):
                page = order.paged(use.sql.value, sort)
                if isinstance(page, Statement):
                    yield page, Given({**types.types, "_limit": int}, is_complete=types.is_complete)
    except (StatementError, UnresolvedError, TypeError):
        return


def _asked(use: Use, role: str, statement: Statement, types: Given, planner: Planner) -> Asked:
    place = use.sql.place()
    asked = Asked(f"{display_path(place.file)}:{place.line}", use.sql.title, role)
    if role not in planner.roles:
        return _skipped(asked, f"the login is not a member of {role}")
    oids = parameters.bind(statement, types)
    if isinstance(oids, Problem):
        return _skipped(asked, f"db check: {oids.text}")
    with planner.transaction(role):
        described = planner.describe(statement.command, oids, tree=True)
    if isinstance(described, StatementFailed):
        return _skipped(asked, f"db check: {described.message}")
    columns = _columns(described.query)
    found = [
        _parameter(planner, name, oid, columns.get(at, []))
        for at, (name, oid) in enumerate(zip(statement.names, described.parameter_types(), strict=True))
    ]
    return Asked(
        asked.place,
        asked.title,
        role,
        statement.command,
        tuple(found),
        tuple(_tables(described)),
        writes=described.query is not None and described.query.writes,
    )


def _skipped(asked: Asked, why: str) -> Asked:
    return Asked(asked.place, asked.title, asked.role, skipped=why)


def _parameter(planner: Planner, name: str, oid: int, columns: Sequence[tuple[int, int]]) -> Parameter:
    catalog = planner.catalog
    base = catalog.base(oid)
    kind = catalog.types.get(base)
    item = kind.item if kind is not None and kind.category == "A" else 0
    at = [(_qualified(catalog.tables[table]), catalog.columns[table, number].name) for table, number in columns]
    labels = tuple(catalog.labels.get(catalog.base(item or oid), {}).values())
    return Parameter(name, base, catalog.type_name(catalog.base(item or oid)), item > 0, labels, tuple(at))


def _tables(described: Described) -> Iterator[str]:
    query = described.query
    if query is not None:
        oids = [node.number("relid") for node in query.node.walk() if node["rtekind"] == "0"]
        names = (query.catalog.tables[oid] for oid in oids if oid in query.catalog.tables)
        yield from dict.fromkeys(_qualified(name) for name in names)


def _qualified(name: str) -> str:
    """The name of a table with its schema, which the search path of the connection may leave out."""
    return name if "." in name else f"public.{name}"


def _columns(query: Query | None) -> dict[int, list[tuple[int, int]]]:
    """The tables' columns that each parameter, from 0, is compared with or written to."""
    found: dict[int, list[tuple[int, int]]] = {}
    if query is not None:
        for inner in _queries(query, query.node):
            for at, table, number in inner.written():
                found.setdefault(at, []).append((table, number))
            for at, column in _compared(inner, inner.node):
                if column in query.catalog.columns:
                    found.setdefault(at, []).append(column)
    return found


def _queries(query: Query, tree: Node) -> Iterator[Query]:
    """A query and those within it."""
    if tree is query.node:
        yield query
    for child in tree.children():
        if child.kind == "QUERY":
            inner = Query(child, query.catalog, query)
            yield from _queries(inner, child)
        else:
            yield from _queries(query, child)


def _compared(query: Query, tree: Node) -> Iterator[tuple[int, tuple[int, int]]]:
    """The parameters that conditions of one query compare with a column of a table."""
    for child in tree.children():
        if child.kind == "QUERY":
            continue
        if child.kind in ("OPEXPR", "SCALARARRAYOPEXPR", "DISTINCTEXPR"):
            sides = [_unwrapped(each) for each in child.items("args")]
            given_ = [each.number("paramid") - 1 for each in sides if _is_parameter(each)]
            for var in (each for each in sides if each.kind == "VAR"):
                if (column := _column(query, var)) is not None:
                    yield from ((at, column) for at in given_)
        yield from _compared(query, child)


def _column(query: Query, var: Node) -> tuple[int, int] | None:
    holder = query.up(var.number("varlevelsup"))
    number = var.number("varattno")
    if number <= 0 or not 0 < var.number("varno") <= len(holder.node.items("rtable")):
        return None
    entry = holder.entry(var.number("varno"))
    match entry["rtekind"]:
        case "0":
            return entry.number("relid"), number
        case "1" | "6":
            inner = holder.subquery(entry) if entry["rtekind"] == "1" else holder.cte(entry)
            base = base_column(inner, number - 1) if inner is not None and number <= len(inner.outputs) else None
            return base[2] if base is not None else None
        case _:
            return None


def _is_parameter(node: Node) -> bool:
    return node.kind == "PARAM" and node.number("paramkind") == 0


def _unwrapped(node: Node) -> Node:
    while node.kind in WRAPPERS and isinstance(inner := node[WRAPPERS[node.kind]], Node):
        node = inner
    return node
