"""Which columns of a result can be null: through outer joins, views, CTEs, subqueries and expressions.

A row description of PostgreSQL has no flag for it, and `attnotnull` alone is wrong behind an outer join and absent for
views. An expression that may or may not be null, such as the result of a function, is not reported.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from org_common.tools.check.tree.node import Node
from org_common.tools.check.tree.query import (
    CTE,
    FUNCTION,
    GROUP,
    JOIN,
    RELATION,
    SUBQUERY,
    VALUES,
    WRAPPERS,
    Query,
)


class Verdict(NamedTuple):
    """Whether an expression can be null, as far as the tree says."""

    is_null: bool | None
    """True if a row with null can exist, False if none can, None if unknown."""
    why: str = ""
    """What makes it null, such as "org_role is on the nullable side of a left join"."""


NEVER, UNKNOWN = Verdict(is_null=False), Verdict(is_null=None)
_COUNTS = frozenset({"count", "row_number", "rank", "dense_rank", "ntile", "percent_rank", "cume_dist"})
_NULL_WITHOUT_ROWS = frozenset(
    {"sum", "min", "max", "avg", "array_agg", "string_agg", "json_agg", "jsonb_agg", "bool_and", "bool_or", "every"}
)
# Of JSON: null where the key is missing.
_MAY_MISS = frozenset(
    f"{kind}_{name}"
    for kind in ("json", "jsonb")
    for name in ("object_field", "object_field_text", "array_element", "array_element_text", "extract_path_text")
)
_NEVER_NULL = frozenset(
    {"NULLTEST", "BOOLEANTEST", "DISTINCTEXPR", "ARRAYEXPR", "ROWEXPR", "SQLVALUEFUNCTION", "NEXTVALUEEXPR"}
)
# Kinds of subqueries in expressions (primnodes.h, SubLinkType).
_EXISTS, _SCALAR, _ARRAY = 0, 4, 6


def nullability(query: Query, at: int) -> Verdict:
    """Whether a column of the result, from 0, can be null."""
    if branches := query.branches():
        return _any(nullability(branch, at) for branch in branches)
    return _of(query, query.outputs[at])


def _of(query: Query, expression: Node) -> Verdict:
    kind = expression.kind
    if kind in _NEVER_NULL:
        return NEVER
    if kind in WRAPPERS:
        return _of(query, expression[WRAPPERS[kind]])
    find: Any = _FINDERS.get(kind)
    return UNKNOWN if find is None else find(query, expression)


def _constant(query: Query, constant: Node) -> Verdict:
    return Verdict(is_null=True, why="it is null in the statement") if constant.is_true("constisnull") else NEVER


def _domain(query: Query, cast: Node) -> Verdict:
    domain = query.catalog.types.get(cast.number("resulttype"))
    return NEVER if domain and domain.is_not_null else _of(query, cast["arg"])


def _variable(query: Query, variable: Node) -> Verdict:
    holder = query.up(variable.number("varlevelsup"))
    number, column = variable.number("varno"), variable.number("varattno")
    entry = holder.entry(number)
    if (number, column) in holder.not_null:
        return NEVER
    if number in holder.nulled and entry["rtekind"] != JOIN:
        name = entry["eref"]["aliasname"]
        return Verdict(is_null=True, why=f"{name} is on the nullable side of a {holder.nulled[number]} join")
    if variable.number("varreturningtype") == 1:
        return Verdict(is_null=True, why="the old row of an INSERT is null")
    return NEVER if column <= 0 else _column(holder, entry, column)


def _column(query: Query, entry: Node, column: int) -> Verdict:
    match entry["rtekind"]:
        case "0":
            return _table_column(query, entry.number("relid"), column)
        case "1":
            return nullability(query.subquery(entry), column - 1)
        case "2":
            return _of(query, entry.items("joinaliasvars")[column - 1])
        case "6":
            cte = query.cte(entry)
            return UNKNOWN if cte is None else nullability(cte, column - 1)
        case "9":
            return _of(query, entry.items("groupexprs")[column - 1])
        case "5":
            return _any(_of(query, row[column - 1]) for row in entry.items("values_lists"))
        case "3":
            return _function_column(query, entry, column)
        case _:
            return UNKNOWN


assert (RELATION, SUBQUERY, JOIN, CTE, GROUP, VALUES, FUNCTION) == ("0", "1", "2", "6", "9", "5", "3")


def _table_column(query: Query, table: int, column: int) -> Verdict:
    found = query.catalog.columns.get((table, column))
    if found is None:
        return UNKNOWN
    name = f"{query.catalog.tables.get(table, table)}.{found.name}"
    return NEVER if found.is_not_null else Verdict(is_null=True, why=f"{name} is nullable")


def _function_column(query: Query, entry: Node, column: int) -> Verdict:
    """A function that returns rows of a table fills them like the table; any other result is unknown."""
    functions = entry.items("functions")
    call = functions[0]["funcexpr"] if len(functions) == 1 else None
    if call is None or call.kind != "FUNCEXPR":
        return UNKNOWN
    result = query.catalog.types.get(call.number("funcresulttype"))
    return _table_column(query, result.table, column) if result and result.table else UNKNOWN


def _call(query: Query, call: Node) -> Verdict:
    """A strict function or operator is null where an argument is."""
    function = query.catalog.functions.get(call.number("funcid") or call.number("opfuncid"))
    if function is not None and function.name in _MAY_MISS:
        return Verdict(is_null=True, why="a key of JSON may be missing")
    if function is None or not function.is_strict:
        return UNKNOWN
    return next((each for each in map(_bound(query), call.items("args")) if each.is_null), UNKNOWN)


def _aggregate(query: Query, aggregate: Node) -> Verdict:
    function = query.catalog.functions.get(aggregate.number("aggfnoid") or aggregate.number("winfnoid"))
    name = function.name if function else ""
    if name in _COUNTS:
        return NEVER
    if name not in _NULL_WITHOUT_ROWS:
        return UNKNOWN
    if aggregate.kind == "AGGREF" and not query.node.items("groupClause"):
        return Verdict(is_null=True, why=f"{name}() of no rows is null")
    if aggregate["aggfilter"] is not None:
        return Verdict(is_null=True, why=f"{name}() of no rows that pass its FILTER is null")
    if name.endswith("_agg") and name != "string_agg":
        return NEVER
    arguments = [each["expr"] if each.kind == "TARGETENTRY" else each for each in aggregate.items("args")]
    return _of(query, arguments[0]) if arguments else UNKNOWN


def _case(query: Query, case: Node) -> Verdict:
    results = [_of(query, when["result"]) for when in case.items("args")]
    default: Node | None = case["defresult"]
    missing = Verdict(is_null=True, why="CASE without ELSE is null where no condition is true")
    is_missing = default is None or (default.kind == "CONST" and default.is_true("constisnull"))
    return _any([*results, missing if default is None or is_missing else _of(query, default)])


def _coalesce(query: Query, coalesce: Node) -> Verdict:
    verdicts = [_of(query, each) for each in coalesce.items("args")]
    if any(each.is_null is False for each in verdicts):
        return NEVER
    return verdicts[-1] if all(each.is_null for each in verdicts) else UNKNOWN


def _null_if(query: Query, expression: Node) -> Verdict:
    return Verdict(is_null=True, why="nullif() is null where both are equal")


def _subquery(query: Query, link: Node) -> Verdict:
    kind = link.number("subLinkType")
    if kind in (_EXISTS, _ARRAY):
        return NEVER
    if kind != _SCALAR:
        return UNKNOWN
    inner = Query(link["subselect"], query.catalog, query)
    has_one_row = not inner.node.items("rtable") or (
        inner.node.is_true("hasAggs") and not inner.node.items("groupClause") and inner.node["havingQual"] is None
    )
    if not has_one_row:
        return Verdict(is_null=True, why="a scalar subquery without a row is null")
    return nullability(inner, 0)


def _bound(query: Query) -> Any:
    return lambda expression: _of(query, expression)


def _any(verdicts: Iterable[Verdict]) -> Verdict:
    """Null if one of them is; never null only if none is."""
    found = list(verdicts)
    if null := next((each for each in found if each.is_null), None):
        return null
    return NEVER if all(each.is_null is False for each in found) else UNKNOWN


_FINDERS = {
    "CONST": _constant,
    "VAR": _variable,
    "COERCETODOMAIN": _domain,
    "FUNCEXPR": _call,
    "OPEXPR": _call,
    "AGGREF": _aggregate,
    "WINDOWFUNC": _aggregate,
    "CASEEXPR": _case,
    "COALESCEEXPR": _coalesce,
    "NULLIFEXPR": _null_if,
    "SUBLINK": _subquery,
}
