"""Enums as JSON has them: the members of a body are found by the values that responses write.

Reading JSON strictly, pydantic finds no member whose value is a Decimal, UUID, date or tuple, and none of a
`Literal[Color.RED]`. Writing and the OpenAPI document have these values, so what GET returned could not be sent back.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

from pydantic_core import PydanticCustomError, core_schema, to_jsonable_python

_JSON_VALUES = (str, int, float, bool, type(None))


def with_json_values(schema: Any) -> Any:
    """The core schema, with a validator by JSON values for each enum that needs one; the same object without one."""
    if isinstance(schema, list):
        items = [with_json_values(child) for child in schema]
        return schema if all(map(_is_same, items, schema)) else items
    if isinstance(schema, tuple):
        parts = tuple(with_json_values(child) for child in schema)
        return schema if all(map(_is_same, parts, schema)) else parts
    if not isinstance(schema, dict):
        return schema
    kind = schema.get("type")
    if kind == "enum" and any(not isinstance(member.value, _JSON_VALUES) for member in schema["members"]):
        return _by_json_value(schema, schema["members"])
    if kind == "literal" and any(isinstance(value, Enum) for value in schema["expected"]):
        return _by_json_value(schema, schema["expected"])
    copied = {
        key: child if key in ("default", "metadata") else with_json_values(child) for key, child in schema.items()
    }
    if kind == "tagged-union" and any(isinstance(tag, Enum) for tag in copied["choices"]):
        choices = copied["choices"]
        copied["choices"] = {**choices, **{tag.value: choices[tag] for tag in choices if isinstance(tag, Enum)}}
    return schema if all(copied[key] is schema[key] for key in schema) and len(copied) == len(schema) else copied


def _is_same(one: object, other: object) -> bool:
    return one is other


def _by_json_value(schema: Any, members: list[Any]) -> Any:
    members_by_key = {_key(member): member for member in members}
    expected = " or ".join(repr(to_jsonable_python(member)) for member in members)

    def find(value: Any) -> Any:
        if any(value is member for member in members):
            return value
        try:
            return members_by_key[_key(value)]
        except (KeyError, TypeError):
            raise PydanticCustomError("enum", "Input should be {expected}", {"expected": expected}) from None

    # Other parts of the schema may refer to it.
    kept = {key: schema[key] for key in ("ref", "serialization") if key in schema}
    return {**core_schema.no_info_plain_validator_function(find), **kept}


def _key(value: Any) -> Any:
    """The JSON form of a value, with its type: 1 is neither true nor 1.0."""
    found = to_jsonable_python(value)
    if isinstance(found, list):
        return tuple(map(_key, found))
    return type(found), found
