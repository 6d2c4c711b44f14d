"""Which database roles run a function: those of the routes and triggers that reach it, through calls and references."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from org_common.app import App
from org_common.route import Route
from org_common.tools.check.code.calls import Handles
from org_common.tools.check.code.evaluate import Scope, UnresolvedError
from org_common.tools.check.code.sources import Function, Source
from org_common.triggers.trigger import Trigger

Key = tuple[str, str]
# For a function that no route or trigger reaches: a request of a signed-in user is the most common one.
DEFAULT = "authenticated"


def handler_rules(apps: Sequence[App]) -> Iterator[tuple[Key, str, Route | Trigger]]:
    """The handler, the role and the route or trigger, for each of them."""
    for app in apps:
        declared: list[Route | Trigger] = [*app.routes, *app.triggers]
        for each in declared:
            yield key_of(each.handler), each.rule.role, each


def key_of(function: Any) -> Key:
    """Module and name of a function below its decorators."""
    function = inspect.unwrap(function)
    return str(getattr(function, "__module__", "")), str(getattr(function, "__qualname__", ""))


def roles_of(
    functions: Sequence[Function], sources: Mapping[str, Source], roots: Iterable[tuple[Key, str]]
) -> dict[Key, set[str]]:
    """The roles of each function that a root reaches."""
    known = {function.key: function for function in functions}
    edges: dict[Key, list[tuple[Key, str | None]]] = {}
    found: dict[Key, set[str]] = {}
    waiting = list(roots)
    while waiting:
        key, role = waiting.pop()
        function = known.get(key)
        if function is None or role in found.setdefault(key, set()):
            continue
        found[key].add(role)
        if key not in edges:
            edges[key] = list(_edges(function, known, sources))
        waiting += [(target, fixed or role) for target, fixed in edges[key]]
    return found


def _edges(
    function: Function, known: Mapping[Key, Function], sources: Mapping[str, Source]
) -> Iterator[tuple[Key, str | None]]:
    """The functions that a function calls or refers to, and the role of the transaction that it gives to them."""
    scope = Scope(sources, function.source, function)
    handles = Handles(function, scope)
    called: dict[int, str | None] = {}
    for node in _code(function.node):
        if isinstance(node, ast.Call):
            called[id(node.func)] = handles.role(node)
    for node in _code(function.node):
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
            for target in targets(scope, node, function):
                for key in _methods(target, known):
                    yield key, called.get(id(node))


def _code(function: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function without its annotations and decorators."""
    waiting: list[ast.AST] = list(getattr(function, "body", []))
    while waiting:
        node = waiting.pop()
        yield node
        for name, value in ast.iter_fields(node):
            if name in ("annotation", "returns", "decorator_list"):
                continue
            waiting += [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, ast.AST)]


def targets(scope: Scope, node: ast.Name | ast.Attribute, function: Function) -> list[Key]:
    """The functions and classes that a name in a function may be."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"):
        return [(function.source.module.__name__, f"{function.owner}.{node.attr}")]
    if isinstance(node, ast.Name) and scope.is_local(node.id):
        return []
    try:
        return [key_of(each) for each in scope.objects(node) if callable(each)]
    except UnresolvedError:
        return []


def _methods(target: Key, known: Mapping[Key, Function]) -> Iterator[Key]:
    """The function, or the methods of the class."""
    if target in known:
        yield target
        return
    module, name = target
    for key in known:
        if key[0] == module and key[1].startswith(f"{name}.") and name:
            yield key
