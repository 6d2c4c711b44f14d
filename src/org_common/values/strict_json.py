"""JSON objects that nobody can read in two ways: what a caller or an issuer sent, before anything is believed of it.

Python's own parser takes the last of two members of one name, NaN, and any depth that its stack holds; two programs
that take different ones of two `sub` members are a way in.
"""

from __future__ import annotations

from json import JSONDecoder

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any, NoReturn

MAX_CONTAINERS = 100


def parse_object(data: bytes, *, max_bytes: int, max_containers: int = MAX_CONTAINERS) -> dict[str, Any]:
    """The one object that `data` holds, in UTF-8.

    `ValueError`, with a text that holds nothing of the data, for anything else: a member twice, NaN or Infinity, an
    escaped NUL (PostgreSQL's text has none), more than `max_bytes`, or more than `max_containers` objects and arrays,
    which bounds the depth before the parser meets it.
    """
    if len(data) > max_bytes:
        raise ValueError("too long")
    # Brackets within texts are counted as well: that refuses a little more, and costs no walk.
    if data.count(b"{") + data.count(b"[") > max_containers:
        raise ValueError("too many objects and arrays")
    if b"\\u0000" in data:
        raise ValueError("a NUL in a text")
    try:
        # Not json.loads(data): it would take UTF-16 as well.
        value = _DECODER.decode(data.decode())
    except (ValueError, RecursionError):
        # `from None`: a JSONDecodeError carries the whole text along.
        raise ValueError("no JSON object with each member once") from None
    if type(value) is not dict:
        raise ValueError("no JSON object")
    return value


def _once(members: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(members)
    if len(made) != len(members):
        raise ValueError("a member twice")
    return made


def _refuse(constant: str) -> NoReturn:
    raise ValueError("no number of JSON")


_DECODER = JSONDecoder(object_pairs_hook=_once, parse_constant=_refuse)
