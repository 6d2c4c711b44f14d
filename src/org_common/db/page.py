"""Keyset pages over any SELECT, and the cursors that continue them."""

from __future__ import annotations

import datetime
import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Any, LiteralString

import orjson
from psycopg import sql

from org_common.config.settings import SettingsError
from org_common.db.protocol.statement import Params, StatementError, Text, placeholder_values
from org_common.values.errors import BadRequest
from org_common.values.identity import Identity

MAC_BYTES = 16
# API Gateway takes 10,240 bytes of request line and headers together.
MAX_CURSOR_LENGTH = 6144


class Cursors:
    """Signs and opens the cursors of one list of one caller.

    A cursor is the sort keys of the last item, signed with the list's scope and the caller, so it is of no use to
    anybody else, on another route or under other filters. It hides nothing: its keys are values that the caller got.
    """

    __slots__ = ("_context", "_keys")

    def __init__(self, keys: Sequence[str], scope: str, identity: Identity | None) -> None:
        """`SettingsError` without a key: the newest comes first and signs, all open."""
        ensure_keys(keys)
        caller = "" if identity is None else f"{identity.issuer}\n{identity.subject}"
        self._keys = [key.encode() for key in keys]
        self._context = f"{scope}\n\n{caller}".encode()

    def seal(self, values: Sequence[Any]) -> str:
        body = _encoded(orjson.dumps([_as_text(value) for value in values]))
        cursor = f"{body}.{self._mac(self._keys[0], body)}"
        if len(cursor) > MAX_CURSOR_LENGTH:
            raise StatementError(f"the sort keys make a cursor of {len(cursor)} characters: sort by shorter columns")
        return cursor

    def open(self, cursor: str, count: int) -> list[str]:
        """The `count` sort keys, as text; `BadRequest` for a cursor that was not made for this list and caller."""
        body, _, mac = cursor.partition(".")
        # Texts are compared, not what they decode to: base64 has several spellings of the same bytes.
        if (
            len(cursor) > MAX_CURSOR_LENGTH
            or not cursor.isascii()
            or not any(hmac.compare_digest(mac, self._mac(key, body)) for key in self._keys)
        ):
            raise _foreign()
        values = orjson.loads(urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        if len(values) != count:
            # Signed by us for this list, when it was sorted by something else.
            raise _foreign()
        return list(values)

    def _mac(self, key: bytes, body: str) -> str:
        return _encoded(hmac.digest(key, self._context + b"\n\n" + body.encode(), hashlib.sha256)[:MAC_BYTES])


def ensure_keys(keys: Sequence[object]) -> None:
    """`SettingsError` without a key."""
    if not keys:
        raise SettingsError(
            "ORG_COMMON_CURSOR_KEYS is not set, and neither is ORG_COMMON_CURSOR_KEYS_SECRET: pages need a key to sign "
            "their cursors. Example: the output of `openssl rand -hex 32`"
        )


def _encoded(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def _foreign() -> BadRequest:
    return BadRequest("The cursor was not made for this list. Start again without one.", code="invalid_cursor")


def query(text: Text, by: Sequence[LiteralString], *, descending: bool, after: bool) -> sql.Composed:
    """The SELECT around a list's own: those after the cursor, in order, one more than asked for."""
    if not by:
        raise StatementError("page() needs the columns to sort by, the last of them unique: by=('name', 'id')")
    inner = sql.SQL(text) if isinstance(text, str) else text
    names = [sql.Identifier(name) for name in by]
    where: sql.Composable = sql.SQL("")
    if after:
        sign = sql.SQL("<" if descending else ">")
        keys = sql.SQL(", ").join([sql.SQL("%(_key_" + str(at) + ")s") for at in range(len(by))])  # pyright: ignore[reportArgumentType] # a number
        where = sql.SQL("where ({}) {} ({})").format(sql.SQL(", ").join(names), sign, keys)
    order: sql.Composable = sql.SQL(", ").join(
        [sql.SQL("{} desc").format(name) if descending else name for name in names]
    )
    return sql.SQL("select * from (\n{}\n) as page {} order by {} limit %(_limit)s").format(inner, where, order)


def parameters(params: Params, names: Sequence[str], keys: Sequence[str], limit: int) -> dict[str, Any]:
    """The list's own parameters with those of the page."""
    wanted = [name for name in names if not name.startswith("_")]
    own = dict(zip(wanted, placeholder_values(params, wanted), strict=True))
    return {**own, **{f"_key_{at}": key for at, key in enumerate(keys)}, "_limit": limit + 1}


def _as_text(value: Any) -> str:
    """A sort key as PostgreSQL reads it back without loss."""
    if value is None:
        raise StatementError("a sort key was null: pages sort by columns that are not null")
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    return str(value)
