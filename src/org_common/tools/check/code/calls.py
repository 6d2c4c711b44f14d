"""The calls that run SQL, `db.one(Org, GET_ORG, {...})`, and what their arguments are in the code."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from org_common.tools.check.code.evaluate import Scope, UnresolvedError
from org_common.tools.check.code.sources import Function, Source
from org_common.tools.check.code.sql_text import Place

# By method: the positions of the model, the SQL and the parameters.
_ARGUMENTS: dict[str, tuple[int | None, int, int]] = {
    "all": (0, 1, 2),
    "one": (0, 1, 2),
    "maybe": (0, 1, 2),
    "page": (0, 1, 2),
    "value": (None, 0, 1),
    "run": (None, 0, 1),
    "many": (None, 0, 1),
}
Handle = Literal["Reader", "Transaction"]
# What a `with` opens, and the role that it runs as; None for that of the request.
_OPENERS: dict[str, tuple[Handle, str]] = {
    "reader": ("Reader", "authenticated"),
    "transaction": ("Transaction", "authenticated"),
    "service_transaction": ("Transaction", "app_service"),
}


@dataclass(frozen=True, eq=False)
class Call:
    """A call of a method of `Reader` or `Transaction`."""

    function: Function
    scope: Scope
    node: ast.Call
    method: str
    model: ast.expr | None
    sql: ast.expr
    params: ast.expr | None
    role: str | None
    """The role of the `with` that opened the transaction; None for that of the request."""
    is_read_only: bool
    """On a `Reader` for certain: a parameter `db: Reader` of a helper may also be given a `Transaction`."""
    caller: Function | None = None
    """Of a helper that takes the SQL as an argument: the function that calls it."""
    caller_node: ast.Call | None = None

    @property
    def place(self) -> Place:
        """Where the statement meets its model and parameters: the call, or that of the helper."""
        function = self.caller or self.function
        return Place(function.source.file, (self.caller_node or self.node).lineno)

    def keyword(self, name: str) -> ast.expr | None:
        """A keyword argument; None without it."""
        return next((each.value for each in self.node.keywords if each.arg == name), None)


class Handles:
    """The readers and transactions of a function, by the name of the variable."""

    def __init__(self, function: Function, scope: Scope) -> None:
        self.opened: dict[str, tuple[Handle, str]] = {}
        """Those that a `with` opens."""
        self.given: dict[str, Handle | None] = {}
        """Those among the parameters; None for one that may be either."""
        for item in (item for node in function.nodes_of(ast.With) for item in node.items):
            opener = _opener(scope, item.context_expr)
            if opener and isinstance(item.optional_vars, ast.Name):
                self.opened[item.optional_vars.id] = opener
        for name, annotation in function.annotations().items():
            words = {each.id for each in ast.walk(annotation) if isinstance(each, ast.Name)}
            words |= {each.attr for each in ast.walk(annotation) if isinstance(each, ast.Attribute)}
            if words & {"Reader", "Transaction"}:
                either: Handle | None = None if "Transaction" in words else "Reader"
                self.given[name] = either if "Reader" in words else "Transaction"

    def names(self) -> set[str]:
        """The names of all of them."""
        return {*self.opened, *self.given}

    def role(self, node: ast.Call) -> str | None:
        """The role of the transaction that a call is given; None for that of the request."""
        for each in (*node.args, *(keyword.value for keyword in node.keywords)):
            if isinstance(each, ast.Name) and each.id in self.opened:
                return self.opened[each.id][1]
        return None


def find_calls(function: Function, sources: Mapping[str, Source], handlers: set[tuple[str, str]]) -> Iterator[Call]:
    """The calls in a function that run SQL."""
    scope = Scope(sources, function.source, function)
    handles = Handles(function, scope)
    for node in function.nodes_of(ast.Call):
        if not isinstance(node.func, ast.Attribute) or node.func.attr not in _ARGUMENTS:
            continue
        places = zip(_ARGUMENTS[node.func.attr], _NAMES, strict=True)
        receiver = node.func.value.id if isinstance(node.func.value, ast.Name) else ""
        model, sql, params = (None if at is None else _argument(node, at, name) for at, name in places)
        if sql is None or not (receiver in handles.names() or _is_sql(scope, sql)):
            continue
        opened = handles.opened.get(receiver)
        is_reader = handles.given.get(receiver) == "Reader" and function.key in handlers
        yield Call(
            function,
            scope,
            node,
            node.func.attr,
            model,
            sql,
            params,
            opened[1] if opened else None,
            is_reader or (opened is not None and opened[0] == "Reader"),
        )


_NAMES = ("model", "sql", "params")


def _argument(node: ast.Call, at: int, name: str) -> ast.expr | None:
    if at < len(node.args) and not any(isinstance(each, ast.Starred) for each in node.args[: at + 1]):
        return node.args[at]
    return next((each.value for each in node.keywords if each.arg == name), None)


def _is_sql(scope: Scope, node: ast.expr) -> bool:
    """Whether an argument is certainly SQL: methods of other classes are called `all` or `run` too."""
    try:
        found: list[Any] = [each.text for each in scope.statements(node)]
    except UnresolvedError:
        return False
    verbs = ("select ", "insert ", "update ", "delete ", "merge ", "with ")
    return bool(found) and all(" ".join(each.split()).lower().startswith(verbs) for each in found)


def _opener(scope: Scope, node: ast.expr) -> tuple[Handle, str] | None:
    """What a `with` opens: by the function that it calls, whatever its name in this module."""
    if not isinstance(node, ast.Call):
        return None
    try:
        functions = scope.objects(node.func)
    except UnresolvedError:
        return None
    names = [each.__name__ for each in functions if str(getattr(each, "__module__", "")).startswith("org_common.db")]
    return _OPENERS.get(names[0]) if names else None
