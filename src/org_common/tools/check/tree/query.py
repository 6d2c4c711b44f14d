"""One query of a parse tree: its output, its tables, its joins, and which columns a WHERE has shown not to be null."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from org_common.tools.check.tree.catalog import Catalog
from org_common.tools.check.tree.node import Node

SELECT = 1
# Kinds of range table entries (parsenodes.h, RTEKind). GROUP is of PostgreSQL 18.
RELATION, SUBQUERY, JOIN, FUNCTION, VALUES, CTE, GROUP = "0", "1", "2", "3", "5", "6", "9"
# Types of joins (nodes.h, JoinType).
INNER, LEFT, FULL, RIGHT = 0, 1, 2, 3
_COLUMN = tuple[int, int]
# Casts and the like: null exactly when their argument is.
WRAPPERS = {"RELABELTYPE": "arg", "COERCEVIAIO": "arg", "ARRAYCOERCEEXPR": "arg", "COLLATEEXPR": "arg"}


class Query:
    """One SELECT, INSERT, UPDATE, DELETE or MERGE within a tree."""

    def __init__(self, node: Node, catalog: Catalog, parent: Query | None = None) -> None:
        self.node = node
        self.catalog = catalog
        self.parent = parent

    @property
    def writes(self) -> bool:
        """Whether it changes rows, in a CTE or itself."""
        return self.node.number("commandType") != SELECT or self.node.is_true("hasModifyingCTE")

    @cached_property
    def outputs(self) -> list[Node]:
        """The expressions of the columns that it returns."""
        is_select = self.node.number("commandType") == SELECT
        targets = self.node.items("targetList" if is_select else "returningList")
        return [target["expr"] for target in targets if not target.is_true("resjunk")]

    def up(self, levels: int) -> Query:
        """The query around it, `levels` further out."""
        found = self
        for _ in range(levels):
            found = found.parent or found
        return found

    def entry(self, number: int) -> Node:
        """An entry of its range table, from 1."""
        return self.node.items("rtable")[number - 1]  # type: ignore[no-any-return]

    def subquery(self, entry: Node) -> Query:
        """The query of an entry: a subquery, or a view."""
        return Query(entry["subquery"], self.catalog, self)

    def cte(self, entry: Node) -> Query | None:
        """The query of a CTE's entry; None within the recursive term of the CTE itself."""
        holder = self.up(entry.number("ctelevelsup"))
        for cte in holder.node.items("cteList"):
            if cte["ctename"] == entry["ctename"]:
                return None if entry.is_true("self_reference") else Query(cte["ctequery"], self.catalog, holder)
        return None

    def branches(self) -> list[Query]:
        """The queries of a UNION, INTERSECT or EXCEPT; empty for any other query."""
        operations = self.node["setOperations"]
        if operations is None:
            return []
        return [self.subquery(self.entry(each.number("rtindex"))) for each in operations.walk() if _is_leaf(each)]

    def written(self) -> Iterator[tuple[int, int, int]]:
        """The parameters, from 0, that an INSERT or UPDATE writes unchanged, with the table and column."""
        target = self.node.number("resultRelation")
        if not target:
            return
        table = self.entry(target).number("relid")
        for each in self.node.items("targetList"):
            value = each["expr"]
            while value.kind in (*WRAPPERS, "COERCETODOMAIN"):
                value = value["arg"]
            if value.kind == "PARAM" and value.number("paramkind") == 0:
                yield value.number("paramid") - 1, table, each.number("resno")

    @cached_property
    def nulled(self) -> dict[int, str]:
        """The entries whose columns an outer join may fill with nulls, and which join it is."""
        found: dict[int, str] = {}
        joins = [join for join in _nodes(self.node["jointree"]) if join.kind == "JOINEXPR"]
        known = {number for number, _ in self.not_null}
        for join in joins:
            kind = join.number("jointype")
            sides = [join["rarg"]] if kind == LEFT else [join["larg"]] if kind == RIGHT else []
            sides = [join["larg"], join["rarg"]] if kind == FULL else sides
            for side in sides:
                entries = _entries(side)
                # A condition that no null satisfies leaves no row that the join has filled.
                if not entries & known:
                    found |= dict.fromkeys(entries, ("left", "full", "right")[kind - 1])
            if kind != INNER and join.number("rtindex"):
                found.setdefault(join.number("rtindex"), "") if any(each in found for each in _entries(join)) else None
        return found

    @cached_property
    def not_null(self) -> set[_COLUMN]:
        """The columns, by entry and number, that a WHERE or the ON of an inner join refuses to be null."""
        return {column for condition in self.conditions() for column in self._proven(condition)}

    @cached_property
    def compared(self) -> set[_COLUMN]:
        """The columns that conditions compare with constants: not each value of their type is in the result."""
        found: set[_COLUMN] = set()
        for condition in self.conditions():
            for node in condition.walk():
                if node.kind in ("OPEXPR", "SCALARARRAYOPEXPR", "DISTINCTEXPR"):
                    found |= {column for each in node.items("args") if (column := column_of(each))}
        return found

    def conditions(self) -> Iterator[Node]:
        """The conditions that each row of the result has passed."""
        return _conditions(self.node["jointree"])

    def _proven(self, condition: Any) -> Iterator[_COLUMN]:
        """The columns that are not null where the condition is true."""
        if isinstance(condition, list):
            for each in condition:
                yield from self._proven(each)
            return
        match condition.kind:
            case "BOOLEXPR" if condition["boolop"] in ("and", "not"):
                parts = condition.items("args")
                yield from self._proven(parts) if condition["boolop"] == "and" else self._strict(parts[0])
            case "NULLTEST" if condition.number("nulltesttype") == 1:
                yield from self._strict(condition["arg"])
            case "SUBLINK" if condition.number("subLinkType") == 2 and condition["testexpr"]:
                yield from self._strict(condition["testexpr"])
            case _:
                yield from self._strict(condition)

    def _strict(self, expression: Node | None) -> Iterator[_COLUMN]:
        """The columns that make the expression null when they are."""
        if expression is None:
            return
        if column := column_of(expression):
            yield column
        elif expression.kind in WRAPPERS:
            yield from self._strict(expression[WRAPPERS[expression.kind]])
        elif expression.kind in ("OPEXPR", "FUNCEXPR") and self.is_strict(expression):
            for each in expression.items("args"):
                yield from self._strict(each)
        elif expression.kind == "SCALARARRAYOPEXPR":
            yield from self._strict(expression.items("args")[0])

    def is_strict(self, call: Node) -> bool:
        """Whether a function or operator returns null for a null."""
        function = self.catalog.functions.get(call.number("funcid") or call.number("opfuncid"))
        return function is not None and function.is_strict


def column_of(expression: Node) -> _COLUMN | None:
    """The column of this query that an expression is, without casts; None for any other."""
    while expression.kind in WRAPPERS:
        expression = expression[WRAPPERS[expression.kind]]
    if expression.kind != "VAR" or expression.number("varlevelsup"):
        return None
    return expression.number("varno"), expression.number("varattno")


def base_column(query: Query, at: int) -> tuple[Query, int, _COLUMN] | None:
    """The table's column that a column of the result is: its query, the entry, the table and the number.

    None for an expression, and for a table on the nullable side of a join.
    """
    if query.branches():
        return None
    column = column_of(query.outputs[at])
    if column is None or column[1] <= 0 or column[0] in query.nulled:
        return None
    entry = query.entry(column[0])
    match entry["rtekind"]:
        case "0":
            return query, column[0], (entry.number("relid"), column[1])
        case "1":
            return base_column(query.subquery(entry), column[1] - 1)
        case "6":
            cte = query.cte(entry)
            return None if cte is None else base_column(cte, column[1] - 1)
        case _:
            return None


def _is_leaf(node: Node) -> bool:
    return node.kind == "RANGETBLREF"


def _nodes(tree: Any) -> Iterator[Node]:
    """The FROM, its joins and its tables, without their conditions."""
    if not isinstance(tree, Node):
        return
    yield tree
    for each in (*tree.items("fromlist"), tree["larg"], tree["rarg"]):
        yield from _nodes(each)


def _entries(tree: Any) -> set[int]:
    return {node.number("rtindex") for node in _nodes(tree) if node.number("rtindex")}


def _conditions(tree: Any) -> Iterator[Node]:
    """The conditions that each row of the result has passed, without those of an outer join and of its far side."""
    if not isinstance(tree, Node):
        return
    kind = tree.number("jointype") if tree.kind == "JOINEXPR" else INNER
    if kind == INNER and tree["quals"] is not None:
        yield tree["quals"]
    for each in tree.items("fromlist"):
        yield from _conditions(each)
    if kind in (INNER, LEFT):
        yield from _conditions(tree["larg"])
    if kind in (INNER, RIGHT):
        yield from _conditions(tree["rarg"])
