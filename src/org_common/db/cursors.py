"""Cursors: the sort keys of a page's last item, encrypted and signed for one list of one caller."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import NamedTuple

import orjson

from org_common.config.settings import SettingsError
from org_common.db.protocol.statement import StatementError
from org_common.values.errors import BadRequest
from org_common.values.identity import Identity
from org_common.values.paging import MAX_CURSOR_LENGTH

TAG_BYTES = 16


class SortKey(NamedTuple):
    """The value of one sort column in the last row of a page."""

    text: str | None
    """The text that the server sent, which its input function reads back without loss; None for null."""
    oid: int
    """The column's type, of a domain its base type, as which the server reads the text back."""


class Cursors:
    """Seals and opens the cursors of one list of one caller.

    A cursor is opaque: a caller can neither read nor change it, nor use it for another list, another sort order or
    another caller. Encryption matters because a sort key is the column's own text, which the model may hide or cut.
    The same page has the same cursor, so its ETag stays the same.

    SIV (RFC 5297, section 2.6) out of the standard library: the tag authenticates the plaintext and seeds the key
    stream, here by HMAC-SHA-256 and SHAKE-256. AES-SIV of `cryptography` takes 39 ms to import, this 10 us a cursor.
    """

    __slots__ = ("_context", "_keys")

    def __init__(self, keys: Sequence[str], scope: str, sort: str, identity: Identity | None) -> None:
        """`scope` and `sort` name the list and its sort order. `SettingsError` without a key.

        The newest key comes first: it seals, all of them open.
        """
        ensure_keys(keys)
        caller = [] if identity is None else [identity.issuer, identity.subject]
        self._keys = [key.encode() for key in keys]
        self._context = orjson.dumps([scope, sort, caller])

    def seal(self, keys: Sequence[SortKey]) -> str:
        """The cursor behind a row with these sort keys. `StatementError` when it would be too long to be sent."""
        plain = orjson.dumps([tuple(key) for key in keys])
        tag = self._tag(self._keys[0], plain)
        cursor = _encoded(tag + _xor(plain, _stream(self._keys[0], tag, len(plain))))
        if len(cursor) > MAX_CURSOR_LENGTH:
            raise StatementError(
                f"the sort keys make a cursor of {len(cursor)} characters, and {MAX_CURSOR_LENGTH} can be sent: "
                "sort by shorter columns, for example left(title, 200) as title_start"
            )
        return cursor

    def open(self, cursor: str) -> list[SortKey]:
        """The sort keys; `BadRequest` for a cursor that was not made for this list, sort order and caller."""
        from hmac import compare_digest

        raw = _decoded(cursor)
        tag, secret = raw[:TAG_BYTES], raw[TAG_BYTES:]
        for key in self._keys:
            plain = _xor(secret, _stream(key, tag, len(secret)))
            if compare_digest(tag, self._tag(key, plain)):
                return [SortKey(text, oid) for text, oid in orjson.loads(plain)]
        raise _foreign()

    def _tag(self, key: bytes, plain: bytes) -> bytes:
        # The context is JSON, so it ends where its last bracket closes: no other context and plaintext read the same.
        return _hmac(key, self._context + b"\n" + plain)[:TAG_BYTES]


def ensure_keys(keys: Sequence[object]) -> None:
    """`SettingsError` without a key."""
    if not keys:
        raise SettingsError(
            "ORG_COMMON_CURSOR_KEYS is not set, and neither is ORG_COMMON_CURSOR_KEYS_SECRET: pages need a key to sign "
            "their cursors. Example: the output of `openssl rand -hex 32`"
        )


def _stream(key: bytes, tag: bytes, length: int) -> bytes:
    # A key of its own, so that no tag is ever a part of a stream: a tag's input begins with "[".
    from hashlib import shake_256

    return shake_256(_hmac(key, b"stream\n" + tag)).digest(length)


def _hmac(key: bytes, message: bytes) -> bytes:
    # Imported for the first cursor: most lists end on their first page, and these load OpenSSL.
    import hmac
    from hashlib import sha256

    return hmac.digest(key, message, sha256)


def _xor(left: bytes, right: bytes) -> bytes:
    return (int.from_bytes(left) ^ int.from_bytes(right)).to_bytes(len(left))


def _encoded(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def _decoded(cursor: str) -> bytes:
    """The bytes; `BadRequest` for what `_encoded` does not write: base64 has several spellings of the same bytes."""
    if len(cursor) <= MAX_CURSOR_LENGTH and cursor.isascii():
        try:
            raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        except ValueError:
            raise _foreign() from None
        if len(raw) > TAG_BYTES and _encoded(raw) == cursor:
            return raw
    raise _foreign()


def _foreign() -> BadRequest:
    return BadRequest("The cursor was not made for this list. Start again without one.", code="invalid_cursor")
