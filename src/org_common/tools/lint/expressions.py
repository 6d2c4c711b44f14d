"""Questions about the condition of a policy, answered from its tree."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet

from org_common.tools.lint.catalog import Index
from org_common.tools.lint.nodes import Node, constant, walk

# Kinds of sublinks, from PostgreSQL's primnodes.h.
EXISTS, ANY, EXPR, ARRAY = 0, 2, 4, 6
# Kinds of entries in the list of a query's tables.
RELATION, JOIN = 0, 2
IS_NULL = 0
_WRAPPERS = frozenset({"RELABELTYPE", "COERCETODOMAIN", "COLLATEEXPR", "NAMEDARGEXPR"})
_CASTS = frozenset({"COERCEVIAIO", "ARRAYCOERCEEXPR"})


def parts(node: Node | None, connective: str = "and") -> list[Node]:
    """The operands of nested AND, or OR, at the top of a condition; the condition itself without one."""
    if node is None:
        return []
    if node.tag == "BOOLEXPR" and node.fields.get("boolop") == connective:
        return [part for operand in node.nodes("args") for part in parts(operand, connective)]
    return [node]


def serves(index: Index, condition: Node | None) -> bool:
    """Whether an index covers all rows that satisfy a condition: its predicate is part of the condition."""
    return index.usable or (index.partial and all(part in parts(condition) for part in parts(index.predicate)))


def bare(node: Node) -> Node:
    """The node below those that change nothing but the type's name."""
    while node.tag in _WRAPPERS and (below := node.node("arg")) is not None:
        node = below
    return node


def is_cast(node: Node) -> bool:
    """Whether a node converts its argument to another type."""
    return node.tag in _CASTS or (node.tag == "FUNCEXPR" and node.number("funcformat") in (1, 2))


def row_columns(node: Node) -> set[int]:
    """The numbers of the row's own columns that a part of the condition looks at, also from within subqueries."""
    return {
        found.number("varattno")
        for found, level in walk(node)
        if found.tag == "VAR" and found.number("varlevelsup") == level
    }


def own_column(node: Node) -> int | None:
    """The number of the row's column that the node is; None if it is something else, a cast of a column too."""
    node = bare(node)
    return node.number("varattno") if node.tag == "VAR" and node.number("varlevelsup") == 0 else None


def sublinks(node: Node, type: int) -> Iterator[Node]:
    """The subqueries of this type in a condition, without those inside of subqueries."""
    if node.tag == "SUBLINK" and node.number("subLinkType") == type:
        yield node
    if node.tag == "QUERY":
        return
    for value in node.fields.values():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, Node):
                yield from sublinks(each, type)


def is_correlated(sublink: Node) -> bool:
    """Whether a subquery looks at the row, so that it runs again for each one."""
    query = sublink.node("subselect")
    return query is not None and bool(row_columns(query))


def relations(node: Node) -> set[int]:
    """The object ids of the tables and views that the subqueries of a condition read."""
    return {
        found.number("relid")
        for found, _ in walk(node)
        if found.tag in ("RANGETBLENTRY", "RTE") and found.number("rtekind") == RELATION
    } - {0}


def columns_read(node: Node) -> set[tuple[int, int]]:
    """The columns of other tables that the subqueries of a condition look at: the table's object id and the number."""
    found: set[tuple[int, int]] = set()
    for query, _ in walk(node):
        entries = query.nodes("rtable") if query.tag == "QUERY" else []
        for column, level in walk(query) if entries else ():
            number = column.number("varno")
            if column.tag == "VAR" and column.number("varlevelsup") == level - 1 and 0 < number <= len(entries):
                found.add((entries[number - 1].number("relid"), column.number("varattno")))
    return found


def scalar_subquery(node: Node) -> Node | None:
    """The one expression of `(select expression)`; None for other nodes."""
    if node.tag != "SUBLINK" or node.number("subLinkType") != EXPR or (query := node.node("subselect")) is None:
        return None
    targets = query.nodes("targetList")
    return targets[0].node("expr") if targets and not query.nodes("rtable") else None


def results(body: Node) -> Iterator[Node]:
    """The first expressions of the queries of a function's body, and what it returns."""
    for found, level in walk(body):
        if found.tag == "QUERY" and level == 1:
            yield from [each for target in found.nodes("targetList")[:1] if (each := target.node("expr"))]
        elif found.tag == "RETURNSTMT" and (value := found.node("returnval")):
            yield value


def unwrapped(node: Node) -> Node:
    """The expression of a scalar subquery without FROM, or the node itself."""
    node = bare(node)
    inner = scalar_subquery(node)
    return unwrapped(inner) if inner is not None else node


def calls_per_row(node: Node) -> Iterator[Node]:
    """The calls that run for each row: those outside of subqueries, and in subqueries that look at the row."""
    if node.tag == "SUBLINK":
        if (test := node.node("testexpr")) is not None:
            yield from calls_per_row(test)
        if (query := node.node("subselect")) is not None and is_correlated(node):
            yield from calls_per_row(query)
        return
    if node.tag == "FUNCEXPR":
        yield node
    for value in node.fields.values():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, Node):
                yield from calls_per_row(each)


class Conditions:
    """Questions that need the names of operators."""

    def __init__(self, operators: Mapping[int, str]) -> None:
        self._operators = operators

    def is_equality(self, node: Node) -> bool:
        """Whether a node is `a = b`, or `a = any (b)`."""
        named = node.tag == "OPEXPR" or (node.tag == "SCALARARRAYOPEXPR" and node.fields.get("useOr") == "true")
        return named and self._operators.get(node.number("opno")) == "=" and len(node.arguments) == 2

    def truth(self, node: Node, filled: AbstractSet[int] = frozenset()) -> bool | None:
        """Whether every row satisfies a condition, or none; None if it depends on something.

        `filled` are the numbers of the columns that are never null.
        """
        node = unwrapped(node)
        if node.tag == "CONST":
            return node.fields.get("constisnull") != "true" and constant(node) == b"\x01"
        if node.tag == "BOOLEXPR":
            return self._truth_of_boolean(node, filled)
        if node.tag == "NULLTEST" and own_column(node.arguments[0]) in filled:
            return node.number("nulltesttype") != IS_NULL
        if self.is_equality(node) and node.tag == "OPEXPR":
            left, right = (bare(each) for each in node.arguments)
            if left == right and left.tag in ("CONST", "VAR"):
                return True
            if left.tag == right.tag == "CONST":
                return False
        return None

    def _truth_of_boolean(self, node: Node, filled: AbstractSet[int]) -> bool | None:
        truths = [self.truth(each, filled) for each in node.nodes("args")]
        if node.fields.get("boolop") == "not":
            return None if truths[0] is None else not truths[0]
        decisive = node.fields.get("boolop") == "or"
        if decisive in truths:
            return decisive
        return None if None in truths else not decisive

    def compares_with_itself(self, node: Node) -> bool:
        """Whether a column is compared with the same column of the same row, anywhere in the condition."""
        return any(
            self.is_equality(found)
            and found.tag == "OPEXPR"
            and bare(found.arguments[0]).tag == "VAR"
            and bare(found.arguments[0]) == bare(found.arguments[1])
            for found, _ in walk(node)
        )

    def is_inequality(self, node: Node, column: int) -> bool:
        """Whether a node is `column <> b`, `column is distinct from b`, or the NOT of an equality of the column."""
        if node.tag == "BOOLEXPR" and node.fields.get("boolop") == "not":
            node = node.nodes("args")[0]
            differs = self.is_equality(node)
        else:
            named = node.tag == "OPEXPR" and self._operators.get(node.number("opno")) == "<>"
            differs = named or node.tag == "DISTINCTEXPR"
        return differs and column in [own_column(each) for each in node.arguments]

    def compared(self, condition: Node, depends: Callable[[Node], bool]) -> set[int]:
        """The columns of the row that are compared with a value that depends on the caller, as `depends` says."""
        found: set[int] = set()
        for node, level in walk(condition):
            operands: list[Node] = []
            if level == 0 and self.is_equality(node):
                operands = node.arguments
            elif level == 0 and node.tag == "SUBLINK" and node.number("subLinkType") == ANY and depends(node):
                test = node.node("testexpr")
                operands = [*(test.arguments if test else []), node]
            columns = {column for each in operands if (column := own_column(each)) is not None}
            if columns and any(depends(each) for each in operands):
                found |= columns
        return found

    def indexable(self, node: Node) -> set[int]:
        """The columns of the row that a part of the condition compares with a value that is known before the scan.

        An OR counts if each of its operands does: the planner combines their indexes.
        """
        if node.tag == "BOOLEXPR" and node.fields.get("boolop") == "or":
            found = [self.indexable(operand) for operand in parts(node, "or")]
            return set().union(*found) if all(found) else set()
        if not self.is_equality(node):
            return set()
        left, right = node.arguments
        columns = [(left, right)] + ([(right, left)] if node.tag == "OPEXPR" else [])
        return {
            column for side, value in columns if (column := own_column(side)) is not None and not row_columns(value)
        }
