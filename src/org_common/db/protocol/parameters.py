"""Parameters: how a Python value is sent to PostgreSQL.

The type of a value decides, and for the fields of a model their annotation too: an empty list or a JSON string is then
sent like any other value of its field. Scalars are adapted by psycopg, in C; this module handles what psycopg has no
adapter for, and the types that it would derive from the size or the number of values.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from typing import Any, NamedTuple

import orjson
from psycopg.adapt import AdaptersMap, PyFormat, Transformer
from psycopg.types.json import Jsonb, set_json_dumps

from org_common.db.driver.adapters import default_adapters
from org_common.db.protocol.declared import ARRAY_OIDS, NUMBERS, declaration
from org_common.db.protocol.placeholders import StatementError
from org_common.values import jsonb
from org_common.values.jsonb import Json

TEXT_FORMAT = 0
INT4, INT8, NUMERIC, TEXT, TEXT_ARRAY = 23, 20, 1700, 25, 1009
_INT_ARRAYS = {INT4: 1007, INT8: 1016, NUMERIC: 1231}
# An object with attributes named like the placeholders (a model), or a mapping.
Params = Mapping[str, Any] | object | None
Adapt = Callable[[Any], Any]


class Encoded(NamedTuple):
    """A value in PostgreSQL's text format, None for null, and the OID of its type; 0 if PostgreSQL infers it."""

    data: bytes | None
    oid: int


class _Context:
    """psycopg's adapters with orjson for JSON, for values that are adapted without a connection."""

    adapters: AdaptersMap = default_adapters()
    connection = None


CONTEXT = _Context()


def placeholder_values(params: Params, names: Sequence[str]) -> list[Any]:
    """The values of the placeholders; a `StatementError` names the first missing one."""
    get = params.__getitem__ if isinstance(params, Mapping) else params.__getattribute__
    try:
        values = [get(name) for name in names]
    except (KeyError, AttributeError) as error:
        missing = error.name if isinstance(error, AttributeError) else error.args[0]
        given = ", ".join(map(str, params)) if isinstance(params, Mapping) else ""
        raise StatementError(
            f"the parameter %({missing})s of the statement is missing: add it to those given ({given or 'none'})"
        ) from error
    if hasattr(params, "__pydantic_fields__"):
        model: Any = type(params)
        for at, declare in _declared(model, tuple(names)):
            try:
                values[at] = declare(params, values[at])
            except Exception as error:
                raise StatementError(unsendable(names[at], error)) from error
    return values


def unsendable(name: str, reason: Exception) -> str:
    """The message about a parameter that cannot be sent."""
    return f"the parameter %({name})s cannot be sent to PostgreSQL: {reason}"


@lru_cache(maxsize=1024)
def _declared(model: Any, names: tuple[str, ...]) -> list[tuple[int, Callable[[Any, Any], Any]]]:
    """The parameters whose field says more than their value, and what is sent for them."""
    declared = []
    for at, name in enumerate(names):
        field = model.__pydantic_fields__.get(name)
        kind = None if field is None else declaration(field.annotation)
        if kind is not None:
            declared.append((at, _json_field(name, nullable=kind.has_null) if kind.is_json else _array_field(kind.oid)))
    return declared


def _json_field(name: str, *, nullable: bool) -> Callable[[Any, Any], Any]:
    def declare(params: Any, value: Any) -> Any:
        if value is None or hasattr(value, "__jsonb__"):
            return Json(None) if value is None and nullable else value
        return Json(jsonb.dump(params, include={name})[name])

    return declare


def _array_field(oid: int) -> Callable[[Any, Any], Any]:
    def declare(params: Any, value: Any) -> Any:
        if value is None or any(item is not None for item in value):
            return value
        return Encoded(_array_text(value, str), oid)

    return declare


def encode(values: Sequence[Any]) -> tuple[list[Any], tuple[int, ...], list[int]]:
    """Values, type OIDs and formats for libpq. Raises what the first unsuitable value raises."""
    plain: list[Any] = []
    encoded: list[tuple[int, Encoded]] = []
    for value in values:
        adapt = _ADAPT.get(type(value), _adapt_new)
        adapted = value if adapt is None else adapt(value)
        if type(adapted) is Encoded:
            encoded.append((len(plain), adapted))
            plain.append(None)
        else:
            plain.append(adapted)
    transformer = Transformer(CONTEXT)
    # psycopg's Buffer is bytes-like; libpq accepts it.
    wired: list[Any] = list(transformer.dump_sequence(plain, [PyFormat.AUTO] * len(plain)))
    oids, formats = transformer.types or (), [int(format) for format in transformer.formats or ()]
    if encoded:
        types = list(oids)
        for at, value in encoded:
            wired[at], types[at], formats[at] = value.data, value.oid, TEXT_FORMAT
        oids = tuple(types)
    return wired, oids, formats


def integer(value: int) -> Encoded:
    """An integer as the first of int4, int8 and numeric that holds it, as PostgreSQL reads a literal.

    psycopg starts with int2: two parameters that are multiplied then overflow at 32,768.
    """
    return Encoded(b"%d" % value, _integer_oid(value))


def widen(values: list[Any], bound: int, positions: Iterable[int]) -> None:
    """Send the integers of an expression as int8 if its result may not fit int4: PostgreSQL computes in their types.

    `bound` is a bound of the other operands. As every operand counts as 2 or more, the product bounds a sum too.
    """
    integers = [at for at in positions if type(values[at]) is int]
    for at in integers:
        bound *= max(abs(values[at]), 2)
    if bound > 0x7FFF_FFFF:
        for at in integers:
            oid = _integer_oid(values[at])
            values[at] = Encoded(b"%d" % values[at], INT8 if oid == INT4 else oid)


def _integer_oid(value: int) -> int:
    if -0x8000_0000 <= value < 0x8000_0000:
        return INT4
    return INT8 if -(2**63) <= value < 2**63 else NUMERIC


def _adapt_new(value: Any) -> Any:
    """Find out how values of a type are adapted, and remember it."""
    adapt = _ADAPT[type(value)] = _adapter(type(value))
    return value if adapt is None else adapt(value)


def _adapter(kind: type) -> Adapt | None:
    """What turns a value of a type into one that psycopg adapts; None if psycopg adapts it as it is."""
    if hasattr(kind, "__jsonb__"):
        return lambda value: Jsonb(value.__jsonb__())
    if hasattr(kind, "__pydantic_fields__"):
        return lambda value: Jsonb(value.model_dump(mode="json"))
    if issubclass(kind, Enum):
        return _enum
    if jsonb.is_secret(kind):
        return _refuse_secret
    if kind.__module__.startswith("psycopg"):
        return None
    if issubclass(kind, int):
        return lambda value: integer(int(value))
    if issubclass(kind, dict):
        return Jsonb
    # A named tuple is a composite value.
    if issubclass(kind, (list, set, frozenset)):
        return _array
    return str if hasattr(kind, "unicode_string") else None  # pydantic's URLs


def _enum(value: Enum) -> Any:
    """Its value, as over HTTP; psycopg would send the name."""
    adapt = _ADAPT.get(type(value.value), _adapt_new)
    return value.value if adapt is None else adapt(value.value)


def _refuse_secret(value: Any) -> Any:
    method = "reveal" if hasattr(value, "reveal") else "get_secret_value"
    raise StatementError(f"it is a {type(value).__name__}: pass {method}() if the database may hold it")


def _array(items: Iterable[Any]) -> Any:
    """A list whose items have one type; of numbers the widest."""
    items = list(items)
    if not _PLAIN.issuperset(map(type, items)):
        items = [_item(item) for item in items]
    kinds = _kinds(items)
    if kinds == {int} or (len(kinds) > 1 and kinds <= NUMBERS):
        return _numbers(items, kinds)
    if kinds and kinds <= {bytes, bytearray, memoryview}:
        # Without a connection psycopg escapes bytes for a literal: it doubles quotes and backslashes.
        return Encoded(_array_text(items, lambda item: f'"\\\\x{item.hex()}"'), ARRAY_OIDS[bytes])
    return items


def _item(item: Any) -> Any:
    """An item of a list: nested lists as lists, enums by value."""
    if isinstance(item, Enum):
        return _item(item.value)
    if isinstance(item, (list, tuple, set, frozenset)) and not hasattr(item, "_fields"):
        return [_item(part) for part in item]
    adapt = _ADAPT.get(type(item), _adapter(type(item)))
    if adapt is None or type(item) is int:
        return item
    adapted = adapt(item)
    if isinstance(adapted, Jsonb):
        raise StatementError("it is a list of objects: wrap it in Json(...) to send it as one jsonb array")
    return int(item) if isinstance(item, int) else adapted


def _kinds(items: list[Any]) -> set[type]:
    """The types of the items, and of those of nested lists."""
    kinds = set(map(type, items))
    if list in kinds:
        kinds.update(*[_kinds(item) for item in items if type(item) is list])
    return kinds - {list, type(None)}


def _numbers(items: list[Any], kinds: set[type]) -> Encoded:
    flat = list(_flat(items))
    if kinds == {int}:
        oid = max((_integer_oid(min(flat)), _integer_oid(max(flat))), key=(INT4, INT8, NUMERIC).index)
        return Encoded(_array_text(items, str), _INT_ARRAYS[oid])
    # Integers and floats are floats if that loses nothing.
    is_exact = Decimal not in kinds and all(abs(item) <= 2**53 for item in flat if type(item) is int)
    return Encoded(_array_text(items, str), ARRAY_OIDS[float if is_exact else Decimal])


def _flat(items: list[Any]) -> Iterable[Any]:
    for item in items:
        if type(item) is list:
            yield from _flat(item)
        elif item is not None:
            yield item


def _array_text(items: Iterable[Any], text: Callable[[Any], str]) -> bytes:
    """An array of values that need no quotes."""

    def of(part: Iterable[Any]) -> str:
        parts = ["NULL" if item is None else of(item) if type(item) is list else text(item) for item in part]
        return f"{{{','.join(parts)}}}"

    return of(items).encode()


def _dumps(value: Any) -> bytes:
    try:
        data = orjson.dumps(value, default=_json_default)
    except TypeError as error:
        raise ValueError(_unserializable(value) or str(error)) from error
    # orjson writes NaN and infinity as null.
    if b"null" in data and not _is_finite((value,)):
        raise ValueError(_unserializable(value))
    return data


def _is_finite(values: Iterable[Any]) -> bool:
    for value in values:
        kind = type(value)
        if kind is float:
            if not math.isfinite(value):
                return False
        elif kind is dict:
            if not _is_finite(value.values()):
                return False
        elif (kind is list or kind is tuple) and not _is_finite(value):
            return False
    return True


def _unserializable(value: Any, path: str = "") -> str | None:
    """The first part of a value that JSON has no form for, as `path: reason`."""
    if isinstance(value, dict):
        parts: Iterable[tuple[Any, Any]] = value.items()
    elif isinstance(value, (list, tuple)):
        parts = enumerate(value)
    else:
        try:
            orjson.dumps(value, default=_json_default)
        except TypeError as error:
            return f"{path or 'it'}: {error}"
        return None if _is_finite((value,)) else f"{path or 'it'}: JSON has neither NaN nor infinity"
    reasons = (_unserializable(part, f"{path}.{key}" if path else str(key)) for key, part in parts)
    return next((reason for reason in reasons if reason), None)


def _json_default(value: Any) -> Any:
    """What JSON has no type for, in the forms of `org_common.values.jsonb`."""
    if hasattr(value, "__jsonb__"):
        return value.__jsonb__()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, (set, frozenset)):
        return list(value)
    if isinstance(value, Json):
        return value.value
    return jsonb.text_of(value)


set_json_dumps(_dumps, CONTEXT)

_ADAPT: dict[type, Adapt | None] = {
    **dict.fromkeys((type(None), str, bool, float, Decimal, bytes, Encoded), None),
    int: integer,
    dict: Jsonb,
    list: _array,
    tuple: _array,
    set: _array,
    frozenset: _array,
    Json: lambda value: Jsonb(value.value),
}
# Items that an array takes as they are.
_PLAIN = frozenset({type(None), str, bool, int, float, Decimal, bytes, *ARRAY_OIDS})
