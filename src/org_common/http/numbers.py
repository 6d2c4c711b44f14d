"""The numbers of a JSON body: those that would be stored as another number are told, and no number at all is refused.

A double keeps 17 digits and an integer of PostgreSQL or of orjson 64 bits. As a text what has more comes through, to a
`Decimal`.
"""

from __future__ import annotations

import json
import math
import re
from contextlib import suppress
from decimal import Decimal
from typing import Any

from org_common.errors import BadRequest, Fault
from org_common.http.pointer import pointer

# Sixteen digits in a row, an exponent of three: seldom, and looked at closely. Two patterns that each begin with one
# set of characters are found five times as fast as one of alternatives (measured), and most bodies have few digits.
_LONG = re.compile(rb"[0-9][0-9.]{15}")
_GREAT = re.compile(rb"[eE][+-]?[0-9]{3}")
# Left are the digits and the beginnings of NaN and Infinity.
_NOT_TELLING = bytes(set(range(256)) - set(b"0123456789NI"))


def are_suspicious(sent: bytes) -> bool:
    """Some number may be lost. Most bodies are let go here, by one look at their digits."""
    telling = sent.translate(None, _NOT_TELLING)
    if not telling or (len(telling) < 4 and telling.isdigit()):
        return False
    if b"NaN" in sent or b"Infinity" in sent:
        return True
    return _LONG.search(sent) is not None or _GREAT.search(sent) is not None


def lost(sent: bytes) -> list[Fault]:
    """What would not survive; `BadRequest` for what JSON (RFC 8259, section 6) does not have."""
    faults: list[Fault] = []
    with suppress(ValueError, RecursionError):  # malformed in another way: pydantic says where
        _tell(json.loads(sent, parse_constant=_refuse, parse_float=_Float, parse_int=_Int), [], faults)
    return faults


def _refuse(name: str) -> None:
    raise BadRequest(f"The body is not valid JSON: {name} is no JSON value.", code="invalid_json")


class _Float(str):
    __slots__ = ()

    def survives(self) -> bool:
        return math.isfinite(float(self)) and Decimal(self) == Decimal(repr(float(self)))


class _Int(str):
    __slots__ = ()

    def survives(self) -> bool:
        return len(self) < 21 and -(2**63) <= int(self) < 2**63


def _tell(value: Any, path: list[int | str], faults: list[Fault]) -> None:
    if isinstance(value, dict):
        for name, inner in value.items():
            _tell(inner, [*path, name], faults)
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            _tell(inner, [*path, at], faults)
    elif isinstance(value, (_Float, _Int)) and not value.survives():
        detail = "This number is larger or more exact than can be kept: send a text"
        faults.append(Fault("body", pointer(path), detail, "number_range"))
