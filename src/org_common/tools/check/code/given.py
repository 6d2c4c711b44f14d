"""The types of the parameters that a call gives to its statement, as far as the code says them."""

from __future__ import annotations

import ast
import typing
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from org_common.tools.check.code.calls import Call
from org_common.tools.check.code.evaluate import Scope, UnresolvedError

MAX_DEPTH = 8


class Unknown:
    """The type of a value that the code computes."""


_RESULTS: dict[str, Any] = {"len": int, "uuid4": UUID}


@dataclass
class Given:
    """The parameters of a call."""

    types: dict[str, Any] = field(default_factory=dict[str, Any])
    """Their annotations by name; `Unknown` for one whose type is computed."""
    is_complete: bool = True
    """False if there may be others."""
    model: Any = None
    """The model whose fields they are."""


def given(call: Call) -> Given:
    """The parameters of a call. Those of `many()` are the items of what it is given."""
    if call.method == "many":
        return Given(is_complete=False)
    return Given() if call.params is None else _given(call.scope, call.params, 0)


def _given(scope: Scope, node: ast.expr, depth: int) -> Given:
    match node:
        case ast.Constant(value=None):
            return Given()
        case ast.Dict():
            return _of_dict(scope, node, depth)
        case ast.Name() if depth < MAX_DEPTH and len(values := scope.assigned(node.id)) == 1:
            if not _is_changed(scope, node.id):
                return _given(scope, values[0], depth + 1)
        case ast.Call(func=ast.Attribute(value=holder, attr="model_dump"), args=[], keywords=[]):
            return Given(_fields(type_of(scope, holder)), is_complete=_is_model(type_of(scope, holder)))
        case ast.Name() if node.id in scope.bindings and depth < MAX_DEPTH:
            return _given(scope.bindings[node.id].scope, scope.bindings[node.id].value, depth + 1)
        case _:
            pass
    annotation = type_of(scope, node)
    if _is_model(annotation):
        return Given(_fields(annotation), model=annotation)
    return Given(is_complete=False)


def _of_dict(scope: Scope, node: ast.Dict, depth: int) -> Given:
    found = Given()
    for key, value in zip(node.keys, node.values, strict=True):
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            found.types[key.value] = type_of(scope, value)
        elif key is None and depth < MAX_DEPTH:
            inner = _given(scope, value, depth + 1)
            found.types |= inner.types
            found.is_complete &= inner.is_complete
        else:
            found.is_complete = False
    return found


def _is_changed(scope: Scope, name: str) -> bool:
    """Whether a function changes a dict after it has made it: `values["q"] = q`, `values |= more`."""
    function = scope.function
    for node in function.nodes if function else ():
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store) and _is_name(node.value, name):
            return True
        if isinstance(node, ast.AugAssign) and _is_name(node.target, name):
            return True
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _is_name(node.func.value, name):
            return True
    return False


def _is_name(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def type_of(scope: Scope, node: ast.expr, depth: int = 0) -> Any:
    """The annotation of an expression; `Unknown` if the code does not say it."""
    if depth > MAX_DEPTH:
        return Unknown
    match node:
        case ast.Constant():
            return type(node.value)
        case ast.JoinedStr():
            return str
        case ast.Compare() | ast.UnaryOp(op=ast.Not()):
            return bool
        case ast.Name():
            return _type_of_name(scope, node.id, depth)
        case ast.Attribute():
            return _attribute(type_of(scope, node.value, depth + 1), node.attr, scope, node)
        case ast.IfExp():
            both = [type_of(scope, each, depth + 1) for each in (node.body, node.orelse)]
            return Unknown if Unknown in both else typing.Union[tuple(both)]  # noqa: UP007 - of values
        case ast.List(elts=items) | ast.Tuple(elts=items) if items:
            found = {type_of(scope, each, depth + 1) for each in items}
            return _list(found.pop()) if len(found) == 1 else Unknown
        case ast.ListComp():
            return _list(type_of(scope, node.elt, depth + 1))
        case ast.Call():
            return _result(scope, node)
        case _:
            return Unknown
    return Unknown


def _list(item: Any) -> Any:
    return Unknown if item is Unknown else list[item]


def _type_of_name(scope: Scope, name: str, depth: int) -> Any:
    function = scope.function
    annotation = function.annotations().get(name) if function else None
    if annotation is not None:
        return _evaluated(scope, annotation)
    for node in function.nodes if function else ():
        if isinstance(node, ast.AnnAssign) and _is_name(node.target, name):
            return _evaluated(scope, node.annotation)
    values = scope.assigned(name)
    if values:
        found = [type_of(scope, each, depth + 1) for each in values]
        return found[0] if len(found) == 1 else Unknown
    if scope.is_local(name):
        return Unknown
    try:
        value = scope.objects(ast.Name(name, ast.Load()))[0]
    except UnresolvedError:
        return Unknown
    return type(value) if isinstance(value, (str, int, float, bool, UUID)) else Unknown


def _evaluated(scope: Scope, annotation: ast.expr) -> Any:
    """An annotation as an object. It runs as Python ran it, or would have run it, at import."""
    namespace = vars(scope.source.module)
    text = annotation.value if isinstance(annotation, ast.Constant) else ast.unparse(annotation)
    try:
        return eval(str(text), namespace)  # noqa: S307 - the project's own code, which is imported already
    except Exception:  # noqa: BLE001 - a name under TYPE_CHECKING
        return Unknown


def _attribute(holder: Any, name: str, scope: Scope, node: ast.Attribute) -> Any:
    if holder is Unknown:
        return _of_self(scope, node)
    fields = getattr(holder, "__pydantic_fields__", None)
    if fields is not None and name in fields:
        return fields[name].rebuild_annotation()
    if isinstance(holder, type) and (hasattr(holder, "__dataclass_fields__") or hasattr(holder, "_fields")):
        return hints(holder).get(name, Unknown)
    return Unknown


def _of_self(scope: Scope, node: ast.Attribute) -> Any:
    """The type of `self.asked`, from the annotations of the class."""
    function = scope.function
    if function is None or not function.owner or not _is_name(node.value, "self"):
        return Unknown
    holder: Any = vars(scope.source.module).get(function.owner)
    return hints(holder).get(node.attr, Unknown)


def hints(holder: Any) -> dict[str, Any]:
    """The annotations of a class or function as types; none if one cannot be evaluated."""
    try:
        return typing.get_type_hints(holder, include_extras=True)
    except Exception:  # noqa: BLE001 - a name under TYPE_CHECKING
        return {}


def _result(scope: Scope, node: ast.Call) -> Any:
    """The type that a call returns: that of a class, or the annotation of a function of the project."""
    try:
        called = scope.objects(node.func)[0]
    except UnresolvedError:
        return Unknown
    if isinstance(called, type):
        return called
    name = getattr(called, "__name__", "")
    if called is len or name == "uuid4":
        return _RESULTS[name]
    if getattr(called, "__module__", None) not in scope.sources:
        return Unknown
    return getattr(called, "__annotations__", {}).get("return", Unknown)


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and hasattr(annotation, "__pydantic_fields__")


def _fields(annotation: Any) -> dict[str, Any]:
    fields = getattr(annotation, "__pydantic_fields__", {})
    return {name: field.rebuild_annotation() for name, field in fields.items()}
