"""Numbers in a JSON body that cannot be stored exactly, and `NaN` and `Infinity`, which are not JSON.

A double keeps 17 digits, an integer in PostgreSQL and orjson 64 bits. A caller can send a longer number as a string, to
a `Decimal`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from itertools import islice
from typing import Any

from org_common.handlers.pointer import pointer
from org_common.values.errors import MAX_FAULTS, BadRequest, Fault

# Sixteen digits in a row, an exponent of three: rare, so these bodies are parsed. Two patterns that each begin with one
# character set are five times as fast as one pattern with alternatives (measured), and most bodies have few digits.
_LONG_NUMBER = re.compile(rb"[0-9][0-9.]{15}")
_LARGE_EXPONENT = re.compile(rb"[eE][+-]?[0-9]{3}")
# All bytes but the digits and the first letters of NaN and Infinity.
_OTHER_BYTES = bytes(set(range(256)) - set(b"0123456789NI"))


def _may_have_inexact_numbers(body: bytes) -> bool:
    """Whether the body has to be parsed. For most bodies one pass over the bytes rules it out."""
    relevant = body.translate(None, _OTHER_BYTES)
    if not relevant or (len(relevant) < 4 and relevant.isdigit()):
        return False
    if b"NaN" in body or b"Infinity" in body:
        return True
    return _LONG_NUMBER.search(body) is not None or _LARGE_EXPONENT.search(body) is not None


def find_inexact_numbers(body: bytes) -> list[Fault]:
    """A fault for each of the first numbers that cannot be stored exactly.

    `BadRequest` for NaN and Infinity, which RFC 8259 (section 6) does not have.
    """
    faults: list[Fault] = []
    if not _may_have_inexact_numbers(body):
        return faults
    with suppress(ValueError, RecursionError):  # other malformed JSON: pydantic reports where
        document = json.loads(body, parse_constant=_refuse_constant, parse_float=_Float, parse_int=_Int)
        for path in islice(_inexact_paths(document, []), MAX_FAULTS):
            detail = "This number cannot be stored exactly: send it as a string"
            faults.append(Fault("body", pointer(path), detail, "number_range"))
    return faults


def _refuse_constant(name: str) -> None:
    raise BadRequest(f"The body is not valid JSON: {name} is not a JSON value.", code="invalid_json")


class _Float(str):
    __slots__ = ()

    def is_exact(self) -> bool:
        try:
            return math.isfinite(float(self)) and Decimal(self) == Decimal(repr(float(self)))
        except InvalidOperation:
            # Even a Decimal does not support an exponent of twenty digits.
            return False


class _Int(str):
    __slots__ = ()

    def is_exact(self) -> bool:
        return len(self) < 21 and -(2**63) <= int(self) < 2**63


def _inexact_paths(value: Any, path: list[int | str]) -> Iterator[list[int | str]]:
    """The paths of the numbers, all in one list object that changes with each step."""
    if isinstance(value, (_Float, _Int)):
        if not value.is_exact():
            yield path
        return
    if isinstance(value, (dict, list)):
        path.append("")
        for key, child in value.items() if isinstance(value, dict) else enumerate(value):
            path[-1] = key
            yield from _inexact_paths(child, path)
        path.pop()
