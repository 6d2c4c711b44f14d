"""Finds fields of a body that no JSON can fill, and fields that would be read otherwise than they are declared."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Any, get_origin
from uuid import UUID

from pydantic import BaseModel

from org_common.handlers.markers import Form, Query
from org_common.handlers.scalar import unwrap
from org_common.handlers.signature import is_plain_model

_NEVER_JSON = {
    "is-instance": "no JSON value is one",
    "is-subclass": "JSON has no classes",
    "callable": "JSON has no functions",
    "generator": "an iterator is validated too late, within the handler: use list",
}
_UNHASHABLE = frozenset({"list", "dict", "set", "generator"})
_NO_KEYS = frozenset({"tuple", "list", "set", "frozenset", "dict", "none", "model", "dataclass", "typed-dict"})
_UNORDERED = (str, bytes, UUID, list, dict, set, frozenset, tuple)
_WRAPPERS = ("schema", "items_schema", "values_schema", "strict_schema")


def find_unreadable(model: type[BaseModel], *, is_form: bool = False) -> str | None:
    """The first field that cannot work, with the reason and the fix; None without one."""
    return next(_Walk(is_form=is_form).faults(model.__pydantic_core_schema__, model.__name__), None)


class _Walk:
    """A walk over the parts of a core schema that strict JSON uses."""

    def __init__(self, *, is_form: bool) -> None:
        self._is_form = is_form
        self._definitions: dict[str, Any] = {}

    def faults(self, schema: Any, place: str) -> Iterator[str]:
        kind = str(schema.get("type"))
        if kind in _NEVER_JSON:
            yield f"{place} can never be read from JSON: {_NEVER_JSON[kind]}. Change the annotation"
        elif kind == "definitions":
            self._definitions |= {each["ref"]: each for each in schema["definitions"]}
            yield from self.faults(schema["schema"], place)
        elif kind == "definition-ref":
            # Each is walked once: a model may contain itself.
            found = self._definitions.pop(schema["schema_ref"], None)
            if found is not None:
                yield from self.faults(found, place)
        elif kind == "lax-or-strict":
            yield from self.faults(schema["lax_schema" if self._is_form else "strict_schema"], place)
        elif kind == "json-or-python":
            yield from self.faults(schema["python_schema" if self._is_form else "json_schema"], place)
        elif kind == "model":
            yield from self._model_faults(schema)
        elif kind in ("union", "tagged-union"):
            yield from self._union_faults(schema, place)
        else:
            yield from self._own_faults(kind, schema, place)
            for key in _WRAPPERS:
                inner = schema.get(key)
                for each in inner if isinstance(inner, list) else [inner] if isinstance(inner, dict) else []:
                    yield from self.faults(each, place)

    def _model_faults(self, schema: Any) -> Iterator[str]:
        model: type[BaseModel] = schema["cls"]
        if is_plain_model(model) and "extra" not in model.model_config:
            yield (
                f"{model.__name__} is a pydantic BaseModel, which would ignore unknown fields. Derive it from "
                f"org_common.Model: `class {model.__name__}(Model)`"
            )
        inner = schema["schema"]
        while inner.get("type") != "model-fields" and isinstance(inner.get("schema"), dict):
            inner = inner["schema"]
        if inner.get("type") != "model-fields":
            yield from self.faults(inner, model.__name__)
            return
        names: dict[str, str] = {}
        for name, field in inner["fields"].items():
            place = f"{model.__name__}.{name}"
            alias = field.get("validation_alias", name)
            other = names.setdefault(alias, name) if isinstance(alias, str) else name
            if other != name:
                yield f"{place} and {other} have the same name in JSON, {alias!r}: rename one of them"
            yield from _marker_faults(model, name)
            yield from _constraint_faults(model, name)
            yield from self.faults(field["schema"], place)

    def _union_faults(self, schema: Any, place: str) -> Iterator[str]:
        choices = schema["choices"]
        choices = list(choices.values()) if isinstance(choices, dict) else choices
        faults = [
            next(self.faults(each[0] if isinstance(each, tuple) else each, place), None)
            for each in choices
            if isinstance(each, (dict, tuple))
        ]
        if faults and all(faults):
            yield str(faults[0])

    def _own_faults(self, kind: str, schema: Any, place: str) -> Iterator[str]:
        if kind in ("set", "frozenset") and self._is_unhashable(schema.get("items_schema", {})):
            yield f"{place} can never be read: the items of a set must be hashable. Use list"
        if kind == "dict" and not self._is_key(self._resolved(schema.get("keys_schema", {}))):
            yield f"{place} can never be read: JSON has strings as keys. Use `dict[str, ...]`"
        if kind == "literal" and all(isinstance(value, bytes) for value in schema["expected"]):
            yield f"{place} can never be read from JSON: it has no bytes. Use strings"

    def _resolved(self, schema: Any) -> Any:
        return (
            self._definitions.get(schema.get("schema_ref"), schema)
            if schema.get("type") == "definition-ref"
            else schema
        )

    def _is_key(self, schema: Any) -> bool:
        if schema.get("type") == "literal":
            return any(isinstance(value, (str, Enum)) for value in schema["expected"])
        return schema.get("type") not in _NO_KEYS

    def _is_unhashable(self, schema: Any) -> bool:
        schema = self._resolved(schema)
        if schema.get("type") == "model":
            return schema["cls"].__hash__ is None
        return schema.get("type") in _UNHASHABLE


def _marker_faults(model: type[BaseModel], name: str) -> Iterator[str]:
    field = model.__pydantic_fields__.get(name)
    markers = [] if field is None else [*field.metadata, field.default]
    for marker in markers:
        if isinstance(marker, (Query, Form)):
            yield (
                f"{model.__name__}.{name} has the marker {marker!r}, which has no effect in a model: use pydantic's "
                "Field(), for example `Annotated[int, Field(ge=1)]`"
            )


def _constraint_faults(model: type[BaseModel], name: str) -> Iterator[str]:
    """Bounds that pydantic accepts and that raise `TypeError` for each value."""
    field = model.__pydantic_fields__.get(name)
    kind = None if field is None else unwrap(field.annotation)
    kind = get_origin(kind) or kind
    for item in [] if field is None else field.metadata:
        for constraint in ("ge", "gt", "le", "lt", "multiple_of"):
            bound = getattr(item, constraint, None)
            if kind in _UNORDERED and bound is not None and not isinstance(bound, kind):
                yield (
                    f"{model.__name__}.{name}: a {kind.__name__} cannot be compared with {constraint}={bound!r}: use "
                    "min_length and max_length, or another type"
                )
