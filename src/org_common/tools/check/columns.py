"""Compares the columns of a statement with the fields of the model that they fill."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

from psycopg.pq import Format

from org_common.db import rows
from org_common.db.protocol.parameters import CONTEXT
from org_common.db.protocol.placeholders import StatementError
from org_common.tools.check.code.samples import is_optional, literals
from org_common.tools.check.planner import Described
from org_common.tools.check.tree.catalog import Catalog
from org_common.tools.check.tree.nullable import nullability
from org_common.tools.check.tree.values import Values, column_values, domain_values, values
from org_common.tools.database.statements import tokens
from org_common.values.annotations import is_object, is_sequence, members


class Problem(NamedTuple):
    """What is wrong with a statement, before its place is known."""

    id: str
    text: str
    fix: str
    word: str = ""
    """The word of the SQL that it is about."""


# What psycopg makes of the types of PostgreSQL; any other type is a string.
_PYTHON: dict[str, Any] = {
    **dict.fromkeys(("int2", "int4", "int8", "oid"), int),
    **dict.fromkeys(("float4", "float8"), float),
    **dict.fromkeys(("text", "varchar", "bpchar", "name"), str),
    **dict.fromkeys(("timestamp", "timestamptz"), datetime.datetime),
    **dict.fromkeys(("time", "timetz"), datetime.time),
    "bool": bool,
    "bytea": bytes,
    "date": datetime.date,
    "interval": datetime.timedelta,
    "numeric": Decimal,
    "uuid": uuid.UUID,
}
# A field of the first type accepts values of the others: pydantic parses strings, and reads whole numbers as int.
_ACCEPTS: dict[Any, frozenset[Any]] = {
    bool: frozenset({bool, str}),
    bytes: frozenset({bytes}),
    datetime.date: frozenset({datetime.date, str}),
    datetime.datetime: frozenset({datetime.datetime, datetime.date, str}),
    datetime.time: frozenset({datetime.time, str}),
    datetime.timedelta: frozenset({datetime.timedelta, str}),
    Decimal: frozenset({Decimal, int, float, str}),
    float: frozenset({float, int, Decimal, str}),
    int: frozenset({int, Decimal, float, str, bool}),
    str: frozenset({str}),
    uuid.UUID: frozenset({uuid.UUID, str}),
}


def compare(model: Any, described: Described, catalog: Catalog) -> Iterator[Problem]:
    """What does not fit: missing and unknown columns, types, nulls, and values of enums and CHECK constraints."""
    result = described.result
    try:
        rows.load(model, result)
    except StatementError as error:
        text, _, fix = str(error).partition(" (")
        yield Problem("columns.model", text, fix.rstrip(")") or "select the model's fields, each once")
        return
    fields = model.__pydantic_fields__
    for at in range(result.nfields):
        name = (result.fname(at) or b"").decode()
        annotation = fields[name].annotation
        where = f"{model.__name__}.{name}"
        yield from _compare_type(where, name, annotation, result.ftype(at), catalog)
        yield from _compare_null(where, name, annotation, described, at)
        yield from _compare_values(where, name, annotation, described, at, catalog)


def _compare_type(where: str, name: str, annotation: Any, oid: int, catalog: Catalog) -> Iterator[Problem]:
    kinds = list(members(annotation))
    loaded = _loaded(catalog, oid)
    if loaded is None or not kinds or any(_accepts(kind, loaded) for kind in kinds):
        return
    yield Problem(
        "columns.type",
        f"the column {name} is {catalog.type_name(oid)}, the field {where} is {spelled(annotation)}",
        f"change the field, or cast the column: {name}::text for a str",
        name,
    )


def _accepts(kind: Any, loaded: Any) -> bool:
    if loaded in ("json", "list"):
        # JSON may be any value; an array is a list.
        return loaded == "json" or is_sequence(kind) or is_object(kind) or kind not in _ACCEPTS
    if is_sequence(kind) or (is_object(kind) and kind not in (Any, object)):
        return loaded is str and is_sequence(kind)
    return kind not in _ACCEPTS or loaded in _ACCEPTS[kind]


def _loaded(catalog: Catalog, oid: int) -> Any:
    """The Python type of a column's values, "json" or "list"; None if it is not known."""
    found = catalog.types.get(catalog.base(oid))
    if found is None or found.kind in "cpr":
        return None
    if found.short in ("json", "jsonb"):
        return "json"
    if found.category == "A":
        return "list"
    if found.short in _PYTHON:
        return _PYTHON[found.short]
    return str if CONTEXT.adapters.get_loader(catalog.base(oid), Format.TEXT) is None and found.kind == "e" else None


def _compare_null(where: str, name: str, annotation: Any, described: Described, at: int) -> Iterator[Problem]:
    if described.query is None or is_optional(annotation) or annotation in (Any, object):
        return
    verdict = nullability(described.query, at)
    if verdict.is_null:
        yield Problem(
            "columns.null",
            f"the column {name} can be null, and the field {where} is {spelled(annotation)}: {verdict.why}",
            f"annotate the field `{spelled(annotation)} | None`, or leave such rows out: where {name} is not null",
            name,
        )


def _compare_values(
    where: str, name: str, annotation: Any, described: Described, at: int, catalog: Catalog
) -> Iterator[Problem]:
    allowed = literals(annotation)
    if allowed is None:
        return
    stored = _values(described, at, catalog)
    unknown = sorted((stored or frozenset()) - allowed)
    if unknown:
        yield Problem(
            "columns.values",
            f"the column {name} can be {', '.join(map(repr, unknown))}, which the field {where} does not accept",
            f"add {'it' if len(unknown) == 1 else 'them'} to the field's type, or leave such rows out of the SELECT",
            name,
        )


def _values(described: Described, at: int, catalog: Catalog) -> Values:
    if described.query is not None:
        return values(described.query, at)
    table, column = described.result.ftable(at), described.result.ftablecol(at)
    return column_values(catalog, table, column) if table else domain_values(catalog, described.result.ftype(at))


def spelled(annotation: Any) -> str:
    """An annotation as code."""
    return annotation.__name__ if isinstance(annotation, type) else str(annotation).replace("typing.", "")


def has_star(text: str) -> bool:
    """Whether the outermost SELECT or RETURNING has `*` or `t.*` among its columns."""
    depth, before = 0, ""
    for token in tokens(text):
        depth += {"(": 1, ")": -1}.get(token.keyword, 0)
        if depth == 0:
            if token.keyword == "*" and before in ("select", "returning", ",", ".", "distinct", "all"):
                return True
            before = token.keyword
    return False
