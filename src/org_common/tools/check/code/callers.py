"""Statements that a helper takes as an argument: `list_rows(db, Order, LIST_ORDERS)`. Each call of it is looked at."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from org_common.tools.check.code.calls import Call, Handles
from org_common.tools.check.code.evaluate import Binding, Scope
from org_common.tools.check.code.roles import Key, targets
from org_common.tools.check.code.sources import Function, Source


class Callers:
    """The calls of the project's functions, by the function."""

    def __init__(self, functions: Sequence[Function], sources: Mapping[str, Source]) -> None:
        self._functions = functions
        self._sources = sources
        self._sites: dict[Key, list[tuple[Function, Scope, ast.Call]]] | None = None

    def bound(self, call: Call) -> Iterator[Call]:
        """The call in a helper, once for each call of the helper itself, with that one's arguments."""
        function = call.function
        if not _names(call) & function.parameters():
            return
        for caller, scope, node in self._calls(function.key):
            bindings = {name: Binding(scope, value) for name, value in _arguments(function, node)}
            inner = Scope(self._sources, function.source, function, bindings)
            role = call.role or Handles(caller, scope).role(node)
            yield replace(call, scope=inner, role=role, caller=caller, caller_node=node)

    def _calls(self, key: Key) -> list[tuple[Function, Scope, ast.Call]]:
        if self._sites is None:
            self._sites = {}
            for function in self._functions:
                scope = Scope(self._sources, function.source, function)
                for node in function.nodes_of(ast.Call):
                    if isinstance(node.func, ast.Name | ast.Attribute):
                        for target in targets(scope, node.func, function):
                            self._sites.setdefault(target, []).append((function, scope, node))
        return self._sites.get(key, [])


def _names(call: Call) -> set[str]:
    return {each.id for each in ast.walk(call.sql) if isinstance(each, ast.Name)}


def _arguments(function: Function, node: ast.Call) -> Iterator[tuple[str, ast.expr]]:
    """The arguments of a call by the name of the parameter."""
    names = [each.arg for each in (*function.node.args.posonlyargs, *function.node.args.args)]
    if function.owner and names[:1] in (["self"], ["cls"]):
        names = names[1:]
    if not any(isinstance(each, ast.Starred) for each in node.args):
        yield from zip(names, node.args, strict=False)
    yield from ((each.arg, each.value) for each in node.keywords if each.arg)
