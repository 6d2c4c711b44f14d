"""A value for the type of a parameter, so that the SDK itself says how it would be sent."""

from __future__ import annotations

import datetime
import uuid
from decimal import Decimal
from enum import Enum
from typing import Any, Literal, get_args, get_origin

from org_common.db.protocol.parameters import Encoded
from org_common.tools.check.code.given import Unknown
from org_common.values.annotations import is_object, is_sequence, members
from org_common.values.jsonb import Json

# PostgreSQL infers the type, and takes null for the value.
ANY = Encoded(None, 0)
_VALUES: dict[Any, Any] = {
    bool: True,
    bytes: b"",
    datetime.date: datetime.date(2000, 1, 1),
    datetime.datetime: datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC),
    datetime.time: datetime.time(),
    datetime.timedelta: datetime.timedelta(),
    Decimal: Decimal(1),
    float: 1.0,
    int: 1,
    str: "",
    uuid.UUID: uuid.UUID(int=0),
    Json: Json({}),
}


def sample(annotation: Any) -> Any:
    """A value of the type; `ANY` for a type that is unknown or is one of several."""
    kinds = [] if annotation is Unknown else list(members(annotation))
    if len(kinds) != 1:
        return _same([sample(each) for each in kinds]) if kinds else None if annotation is type(None) else ANY
    kind = kinds[0]
    if kind in _VALUES:
        return _VALUES[kind]
    if get_origin(kind) is Literal:
        return get_args(kind)[0]
    if is_sequence(kind):
        items = [sample(item) for item in get_args(kind) if item is not Ellipsis]
        return items[:1] if items and items[0] is not ANY else ANY
    return _instance(kind)


def _same(samples: list[Any]) -> Any:
    """One of several values that are sent alike: `ErrorKind | Literal["cancelled"]` is a string."""
    return samples[0] if len({type(each) for each in samples}) == 1 else ANY


def _instance(kind: Any) -> Any:
    if isinstance(kind, type):
        if issubclass(kind, Enum):
            return next(iter(kind), ANY)
        if hasattr(kind, "__nested_objects__"):
            # Its class decides how a patch is merged.
            return kind.model_construct()  # type: ignore[attr-defined]
        for base in (str, int, float):
            if issubclass(kind, base):
                return _VALUES[base]
    return Json({}) if is_object(kind) else ANY


def is_optional(annotation: Any) -> bool:
    """Whether None is a value of the type."""
    if annotation is Unknown:
        return False
    arguments = get_args(annotation)
    if hasattr(annotation, "__metadata__"):
        return is_optional(arguments[0])
    inner = getattr(annotation, "__value__", None)
    if inner is not None:
        return is_optional(inner)
    return (
        annotation is None
        or annotation is type(None)
        or any(is_optional(each) for each in arguments if _is_union(annotation))
    )


def _is_union(annotation: Any) -> bool:
    import types
    from typing import Union

    return get_origin(annotation) in (Union, types.UnionType)


def literals(annotation: Any) -> frozenset[str] | None:
    """The strings that a type allows; None if it is not made of literals and enums alone."""
    found: set[str] = set()
    if annotation is Unknown:
        return None
    for kind in members(annotation):
        if get_origin(kind) is Literal:
            found |= {str(each.value if isinstance(each, Enum) else each) for each in get_args(kind)}
        elif isinstance(kind, type) and issubclass(kind, Enum):
            found |= {str(each.value) for each in kind}
        else:
            return None
    return frozenset(found) if found else None
