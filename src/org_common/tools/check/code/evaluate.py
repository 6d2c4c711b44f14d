"""What an expression of the project's code is: a model, SQL with its places, a tuple of fields. Nothing is called.

Names are looked up in the modules that the apps have loaded; a variable of a function is what is assigned to it. An
expression may have several values: `A if personal else B` has two.
"""

from __future__ import annotations

import ast
import builtins
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from itertools import product
from typing import Any, NamedTuple

from psycopg import sql

from org_common.db.protocol.statement import as_sql
from org_common.tools.check.code.sources import Function, Source
from org_common.tools.check.code.sql_text import Part, Place, SqlText, written

MAX_VALUES = 16


class UnresolvedError(Exception):
    """The code computes the value at run time."""


class Binding(NamedTuple):
    """The argument of a call, and the names that it is written in."""

    scope: Scope
    value: ast.expr


class Scope:
    """The names of a function, or of a module."""

    def __init__(
        self,
        sources: Mapping[str, Source],
        source: Source,
        function: Function | None = None,
        bindings: Mapping[str, Binding] = {},
    ) -> None:
        """`bindings` are the arguments of one call of the function."""
        self.bindings = bindings
        self.sources = sources
        self.source = source
        self.function = function
        self._assigned = _assignments(function)
        self._imported = _imports(function)
        self._parameters: set[str] = function.parameters() if function else set()

    def is_local(self, name: str) -> bool:
        """Whether the name is a parameter or a variable of the function."""
        return name in self._parameters or name in self._assigned

    def assigned(self, name: str) -> list[ast.expr]:
        """What the function assigns to a variable; empty if a loop, a `with` or unpacking sets it too."""
        values = [each for each in self._assigned.get(name, []) if each is not None]
        return values if len(values) == len(self._assigned.get(name, [])) and name not in self._parameters else []

    def objects(self, node: ast.expr) -> list[Any]:
        """The objects that an expression may be. Raises `UnresolvedError`."""
        match node:
            case ast.Constant():
                return [node.value]
            case ast.Name():
                return self._named(node.id)
            case ast.Attribute():
                return [_attribute(each, node.attr) for each in self.objects(node.value)]
            case ast.IfExp():
                return _limited([*self.objects(node.body), *self.objects(node.orelse)])
            case ast.BoolOp():
                return _limited([each for value in node.values for each in self.objects(value)])
            case ast.Tuple() | ast.List():
                return _limited([list(each) for each in product(*[self.objects(item) for item in node.elts])])
            case ast.Subscript():
                return self._subscripted(node)
            case ast.BinOp(op=ast.Add()):
                return [left + right for left, right in product(self.objects(node.left), self.objects(node.right))]
            case ast.Call():
                return self._composed(node)
            case _:
                pass
        raise UnresolvedError

    def statements(self, node: ast.expr) -> list[SqlText]:
        """The SQL that an expression may be. Raises `UnresolvedError`."""
        if isinstance(node, ast.Name) and node.id in self.bindings:
            return self.bindings[node.id].scope.statements(self.bindings[node.id].value)
        name = ast.unparse(node) if isinstance(node, (ast.Name, ast.Attribute)) else ""
        found: list[SqlText] = []
        for value in self.objects(node):
            if not isinstance(value, str | sql.SQL | sql.Composed):
                raise UnresolvedError
            text = value if isinstance(value, str) else as_sql(value)
            parts = next((each for each in self.parts(node) if _joined(each) == text), None)
            place = Place(self.source.file, node.lineno)
            found.append(SqlText(parts or (Part(text, place),), name.rpartition(".")[2], value))
        return found

    def parts(self, node: ast.expr) -> list[tuple[Part, ...]]:
        """The strings that an expression joins, with their places; those that are computed are left out."""
        match node:
            case ast.Constant(value=str()):
                return [written(self.source, node)]
            case ast.BinOp(op=ast.Add()):
                pairs = product(self.parts(node.left), self.parts(node.right))
                return [left + right for left, right in pairs][:MAX_VALUES]
            case ast.IfExp():
                return [*self.parts(node.body), *self.parts(node.orelse)]
            case ast.BoolOp():
                return [each for value in node.values for each in self.parts(value)]
            case ast.Name() if node.id in self.bindings:
                return self.bindings[node.id].scope.parts(self.bindings[node.id].value)
            case ast.Name() if self.is_local(node.id):
                return [each for value in self.assigned(node.id) for each in self.parts(value)]
            case ast.Name():
                return self._module_parts(self.source, node.id)
            case ast.Attribute():
                return self._attribute_parts(node)
            case ast.Subscript():
                return [each for value in _mapping_values(self, node.value) for each in self.parts(value)]
            case ast.Call() if len(node.args) == 1 and ast.unparse(node.func).endswith("SQL"):
                return self.parts(node.args[0])
            case _:
                pass
        return []

    def _attribute_parts(self, node: ast.Attribute) -> list[tuple[Part, ...]]:
        try:
            holders = self.objects(node.value)
        except UnresolvedError:
            return []
        found: list[tuple[Part, ...]] = []
        for holder in holders:
            source = self.sources.get(str(getattr(holder, "__name__", "")))
            if source is not None:
                found += self._module_parts(source, node.attr)
        return found

    def _module_parts(self, source: Source, name: str) -> list[tuple[Part, ...]]:
        """The parts of a module's constant, also of one that it imports from another module."""
        scope = Scope(self.sources, source)
        for node in source.tree.body:
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    origin = self.sources.get(node.module or "")
                    if (alias.asname or alias.name) == name and origin is not None and origin is not source:
                        return self._module_parts(origin, alias.name)
            elif (value := _assigned_value(node, name)) is not None:
                return scope.parts(value)
        return []

    def _named(self, name: str) -> list[Any]:
        if name in self._imported:
            return [self._import(self._imported[name], name)]
        if name in self._assigned:
            values = self._assigned[name]
            if None in values or name in self._parameters:
                raise UnresolvedError
            return _limited([each for value in values if value is not None for each in self._guarded(name, value)])
        if name in self._parameters:
            if name not in self.bindings:
                raise UnresolvedError
            return self.bindings[name].scope.objects(self.bindings[name].value)
        for holder in (self.source.module, builtins):
            if hasattr(holder, name):
                return [getattr(holder, name)]
        raise UnresolvedError

    def _guarded(self, name: str, value: ast.expr) -> list[Any]:
        """`sql = sql + " limit 1"` has no end here."""
        if any(isinstance(each, ast.Name) and each.id == name for each in ast.walk(value)):
            raise UnresolvedError
        return self.objects(value)

    def _import(self, node: ast.Import | ast.ImportFrom, name: str) -> Any:
        for alias in node.names:
            if (alias.asname or alias.name.partition(".")[0]) == name:
                try:
                    return self._imported_object(node, alias.name if alias.asname else name, alias.name)
                except ImportError as error:
                    raise UnresolvedError from error
        raise UnresolvedError

    def _imported_object(self, node: ast.Import | ast.ImportFrom, module: str, name: str) -> Any:
        """What a function imports. A package of others that is not loaded stays so: it holds no statement."""
        wanted = module if isinstance(node, ast.Import) else node.module or ""
        if wanted not in sys.modules and wanted not in self.sources:
            raise UnresolvedError
        return import_module(wanted) if isinstance(node, ast.Import) else _from(wanted, name)

    def _subscripted(self, node: ast.Subscript) -> list[Any]:
        found: list[Any] = []
        for holder in self.objects(node.value):
            if not isinstance(holder, Mapping):
                raise UnresolvedError
            found += holder.values()
        return _limited(found)

    def _composed(self, node: ast.Call) -> list[Any]:
        """The classes of psycopg compose SQL without any effect; nothing else is called."""
        if not isinstance(node.func, ast.Attribute | ast.Name):
            raise UnresolvedError
        receivers = self.objects(node.func.value) if isinstance(node.func, ast.Attribute) else [None]
        if not all(each is None or isinstance(each, sql.Composable) or each is sql for each in receivers):
            raise UnresolvedError
        functions = self.objects(node.func)
        if not all(each in _COMPOSERS or _is_method(each) for each in functions):
            raise UnresolvedError
        arguments = list(product(*[self.objects(each) for each in node.args]))
        named = {each.arg: self.objects(each.value)[0] for each in node.keywords if each.arg}
        return _limited([function(*each, **named) for function in functions for each in arguments])


_COMPOSERS: tuple[Any, ...] = (sql.SQL, sql.Identifier, sql.Literal, sql.Placeholder, sql.Composed)


def _is_method(function: Any) -> bool:
    return isinstance(getattr(function, "__self__", None), sql.Composable)


def _from(module: str, name: str) -> Any:
    found = import_module(module)
    return getattr(found, name) if hasattr(found, name) else import_module(f"{module}.{name}")


def _joined(parts: Sequence[Part]) -> str:
    return "".join(part.text for part in parts)


def _attribute(holder: Any, name: str) -> Any:
    try:
        return getattr(holder, name)
    except AttributeError as error:
        raise UnresolvedError from error


def _limited(found: list[Any]) -> list[Any]:
    if len(found) > MAX_VALUES:
        raise UnresolvedError
    return found


def _assigned_value(node: ast.stmt, name: str) -> ast.expr | None:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    if any(isinstance(each, ast.Name) and each.id == name for each in targets):
        return node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
    return None


def _mapping_values(scope: Scope, node: ast.expr) -> Iterator[ast.expr]:
    for value in scope.assigned(node.id) if isinstance(node, ast.Name) else []:
        if isinstance(value, ast.Dict):
            yield from value.values
    if isinstance(node, ast.Name) and not scope.is_local(node.id):
        for statement in scope.source.tree.body:
            found = _assigned_value(statement, node.id)
            if isinstance(found, ast.Dict):
                yield from found.values


def _assignments(function: Function | None) -> dict[str, list[ast.expr | None]]:
    """What is assigned to each variable; None for what no single expression says: a loop, `with`, unpacking."""
    if function is None:
        return {}
    found: dict[str, list[ast.expr | None]] = {}
    for node in function.nodes:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                found.setdefault(name, []).append(node.value)
            case ast.NamedExpr(target=ast.Name(id=name)):
                found.setdefault(name, []).append(node.value)
            case _:
                pass
    stored = Counter(node.id for node in function.nodes_of(ast.Name) if isinstance(node.ctx, ast.Store))
    for name, times in stored.items():
        values = found.setdefault(name, [])
        values += [None] * (times - len(values))
    return found


def _imports(function: Function | None) -> dict[str, ast.Import | ast.ImportFrom]:
    if function is None:
        return {}
    nodes: list[ast.Import | ast.ImportFrom] = [*function.nodes_of(ast.Import), *function.nodes_of(ast.ImportFrom)]
    return {alias.asname or alias.name.partition(".")[0]: node for node in nodes for alias in node.names}
