"""What the annotation of a field allows: objects, lists, and the types within them."""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Union, get_args, get_origin


def may_hold_object(annotation: Any) -> bool:
    """Whether a value of this type may be a JSON object."""
    return any(is_object(member) for member in members(annotation))


def is_list(annotation: Any) -> bool:
    """Whether a value of this type is a list, a set or a tuple."""
    return any(is_sequence(member) for member in members(annotation))


def members(annotation: Any) -> Iterator[Any]:
    """The alternatives that an annotation allows, without None and metadata."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    inner = getattr(annotation, "__value__", None) or getattr(annotation, "__supertype__", None)
    if inner is not None:
        yield from members(inner)
    elif hasattr(annotation, "__metadata__"):
        yield from members(arguments[0])
    elif origin in (Union, types.UnionType):
        for argument in arguments:
            yield from members(argument)
    elif annotation is not type(None):
        yield annotation


def items(sequence: Any) -> Iterator[Any]:
    """The types of the items of a list, and of the lists within it."""
    for argument in get_args(sequence):
        if argument is not Ellipsis:
            for member in members(argument):
                yield from items(member) if is_sequence(member) and get_args(member) else [member]


def is_any(annotation: Any) -> bool:
    """Whether a field takes any JSON value."""
    if hasattr(annotation, "__metadata__"):
        return is_any(get_args(annotation)[0])
    return annotation in (Any, object) or getattr(annotation, "__name__", "") == "JsonValue"


def is_object(kind: Any) -> bool:
    """Whether a value of this type is a JSON object, or may be one."""
    if kind in (Any, object):
        return True
    kind = get_origin(kind) or kind
    return isinstance(kind, type) and (
        issubclass(kind, Mapping)
        or any(hasattr(kind, name) for name in ("__pydantic_fields__", "__dataclass_fields__", "__total__"))
    )


def is_sequence(kind: Any) -> bool:
    """Whether a value of this type is a list, a tuple or a set."""
    kind = get_origin(kind) or kind
    return (
        isinstance(kind, type)
        and issubclass(kind, Iterable)
        and not issubclass(kind, (str, bytes, bytearray, memoryview, range, Mapping))
        and not hasattr(kind, "_fields")
        and kind.__module__ in ("builtins", "collections", "collections.abc")
    )


def kinds_within(annotation: Any, seen: set[Any] | None = None) -> Iterator[Any]:
    """The types that a type is made of: of a model those of its fields, of a list those of its items, and so on."""
    seen = set() if seen is None else seen
    parts = _parts(annotation)
    if not parts:
        yield annotation
    for part in parts:
        if (key := repr(part)) not in seen:
            seen.add(key)
            yield from kinds_within(part, seen)


def _parts(annotation: Any) -> list[Any]:
    fields = getattr(annotation, "__pydantic_fields__", None)
    if fields is not None:
        return [field.annotation for field in fields.values()]
    alias = getattr(annotation, "__value__", None) or getattr(annotation, "__supertype__", None)
    if alias is not None:
        return [alias]
    if get_origin(annotation) is not None:
        return [part for part in get_args(annotation) if part is not Ellipsis]
    if isinstance(annotation, type) and (
        hasattr(annotation, "__dataclass_fields__") or hasattr(annotation, "__total__")
    ):
        return list(annotation.__annotations__.values())
    return []
