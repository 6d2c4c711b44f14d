"""Which values a column of a result can have: those of its enum or CHECK constraint, and constants of the statement."""

from __future__ import annotations

from collections.abc import Iterable

from org_common.tools.check.tree.catalog import Catalog
from org_common.tools.check.tree.node import Node
from org_common.tools.check.tree.query import WRAPPERS, Query

Values = frozenset[str] | None
"""The values; None if any may occur."""


def values(query: Query, at: int) -> Values:
    """The values of a column of the result, from 0, without null."""
    if branches := query.branches():
        return _union(values(branch, at) for branch in branches)
    return _of(query, query.outputs[at])


def _of(query: Query, expression: Node) -> Values:
    match expression.kind:
        case "CONST":
            return _constant(query.catalog, expression)
        case "VAR":
            return _variable(query, expression)
        case "COERCETODOMAIN":
            return domain_values(query.catalog, expression.number("resulttype")) or _of(query, expression["arg"])
        case "CASEEXPR":
            results = [each["result"] for each in expression.items("args")] + [expression["defresult"]]
            return _union(_of(query, each) for each in results if each is not None)
        case "COALESCEEXPR":
            return _union(_of(query, each) for each in expression.items("args"))
        case "FUNCEXPR":
            return domain_values(query.catalog, expression.number("funcresulttype"))
        case "SUBLINK" if expression.number("subLinkType") == 4:
            return values(Query(expression["subselect"], query.catalog, query), 0)
        case kind if kind in WRAPPERS:
            return _of(query, expression[WRAPPERS[kind]])
        case _:
            return None


def _variable(query: Query, variable: Node) -> Values:
    holder = query.up(variable.number("varlevelsup"))
    number, column = variable.number("varno"), variable.number("varattno")
    if column <= 0 or (number, column) in holder.compared:
        return None
    entry = holder.entry(number)
    match entry["rtekind"]:
        case "0":
            return column_values(query.catalog, entry.number("relid"), column)
        case "1":
            return values(holder.subquery(entry), column - 1)
        case "2":
            return _of(holder, entry.items("joinaliasvars")[column - 1])
        case "6":
            cte = holder.cte(entry)
            return None if cte is None else values(cte, column - 1)
        case "9":
            return _of(holder, entry.items("groupexprs")[column - 1])
        case _:
            return domain_values(query.catalog, variable.number("vartype"))


def column_values(catalog: Catalog, table: int, column: int) -> Values:
    """The values that a column of a table can have, by its enum, its domain or a CHECK constraint."""
    found = catalog.columns.get((table, column))
    if found is None:
        return None
    allowed = domain_values(catalog, found.type)
    for check in catalog.checks.get((table, 0), []):
        listed = _listed(catalog, check, column)
        if listed is not None:
            allowed = listed if allowed is None else allowed & listed
    return allowed


def domain_values(catalog: Catalog, oid: int) -> Values:
    """The values of an enum, or of a domain with a CHECK constraint."""
    allowed = catalog.enum(oid)
    while (found := catalog.types.get(oid)) is not None and found.kind == "d":
        for check in catalog.checks.get((0, oid), []):
            listed = _listed(catalog, check, 0)
            if listed is not None:
                allowed = listed if allowed is None else allowed & listed
        oid = found.base
    return allowed


def _listed(catalog: Catalog, check: Node, column: int) -> Values:
    """The values of `column = any (array['a', 'b'])`; None for any other constraint. Column 0 is a domain's value."""
    if check.kind == "BOOLEXPR" and check["boolop"] in ("and", "or"):
        parts = [_listed(catalog, each, column) for each in check.items("args")]
        if check["boolop"] == "or":
            return _union(parts)
        return next((each for each in parts if each is not None), None)
    if check.kind == "NULLTEST" and check.number("nulltesttype") == 0 and _is_column(check["arg"], column):
        return frozenset()
    if check.kind not in ("SCALARARRAYOPEXPR", "OPEXPR") or len(check.items("args")) != 2:
        return None
    name = catalog.functions.get(check.number("opfuncid"))
    left, right = check.items("args")
    if name is None or not name.name.endswith("eq") or not _is_column(left, column):
        return None
    if check.kind == "OPEXPR":
        return _constant(catalog, right) if right.kind == "CONST" else None
    return _array(catalog, right) if check.is_true("useOr") else None


def _array(catalog: Catalog, expression: Node) -> Values:
    while expression.kind in WRAPPERS:
        expression = expression[WRAPPERS[expression.kind]]
    items = expression.items("elements") if expression.kind == "ARRAYEXPR" else []
    return _union([_item(catalog, each) for each in items]) if items else None


def _item(catalog: Catalog, expression: Node) -> Values:
    while expression.kind in WRAPPERS:
        expression = expression[WRAPPERS[expression.kind]]
    return _constant(catalog, expression) if expression.kind == "CONST" else None


def _is_column(expression: Node, column: int) -> bool:
    while expression.kind in WRAPPERS:
        expression = expression[WRAPPERS[expression.kind]]
    if column == 0:
        return expression.kind == "COERCETODOMAINVALUE"
    return expression.kind == "VAR" and expression.number("varattno") == column


def _constant(catalog: Catalog, constant: Node) -> Values:
    """A constant of a string type or an enum."""
    if constant.is_true("constisnull"):
        return frozenset()
    data = bytes(int(each) % 256 for each in constant.items("constvalue"))
    oid = constant.number("consttype")
    labels = catalog.labels.get(oid)
    if labels is not None:
        label = labels.get(int.from_bytes(data[:4], "little"))
        return None if label is None else frozenset({label})
    found = catalog.types.get(oid)
    if found is None or found.category not in ("S", "X") or constant.number("constlen") != -1:
        return None
    # The first four bytes are the length.
    return frozenset({data[4:].decode(errors="replace")})


def _union(parts: Iterable[Values]) -> Values:
    found = list(parts)
    if not found or any(each is None for each in found):
        return None
    return frozenset().union(*[each for each in found if each is not None])
