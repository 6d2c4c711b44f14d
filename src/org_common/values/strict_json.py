"""A strict JSON parser for untrusted input: no duplicate keys, no NaN, limited size and depth.

Python's parser accepts NaN, any depth its stack allows, and duplicate keys, of which it takes the last. Two programs
that take different values of a duplicate `sub` are an attack vector.
"""

from __future__ import annotations

from json import JSONDecoder

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any, NoReturn

MAX_CONTAINERS = 100


def parse_object(data: bytes, *, max_bytes: int, max_containers: int = MAX_CONTAINERS) -> dict[str, Any]:
    """Parse a JSON object in UTF-8.

    Raises `ValueError`, without any of the data in its message, for anything else: duplicate keys, NaN or Infinity, an
    escaped NUL (which PostgreSQL's type text cannot hold), more than `max_bytes`, or more than `max_containers` objects
    and arrays, which limits the depth before parsing.
    """
    value = parse(data, max_bytes=max_bytes, max_containers=max_containers)
    if type(value) is not dict:
        raise ValueError("not a JSON object")
    return value


def parse(data: bytes, *, max_bytes: int, max_containers: int = MAX_CONTAINERS) -> Any:
    """Parse a JSON value as strictly as `parse_object`."""
    if len(data) > max_bytes:
        raise ValueError("too long")
    # Brackets in strings count too: that rejects slightly more, and needs no pass over the data in Python.
    if data.count(b"{") + data.count(b"[") > max_containers:
        raise ValueError("too many objects and arrays")
    if b"\\u0000" in data:
        raise ValueError("a string contains NUL")
    try:
        # Not json.loads(data), which accepts UTF-16 too.
        return _DECODER.decode(data.decode())
    except (ValueError, RecursionError):
        # `from None`: a JSONDecodeError holds the complete input.
        raise ValueError("not valid JSON without duplicate keys") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("duplicate key")
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError("not a JSON number")


_DECODER = JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse)
