"""Builds all that a route builds at its first request, and finds declarations that can never work.

For development: `org-common dev`, `routes --check`, `doctor`, `openapi` and the pytest plugin run it, functions do not.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel, TypeAdapter
from pydantic.errors import PydanticUndefinedAnnotation

from org_common.handlers.binding import compile_reader
from org_common.handlers.misuse import spell
from org_common.handlers.readable import find_unreadable
from org_common.handlers.result import compile_writer, may_be_none
from org_common.handlers.scalar import compile_scalar, unwrap
from org_common.handlers.signature import FROM_APP, Parameter, Signature, is_model
from org_common.values.errors import MISFIT

_PATTERN_ADVICE = "pydantic's patterns have no look-around: check it in a `@field_validator` instead"


def find_faults(signature: Signature, handler: Any) -> Iterator[str]:
    """What cannot work in this handler: each with the parameter or field, and what to do."""
    for parameter in signature.parameters:
        if parameter.kind in FROM_APP or parameter.kind == "provided":
            continue
        fault = _parameter_fault(parameter, signature.path)
        if fault is not None:
            yield f"{parameter.kind} parameter {parameter.name!r}: {fault}"
    fault = _result_fault(signature.result)
    if fault is not None:
        yield f"result: {fault}"
    yield from _return_faults(handler, signature.result)


def _parameter_fault(parameter: Parameter, path: list[str]) -> str | None:
    try:
        compile_reader(parameter, path)
        if parameter.kind in ("body", "form"):
            return find_unreadable(parameter.annotation, is_form=parameter.kind == "form")
        if parameter.kind in ("path", "query", "header", "cookie") and not parameter.is_list:
            _probe(parameter)
    except Exception as error:  # noqa: BLE001 - whatever it is, each request would raise it
        return _explain(parameter.annotation, error)
    return None


def _probe(parameter: Parameter) -> None:
    """Convert a string: pydantic applies a constraint such as `ge` to a string, and raises at each request."""
    scalar = compile_scalar(parameter.annotation, parameter.constraints)
    for string in ("1", "a", "true", "2026-01-01", "2026-01-01T00:00:00Z", "00000000-0000-0000-0000-000000000000"):
        try:
            scalar.convert(string)
        except MISFIT:
            continue


def _result_fault(annotation: Any) -> str | None:
    try:
        compile_writer(annotation)
    except Exception as error:  # noqa: BLE001 - whatever it is, each response would raise it
        return _explain(annotation, error)
    return None


def _explain(annotation: Any, error: Exception) -> str:
    """The field at fault, pydantic's reason in one line, and what to do."""
    for model in _models_of(annotation):
        found = _broken_field(model, set())
        if found is not None:
            field, error = found
            return f"{field}: {_reason(error)}"
    return f"{spell(unwrap(annotation))}: {_reason(error)}"


def _models_of(annotation: Any) -> Iterator[type[BaseModel]]:
    if is_model(annotation):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_of(argument)


def _broken_field(model: type[BaseModel], seen: set[type]) -> tuple[str, Exception] | None:
    """The first field that pydantic has no schema for, and its error."""
    seen.add(model)
    for name, field in model.__pydantic_fields__.items():
        for inner in _models_of(field.annotation):
            found = None if inner in seen else _broken_field(inner, seen)
            if found is not None:
                return found
        try:
            TypeAdapter(field.rebuild_annotation())
        except Exception as error:  # noqa: BLE001 - reported as the field's
            return f"{model.__name__}.{name}", error
    return None


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, (PydanticUndefinedAnnotation, NameError)):
        return f"{error.name!r} is not defined. Define or import it at module level, outside of `if TYPE_CHECKING:`"
    if "look-around" in text or "backreferences" in text:
        return f"the pattern cannot be compiled. {_PATTERN_ADVICE}"
    if "regex" in text:
        return f"the pattern cannot be compiled: {text.partition('regex parse error:')[2].strip() or text}. Correct it"
    if isinstance(error, ImportError):
        return f"{text}. Install the package, or use another type"
    advice = "" if isinstance(error, TypeError) and "Unable to apply" not in text else ". Change the annotation"
    for noise in ("If you got this error by", "For further information", "Set `arbitrary_types_allowed"):
        text = text.partition(noise)[0]
    return f"{text.strip().rstrip('.')}{advice}"


def _return_faults(handler: Any, annotation: Any) -> Iterator[str]:
    """What the statements `return` show: a body with a status, and a None that is not annotated."""
    function = inspect.unwrap(handler)
    try:
        lines, first = inspect.getsourcelines(function)
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, SyntaxError, TypeError):
        # Typed at a prompt, or a lambda within an expression.
        return
    if not tree.body or not isinstance(tree.body[0], ast.FunctionDef):
        return
    for node in _returns(tree.body[0]):
        line, value = first + node.lineno - 1, node.value
        if isinstance(value, ast.Tuple) and len(value.elts) == 2 and _is_status(value.elts[1]):
            status = ast.unparse(value.elts[1])
            yield (
                f"line {line} returns a body and a status: return the body alone, and declare the status on the route, "
                f"status={status}"
            )
        elif (value is None or (isinstance(value, ast.Constant) and value.value is None)) and not may_be_none(
            annotation
        ):
            yield (
                f"line {line} returns None, but the annotation is `-> {spell(annotation)}`: raise NotFound(), or "
                f"annotate it `-> {spell(annotation)} | None`"
            )


def _returns(node: ast.AST) -> Iterator[ast.Return]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Return):
            yield child
        elif not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            yield from _returns(child)


def _is_status(node: ast.expr) -> bool:
    if isinstance(node, ast.Constant):
        return type(node.value) is int and 100 <= node.value <= 599
    return isinstance(node, ast.Attribute) and ast.unparse(node.value).endswith("HTTPStatus")
