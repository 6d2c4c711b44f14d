r"""Values in jsonb: what JSON has no type for is written so that PostgreSQL's types and models both read it back.

timedelta    "P400DT3600.5S", below zero "-26:00:00"; of pydantic's own forms, "P1Y" for 365 days is a year to
             PostgreSQL, and "-PT1H" an error
bytes        "\x6162", the form of PostgreSQL's type bytea
a secret     is rejected: its JSON form is a mask, which would be stored
"""

from __future__ import annotations

import datetime
import types
from functools import lru_cache
from typing import Any, Union, get_args, get_origin

from org_common.values.annotations import kinds_within
from org_common.values.secret import Secret

# Masked or rendered as another value by pydantic's JSON; Any and object may hold them.
_BYTES = (bytes, bytearray)
_RENDERED = (datetime.timedelta, *_BYTES)


class Json:
    """A JSON value as a parameter: sent as jsonb, whatever its Python type. `Json(None)` is JSON's null.

        tx.run(ADD_SETTING, {"name": "vat", "value": Json("19")}, rows=1)

    A dict or a model is sent as jsonb without it, and so is a model's field of type `Any` or `JsonValue`.
    """

    __slots__ = ("value",)

    value: Any
    """Anything that JSON has a form for: objects, lists, strings, numbers, booleans, None, models within them."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return f"Json({self.value!r})"


def is_secret(kind: type) -> bool:
    """Whether values of this type are masked when printed: `Secret`, pydantic's `SecretStr` and `SecretBytes`."""
    return hasattr(kind, "get_secret_value") or kind is Secret


def dump(model: Any, **options: Any) -> dict[str, Any]:
    """A model as a JSON object with snake_case keys. Raises `ValueError`, which names the field, for a secret."""
    kind: Any = type(model)
    if needs_rendering(kind):
        return _rendered(model, options)
    data: dict[str, Any] = model.model_dump(mode="json", by_alias=False, **options)
    return data


def _rendered(model: Any, options: dict[str, Any]) -> dict[str, Any]:
    value = model.model_dump(mode="python", by_alias=False, **options)
    try:
        data = model.model_dump(mode="json", by_alias=False, **options)
    except Exception:
        render(value, value)  # raises for a secret, of which pydantic says less
        raise
    rendered: dict[str, Any] = render(data, value)
    return rendered


def render(data: Any, value: Any, path: tuple[str, ...] = ()) -> Any:
    """Replace what pydantic rendered another way: `data` is the JSON of `value`."""
    if isinstance(value, dict):
        pairs = zip(data.items(), value.values(), strict=True)
        return {key: render(item, original, (*path, key)) for (key, item), original in pairs}
    if isinstance(value, (list, tuple)) and isinstance(data, list):
        return [render(item, original, path) for item, original in zip(data, value, strict=True)]
    if isinstance(value, _RENDERED):
        return text_of(value)
    if isinstance(value, float):
        return value  # NaN and infinity are null in `data`; who writes the JSON rejects them
    if isinstance(value, (set, frozenset)) and any(
        isinstance(item, _RENDERED) or is_secret(type(item)) for item in value
    ):
        return [render(None, item, path) for item in value]
    if is_secret(type(value)):
        raise ValueError(
            f"the field {'.'.join(path)} is a {type(value).__name__}, whose JSON is a mask: "
            "pass what it holds as a parameter of its own, or declare the field as str"
        )
    return data


def text_of(value: Any) -> str:
    """A timedelta or bytes in a form that both PostgreSQL and pydantic, or `restore()`, read without loss."""
    if isinstance(value, _BYTES):
        return "\\x" + value.hex()
    if not isinstance(value, datetime.timedelta):
        raise TypeError(f"{type(value).__name__} has no JSON form")
    # Not total_seconds(), which is a float.
    micros = (value.days * 86400 + value.seconds) * 1_000_000 + value.microseconds
    fraction = f".{abs(micros) % 1_000_000:06}" if micros % 1_000_000 else ""
    if micros >= 0:
        return f"P{value.days}DT{value.seconds}{fraction}S"
    minutes, seconds = divmod(-micros // 1_000_000, 60)
    return f"-{minutes // 60:02}:{minutes % 60:02}:{seconds:02}{fraction}"


def restore(value: Any, annotation: Any) -> Any:
    """The bytes within a value of a jsonb column, by the type of the field that it is for."""
    arguments = get_args(annotation)
    if hasattr(annotation, "__metadata__"):
        return restore(value, arguments[0])
    if isinstance(value, str):
        is_bytes = annotation in _BYTES or (str not in arguments and any(kind in _BYTES for kind in arguments))
        return bytes.fromhex(value[2:]) if is_bytes and value.startswith("\\x") else value
    if isinstance(value, dict):
        fields = getattr(annotation, "__pydantic_fields__", None)
        if fields is not None:
            kinds = {key: field.annotation for name, field in fields.items() for key in (name, field.alias)}
            return {key: restore(item, kinds.get(key)) for key, item in value.items()}
    if isinstance(value, (dict, list)) and arguments:
        if get_origin(annotation) in (Union, types.UnionType):
            for kind in arguments:
                value = restore(value, kind)
            return value
        if isinstance(value, dict):
            return {key: restore(item, arguments[-1]) for key, item in value.items()}
        return [restore(item, arguments[0]) for item in value]
    return value


def has_bytes(annotation: Any) -> bool:
    """Whether a value of this type may hold bytes, so that it needs `restore()`."""
    return any(kind in _BYTES for kind in kinds_within(annotation))


@lru_cache(maxsize=1024)
def needs_rendering(model: Any) -> bool:
    """Whether a value of this model may hold what JSON has no type for."""
    return any(kind in (Any, object, *_RENDERED) or is_secret(kind) for kind in kinds_within(model))
