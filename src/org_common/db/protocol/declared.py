"""What the annotation of a model's field says about the type of its parameter: JSON, or an array of which type."""

from __future__ import annotations

import datetime
import uuid
from decimal import Decimal
from typing import Any, NamedTuple

from org_common.values.annotations import is_any, is_object, is_sequence, items, members

# PostgreSQL's array types for the types whose values do not need one from their context.
ARRAY_OIDS: dict[Any, int] = {
    bool: 1000,
    bytes: 1001,
    int: 1007,
    float: 1022,
    datetime.date: 1182,
    datetime.time: 1183,
    datetime.datetime: 1185,
    datetime.timedelta: 1187,
    Decimal: 1231,
    uuid.UUID: 2951,
}
NUMBERS = frozenset({int, float, Decimal})


class Declaration(NamedTuple):
    """How the values of a field are sent."""

    is_json: bool
    """As one jsonb value."""
    has_null: bool = False
    """JSON's null is a value of the field, apart from SQL's: the field takes any JSON value."""
    oid: int = 0
    """Of an array: the type of an empty one; 0 for strings, whose type PostgreSQL infers."""


def declaration(annotation: Any) -> Declaration | None:
    """What an annotation says; None if the value says as much."""
    alternatives = list(members(annotation))
    if any(is_object(kind) for kind in alternatives):
        return Declaration(is_json=True, has_null=is_any(annotation))
    if len(alternatives) != 1 or not is_sequence(alternatives[0]):
        return None
    item_types = list(items(alternatives[0]))
    if not item_types or any(is_object(kind) for kind in item_types):
        return Declaration(is_json=True)
    kinds = {kind if isinstance(kind, type) else str for kind in item_types}
    if len(kinds) > 1 and not kinds <= NUMBERS:
        return Declaration(is_json=True)
    number = next((kind for kind in (Decimal, float, int) if kind in kinds), None)
    return Declaration(is_json=False, oid=ARRAY_OIDS.get(number or kinds.pop(), 0))
