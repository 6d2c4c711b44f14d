"""Compares the parameters of a statement with what the call gives to it."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from org_common.db.protocol.errors import StatementFailed
from org_common.db.protocol.placeholders import StatementError
from org_common.db.protocol.statement import Statement
from org_common.tools.check.code.given import Given, Unknown
from org_common.tools.check.code.samples import ANY, is_optional, literals, sample
from org_common.tools.check.columns import Problem, spelled
from org_common.tools.check.planner import Described, Planner
from org_common.tools.check.tree.catalog import Catalog
from org_common.tools.check.tree.values import column_values
from org_common.values.annotations import members

# Types whose text form is not any string: a `str` for them is valid or not by its value.
_PARSED = frozenset({"B", "D", "N", "T"})
_PARSED_TOO = frozenset({"uuid", "json", "jsonb"})


def missing(statement: Statement, given: Given) -> Iterator[Problem]:
    """The parameters that the call does not give."""
    if not given.is_complete:
        return
    for name in dict.fromkeys(statement.names):
        if name not in given.types:
            near = get_close_matches(name, given.types, 1)
            meant = f"did you mean {near[0]}? Otherwise " if near else ""
            listed = ", ".join(given.types) or "none"
            yield Problem(
                "parameters.missing",
                f"the parameter %({name})s is missing: given are {listed}",
                f"{meant}add it to the parameters of the call",
                f"%({name})s",
            )


def bind(statement: Statement, given: Given, *, nulls: bool = False) -> tuple[int, ...] | Problem:
    """The types that the SDK would send the parameters with. With `nulls`, None for each that can be None."""
    names = list(dict.fromkeys(statement.names))
    values = {name: _value(given.types.get(name, Unknown), nulls=nulls) for name in names}
    params: Any = values
    if given.model is not None and not any(value is ANY for value in values.values()):
        params = given.model.model_construct(**values)
    try:
        return statement.bind(params)[2]
    except StatementError as error:
        return Problem("parameters.type", str(error), "change the type of the parameter, or the statement")


def _value(annotation: Any, *, nulls: bool) -> Any:
    return None if nulls and is_optional(annotation) else sample(annotation)


def compare_nulls(planner: Planner, statement: Statement, given: Given) -> Iterator[Problem]:
    """Whether PostgreSQL still knows the types where a parameter is None, which is sent without a type."""
    optional = [name for name in dict.fromkeys(statement.names) if is_optional(given.types.get(name, Unknown))]
    oids = bind(statement, given, nulls=True)
    if not optional or isinstance(oids, Problem):
        return
    failed = planner.describe(statement.command, oids)
    if isinstance(failed, StatementFailed):
        text = failed.origin.named(failed.message) if failed.origin else failed.message
        yield Problem(
            "parameters.null",
            f"{text}, when {', '.join(f'%({name})s' for name in optional)} is None",
            f"cast the parameter to its type, as in %({optional[0]})s::text",
            f"%({optional[0]})s",
        )


def compare(statement: Statement, given: Given, described: Described, catalog: Catalog) -> Iterator[Problem]:
    """Whether the values of the parameters have the types that PostgreSQL wants."""
    seen: set[str] = set()
    for name, oid in zip(statement.names, described.parameter_types(), strict=True):
        annotation = given.types.get(name, Unknown)
        if name not in seen:
            found = list(_compare(name, annotation, oid, catalog))
            seen |= {name for _ in found}
            yield from found
    for at, table, column in described.query.written() if described.query is not None else ():
        name = statement.names[at]
        given_values = literals(given.types.get(name, Unknown))
        stored = column_values(catalog, table, column)
        if name not in seen and given_values is not None and stored is not None and given_values - stored:
            seen.add(name)
            where = f"the column {catalog.tables[table]}.{catalog.columns[table, column].name}"
            yield _unknown_values(name, where, given_values - stored)


def _compare(name: str, annotation: Any, oid: int, catalog: Catalog) -> Iterator[Problem]:
    wanted = catalog.types.get(catalog.base(oid))
    if annotation is Unknown or wanted is None:
        return
    given, labels = literals(annotation), catalog.enum(oid)
    if given is not None and labels is not None and given - labels:
        yield _unknown_values(name, f"the type of %({name})s, {wanted.name},", given - labels)
    elif (wanted.category in _PARSED or wanted.short in _PARSED_TOO) and list(members(annotation)) == [str]:
        yield Problem(
            "parameters.type",
            f"the parameter %({name})s is {wanted.name} in the database, and {spelled(annotation)} in the code",
            f"give it a value of that type, or cast it: %({name})s::text",
            f"%({name})s",
        )


def _unknown_values(name: str, where: str, values: frozenset[str]) -> Problem:
    return Problem(
        "parameters.values",
        f"{where} has no value {', '.join(map(repr, sorted(values)))}",
        "remove it from the type of the parameter, or allow it in a migration",
        f"%({name})s",
    )
