"""Columns: how PostgreSQL's values become Python's, or why they cannot. Importing this registers the loaders."""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson
from psycopg.adapt import Buffer, Loader, Transformer
from psycopg.errors import DataError
from psycopg.pq import Format
from psycopg.pq.abc import PGresult

from org_common.db.protocol.parameters import CONTEXT
from org_common.db.protocol.placeholders import StatementError

JSON, JSONB, BYTEA, INTERVAL, TEXT_ARRAY = 114, 3802, 17, 1186, 1009
# A number that is not exact has 16 digits or more, or (in the type json alone) an exponent of three. Translating every
# digit to 0 finds them 10 times as fast as a pattern.
_DIGITS = bytes(ord("0") if chr(byte) in "0123456789." else ord(" ") for byte in range(256))
_LONG = b"0" * 16
_LARGE_EXPONENT = rb"[eE][+-]?[0-9]{3}"


def unreadable(result: PGresult, error: Exception) -> StatementError:
    """Name the column whose value has no Python form. The message is free of values, which belong to no log."""
    transformer = Transformer(CONTEXT)
    for column in range(result.nfields):
        loader = transformer.get_loader(result.ftype(column), Format.TEXT)
        for row in range(result.ntuples):
            value = result.get_value(row, column)
            try:
                _ = value is None or loader.load(value)
            except DataError as reason:
                name = (result.fname(column) or b"").decode()
                return StatementError(f"the column {name} has a value that cannot be read: {_without_value(reason)}")
    return StatementError(f"a value cannot be read: {_without_value(error)}")


def _without_value(error: Exception) -> str:
    return str(error).partition(":")[0]


def array(text: Any) -> Any:
    """The items of an array of a type that psycopg does not know (an enum, a domain) as strings, for a list field."""
    if not isinstance(text, str):
        return text
    if text.startswith("[") and "={" not in text:
        return orjson.loads(text)  # a vector of pgvector
    if not text.startswith(("{", "[")):
        raise ValueError("it is not an array; cast a composite value with to_jsonb()")
    return Transformer(CONTEXT).get_loader(TEXT_ARRAY, Format.TEXT).load(text.encode())


def no_bytes(value: Any) -> None:
    """Refuse text for a field of bytes: it would be decoded as base64."""
    raise ValueError("it is not bytea; cast it, as in convert_to(title, 'UTF8')")


class _JsonbLoader(Loader):
    """JSON, in which every number is exactly what is stored."""

    def load(self, data: Buffer) -> Any:
        text = bytes(data)
        if _LONG in text.translate(_DIGITS):
            ensure_exact(text)
        return orjson.loads(text)


class _JsonLoader(Loader):
    """JSON as it was written, exponents included."""

    def load(self, data: Buffer) -> Any:
        text = bytes(data)
        if _LONG in text.translate(_DIGITS) or re.search(_LARGE_EXPONENT, text):
            ensure_exact(text)
        return orjson.loads(text)


def ensure_exact(text: bytes) -> None:
    """`DataError` for the first number that 64 bits or a double do not hold."""
    json.loads(text, parse_int=_exact_int, parse_float=_exact_float)


def _exact_int(text: str) -> float:
    # A float of 1e300 comes back as 301 digits.
    if len(text) <= 20 and -(2**63) <= int(text) < 2**64:
        return 0
    return _exact_float(text)


def _exact_float(text: str) -> float:
    try:
        if math.isfinite(float(text)) and Decimal(text) == Decimal(repr(float(text))):
            return 0.0
    except InvalidOperation:
        pass
    raise _inexact()


def _inexact() -> DataError:
    return DataError(
        "its JSON holds a number beyond 64 bits, or with more digits than a float. Store it in a numeric column, or as "
        "a JSON string"
    )


_INTERVAL_LOADER: Any = CONTEXT.adapters.get_loader(INTERVAL, Format.TEXT)


class _IntervalLoader(Loader):
    """Intervals of days and less; psycopg takes a month for 30 days, and infinity for 0."""

    def __init__(self, oid: int, context: Any = None) -> None:
        super().__init__(oid, context)
        self._load = _INTERVAL_LOADER(oid, context).load

    def load(self, data: Buffer) -> Any:
        text = bytes(data)
        if b"mon" in text or b"year" in text or b"inf" in text:
            raise DataError("a timedelta has neither months nor infinity. Select the interval as text")
        return self._load(text)


CONTEXT.adapters.register_loader(JSON, _JsonLoader)
CONTEXT.adapters.register_loader(JSONB, _JsonbLoader)
CONTEXT.adapters.register_loader(INTERVAL, _IntervalLoader)
