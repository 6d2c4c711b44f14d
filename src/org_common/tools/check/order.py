"""Whether an index has the order of a keyset page. Without one, each page reads and sorts all rows of the list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from org_common.db.keyset import Sort, page_statement, sort_by
from org_common.db.protocol.errors import StatementFailed
from org_common.db.protocol.placeholders import StatementError
from org_common.db.protocol.statement import Statement
from org_common.tools.check.code.calls import Call
from org_common.tools.check.code.evaluate import UnresolvedError
from org_common.tools.check.columns import Problem
from org_common.tools.check.planner import Described
from org_common.tools.check.tree.query import Query, base_column, column_of


def sorts(call: Call, model: Any) -> list[Sort]:
    """The sort orders of a call of `page()`; empty if they are computed at run time.

    Raises `TypeError` and `StatementError` as the call would.
    """
    by, descending = call.keyword("by"), call.keyword("descending")
    try:
        orders = call.scope.objects(by) if by is not None else []
        reversed_ = call.scope.objects(descending)[0] if descending is not None else False
    except UnresolvedError:
        return []
    return [sort_by(model, order, descending=bool(reversed_)) for order in orders]


def paged(value: Any, sort: Sort) -> Statement | Problem:
    """The statement of a first page, or why there is none."""
    try:
        return page_statement(value, sort, None)
    except StatementError as error:
        return Problem("page.sort", str(error), "leave out ORDER BY and LIMIT, or write a subquery around them")


def failure(failed: StatementFailed) -> Problem:
    """A list that cannot be sorted: a type without an order, for example."""
    return Problem("page.sort", failed.message, "sort by columns that have an order, such as text, uuid, timestamptz")


def unindexed(described: Described, sort: Sort, plan: Mapping[str, Any]) -> Iterator[Problem]:
    """A list of one table's columns that PostgreSQL can only sort.

    An order by expressions, by functions' results or by columns of several tables can have no index.
    """
    query = described.query
    if query is None or not _has_sort(plan):
        return
    names = [(described.result.fname(at) or b"").decode() for at in range(described.result.nfields)]
    found = [base_column(query, names.index(name)) for name in sort.names if name in names]
    places = {(id(each[0].node), each[1]) for each in found if each is not None}
    if None in found or len(places) != 1:
        return
    holder, entry, (table, _) = next(each for each in found if each is not None)
    columns = [query.catalog.columns[each[2]].name for each in found if each is not None]
    equal = [name for name in _equal(holder, entry, table) if name not in columns]
    signs = ["" if column.descending == sort.columns[0].descending else " desc" for column in sort.columns]
    index = ", ".join([*equal, *(name + sign for name, sign in zip(columns, signs, strict=True))])
    name = query.catalog.tables.get(table, str(table))
    yield Problem(
        "page.index",
        f"no index of {name} has the order of the list, {sort}",
        f"create index on {name} ({index})",
    )


def _has_sort(plan: Mapping[str, Any]) -> bool:
    """Whether a LIMIT gets its rows from a sort of all rows. A sort within groups of an index's order is cheap."""
    limited = plan["Node Type"] == "Limit"
    children: Sequence[Mapping[str, Any]] = plan.get("Plans", ())
    while (
        limited and len(children) == 1 and children[0]["Node Type"] in ("Limit", "Result", "Subquery Scan", "WindowAgg")
    ):
        children = children[0].get("Plans", ())
    if limited and children and children[0]["Node Type"] == "Sort":
        return True
    return any(_has_sort(each) for each in plan.get("Plans", ()))


def _equal(query: Query, entry: int, table: int) -> Iterator[str]:
    """The columns of a table that the statement compares with a parameter."""
    for condition in query.conditions():
        for node in condition.walk():
            function = query.catalog.functions.get(node.number("opfuncid")) if node.kind == "OPEXPR" else None
            arguments = node.items("args")
            if function is None or not function.name.endswith("eq") or len(arguments) != 2:
                continue
            column = column_of(arguments[0]) or column_of(arguments[1])
            if column and column[0] == entry and any(each.kind == "PARAM" for each in arguments):
                yield query.catalog.columns[table, column[1]].name
