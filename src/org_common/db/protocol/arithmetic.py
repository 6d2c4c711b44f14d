"""Integers that a statement computes with: `$1 * $2` needs the type of its result, not of the numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from psycopg.types.numeric import Int4, Int8

# Parameters that are joined by operators, `$1 * $2 + $3`, with nothing else between them.
_CHAIN = re.compile(rb"\$\d+(?:\s*[-+*]\s*\$\d+)+")
_LINK = re.compile(rb"([-+*]?)\s*\$(\d+)")
_INTEGER = 2**31

Chain = tuple[tuple[bytes, int], ...]


def chains(command: bytes) -> list[Chain]:
    """The calculations of parameters alone in a statement: operators, and indexes of the values."""
    return [
        tuple([(operator, int(number) - 1) for operator, number in _LINK.findall(chain)])
        for chain in _CHAIN.findall(command)
    ]


def widen(values: list[Any], found: Sequence[Chain]) -> None:
    """Send integers as bigint where their result can exceed integer, in which PostgreSQL computes otherwise.

    Only then: functions such as make_interval() and `date + $1` take no bigint.
    """
    for chain in found:
        if all(type(values[at]) in (int, Int4, Int8) for _, at in chain) and _bound(values, chain) >= _INTEGER:
            for _, at in chain:
                if -_INTEGER <= values[at] < _INTEGER:
                    values[at] = Int8(values[at])


def _bound(values: Sequence[Any], chain: Chain) -> int:
    """What the result cannot exceed."""
    total, product = 0, 0
    for operator, at in chain:
        size = abs(int(values[at]))
        if operator == b"*":
            product *= size
        else:
            total, product = total + product, size
    return total + product
