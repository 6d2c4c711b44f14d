"""Compares two JSON Schemas: whether the new one allows fewer values than the old one, or more.

Fewer breaks senders, more breaks readers. The schemas are like those of `schemas.py`: types, unions, objects, arrays,
enums and constraints. Other keywords are not compared.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from org_common.tools.project.project import ToolError

Json = dict[str, Any]


@dataclass(frozen=True)
class Difference:
    """A difference between two schemas."""

    kind: str
    """Machine-readable type of the difference: "field-removed"."""
    pointer: str
    """Where in the value: "#/items/*/name"."""
    detail: str
    narrows: bool = False
    """Values that were valid no longer are."""
    widens: bool = False
    """Values that were not valid are now."""


# Keywords, and whether a larger number allows fewer values.
_LIMITS = {
    **dict.fromkeys(("minLength", "minimum", "exclusiveMinimum", "minItems", "minProperties"), True),
    **dict.fromkeys(("maxLength", "maximum", "exclusiveMaximum", "maxItems", "maxProperties"), False),
}
_FORMATS = ("pattern", "format", "contentEncoding", "contentMediaType")
_ANYTHING = "anything"


class SchemaComparison:
    """Compares schemas of two documents, and resolves their references in these documents."""

    def __init__(self, old: Json, new: Json) -> None:
        self._old = old
        self._new = new
        # Pairs of components: those that are being compared by a caller, and the results of completed comparisons.
        self._open: set[tuple[str, str]] = set()
        self._same: dict[tuple[str, str], bool] = {}

    def compare(self, old: Any, new: Any, pointer: str = "#") -> Iterator[Difference]:
        """The differences between two schemas."""
        yield from self._default(resolve(self._old, old), resolve(self._new, new), pointer)
        yield from self._unions(alternatives(self._old, old), alternatives(self._new, new), pointer)

    def _default(self, old: Json, new: Json, pointer: str) -> Iterator[Difference]:
        if old.get("default") != new.get("default") and old.get("default") is not None:
            detail = f"the default {_json(old['default'])} became {_json(new.get('default'))}"
            yield Difference("default-changed", pointer, detail, narrows=True)

    def _unions(self, old: list[Json], new: list[Json], pointer: str) -> Iterator[Difference]:
        olds, news = list(old), list(new)
        for is_pair in (self._is_same, _has_same_type, _has_both_numbers, _has_anything):
            for left in list(olds):
                right = next((each for each in news if is_pair(left, each)), None)
                if right is not None:
                    olds.remove(left)
                    news.remove(right)
                    yield from self._values(left, right, pointer)
        for left in olds:
            yield Difference("type-removed", pointer, f"{_type(left)} is no longer allowed", narrows=True)
        for right in news:
            yield Difference("type-added", pointer, f"{_type(right)} is now allowed", widens=True)

    def _is_same(self, old: Json, new: Json) -> bool:
        if _type(old) != _type(new):
            return False
        pair = _names(old, new)
        if pair not in self._same or not all(pair):
            self._same[pair] = next(self._values(old, new, "#"), None) is None
        return self._same[pair]

    def _values(self, old: Json, new: Json, pointer: str) -> Iterator[Difference]:
        pair = _names(old, new)
        if pair in self._open:
            # A recursive model.
            return
        if all(pair):
            self._open.add(pair)
        try:
            yield from self._parts(old, new, pointer)
        finally:
            self._open.discard(pair)

    def _parts(self, old: Json, new: Json, pointer: str) -> Iterator[Difference]:
        before, after = _type(old), _type(new)
        if before != after:
            yield Difference(
                "type-changed",
                pointer,
                f"from {before} to {after}",
                narrows=before == _ANYTHING or (before, after) == ("number", "integer"),
                widens=after == _ANYTHING or (before, after) == ("integer", "number"),
            )
        yield from _enums(old, new, pointer)
        for keyword, is_floor in _LIMITS.items():
            yield from _limits(keyword, old, new, pointer, is_floor=is_floor)
        for keyword in _FORMATS:
            yield from _formats(keyword, old.get(keyword), new.get(keyword), pointer)
        yield from _steps(old.get("multipleOf"), new.get("multipleOf"), pointer)
        if bool(old.get("uniqueItems")) != bool(new.get("uniqueItems")):
            is_new = bool(new.get("uniqueItems"))
            yield Difference(
                "constraint-changed", pointer, f"uniqueItems became {_json(is_new)}", narrows=is_new, widens=not is_new
            )
        yield from self._items(old, new, pointer)
        yield from self._fields(old, new, pointer)

    def _items(self, old: Json, new: Json, pointer: str) -> Iterator[Difference]:
        if "array" in (_type(old), _type(new)) and _type(old) == _type(new):
            yield from self.compare(old.get("items", {}), new.get("items", {}), f"{pointer}/*")
            before, after = old.get("prefixItems", []), new.get("prefixItems", [])
            if len(before) != len(after):
                detail = f"from {len(before)} to {len(after)} positions"
                yield Difference("type-changed", pointer, detail, narrows=True, widens=True)
            for at, (left, right) in enumerate(zip(before, after, strict=False)):
                yield from self.compare(left, right, f"{pointer}/{at}")

    def _fields(self, old: Json, new: Json, pointer: str) -> Iterator[Difference]:
        before, after = old.get("properties", {}), new.get("properties", {})
        needed, needs = set(old.get("required", ())), set(new.get("required", ()))
        is_closed = new.get("additionalProperties", True) is False
        for name, schema in before.items():
            at = f"{pointer}/{name}"
            if name not in after:
                detail = "is now rejected" if is_closed else "removed"
                yield Difference("field-removed", at, detail, narrows=is_closed, widens=True)
                continue
            if (name in needed) != (name in needs):
                is_needed = name in needs
                kind = "field-became-required" if is_needed else "field-became-optional"
                detail = "is now required" if is_needed else "may now be missing"
                yield Difference(kind, at, detail, narrows=is_needed, widens=not is_needed)
            yield from self.compare(schema, after[name], at)
        for name in after.keys() - before.keys():
            kind = "required-field-added" if name in needs else "field-added"
            yield Difference(kind, f"{pointer}/{name}", "added", narrows=name in needs)
        yield from self._additional_fields(
            old.get("additionalProperties", True), new.get("additionalProperties", True), pointer
        )

    def _additional_fields(self, old: Any, new: Any, pointer: str) -> Iterator[Difference]:
        if (old is False) != (new is False):
            is_closed = new is False
            detail = "additional fields are now rejected" if is_closed else "additional fields are now allowed"
            yield Difference("additional-fields-changed", pointer, detail, narrows=is_closed, widens=not is_closed)
        elif old is not False and old != new:
            yield from self.compare({} if old is True else old, {} if new is True else new, f"{pointer}/*")


def resolve(document: Json, schema: Any) -> Json:
    """The schema that a reference points to, merged with the keywords next to the reference; its name is in `$from`."""
    if schema is True or schema is False:
        return {} if schema else {"enum": []}
    result: Json = schema
    while "$ref" in result:
        target: Any = document
        try:
            for part in result["$ref"].removeprefix("#/").split("/"):
                target = target[part.replace("~1", "/").replace("~0", "~")]
        except (KeyError, TypeError) as error:
            raise ToolError(
                f"the reference {result['$ref']} has no target: a document must contain all that it refers to"
            ) from error
        siblings = {name: value for name, value in result.items() if name != "$ref"}
        result = {**target, "$from": result["$ref"], **siblings}
    return result


def alternatives(document: Json, schema: Any) -> list[Json]:
    """The members of a union, each of at most one type. A schema that is not a union is its only member."""
    result = resolve(document, schema)
    for part in result.get("allOf", ()):
        result = {**_merge(result, resolve(document, part)), "$from": ""}
    for keyword in ("anyOf", "oneOf"):
        if keyword in result:
            rest = {name: value for name, value in result.items() if name not in ("anyOf", "oneOf", "allOf", "default")}
            return [_merge(rest, member) for part in result[keyword] for member in alternatives(document, part)]
    if isinstance(result.get("type"), list):
        return [{**result, "type": member} for member in result["type"]]
    return [result]


def _names(old: Json, new: Json) -> tuple[str, str]:
    return old.get("$from", ""), new.get("$from", "")


def _merge(left: Json, right: Json) -> Json:
    merged = {**left, **right}
    if "properties" in left and "properties" in right:
        merged["properties"] = {**left["properties"], **right["properties"]}
    if "required" in left and "required" in right:
        merged["required"] = [*left["required"], *right["required"]]
    return merged


def _type(schema: Json) -> str:
    found = schema.get("type")
    if found is None and ("const" in schema or "enum" in schema):
        values = schema.get("enum", [schema.get("const")])
        return _json_type(values[0]) if values else "nothing"
    if found is None and "properties" in schema:
        return "object"
    return _ANYTHING if found is None else str(found)


def _json_type(value: object) -> str:
    names: dict[type, str] = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}
    return names.get(type(value), "array" if isinstance(value, list) else "object")


def _has_same_type(old: Json, new: Json) -> bool:
    return _type(old) == _type(new)


def _has_both_numbers(old: Json, new: Json) -> bool:
    return {_type(old), _type(new)} == {"integer", "number"}


def _has_anything(old: Json, new: Json) -> bool:
    return _ANYTHING in (_type(old), _type(new))


def _enums(old: Json, new: Json, pointer: str) -> Iterator[Difference]:
    before, after = _allowed(old), _allowed(new)
    if before is None and after is None:
        return
    if before is None or after is None:
        values = before if after is None else after
        detail = (
            f"all values are now allowed, not only {_list(values)}"
            if after is None
            else f"only {_list(values)} are now allowed"
        )
        yield Difference("enum-changed", pointer, detail, narrows=before is None, widens=after is None)
        return
    removed = [value for value in before if value not in after]
    added = [value for value in after if value not in before]
    if removed:
        yield Difference("enum-value-removed", pointer, f"{_list(removed)} no longer allowed", narrows=True)
    if added:
        yield Difference("enum-value-added", pointer, f"{_list(added)} now allowed", widens=True)


def _allowed(schema: Json) -> list[Any] | None:
    return [schema["const"]] if "const" in schema else schema.get("enum")


def _limits(keyword: str, old: Json, new: Json, pointer: str, *, is_floor: bool) -> Iterator[Difference]:
    nothing = -math.inf if is_floor else math.inf
    before, after = old.get(keyword, nothing), new.get(keyword, nothing)
    if before != after:
        is_less = (after > before) == is_floor
        detail = f"{keyword} {_json(old.get(keyword))} became {_json(new.get(keyword))}"
        yield Difference("constraint-changed", pointer, detail, narrows=is_less, widens=not is_less)


def _formats(keyword: str, old: Any, new: Any, pointer: str) -> Iterator[Difference]:
    if old != new:
        detail = f"{keyword} {_json(old)} became {_json(new)}"
        yield Difference("constraint-changed", pointer, detail, narrows=new is not None, widens=old is not None)


def _steps(old: Any, new: Any, pointer: str) -> Iterator[Difference]:
    if old == new:
        return
    change = Difference("constraint-changed", pointer, f"multipleOf {_json(old)} became {_json(new)}")
    yield replace(change, narrows=not _is_multiple(old, new), widens=not _is_multiple(new, old))


def _is_multiple(one: Any, other: Any) -> bool:
    return other is None or (one is not None and one % other == 0)


def _list(values: list[Any] | None) -> str:
    return ", ".join(map(_json, values or []))


def _json(value: Any) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)
