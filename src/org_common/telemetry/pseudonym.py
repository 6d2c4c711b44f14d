"""Pseudonyms of users, for log lines."""

from __future__ import annotations

from os import urandom

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_BLOCK_BYTES = 64
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))
MAX_USERS = 1000
# One for all apps of a process. Not from `secrets`, which loads OpenSSL.
_RANDOM_KEY = urandom(32)


class Pseudonyms:
    """Pseudonyms under one key: 16 hexadecimal digits of HMAC-SHA-256 over issuer, line feed and subject.

    With the key and the table of identities you can find the user. With the logs alone you cannot, even if subjects are
    numbers or addresses that could be tried one by one.
    """

    __slots__ = ("_inner", "_known", "_outer")

    def __init__(self, key: str | None) -> None:
        """Without a `key`, a random one: the pseudonyms of this process and of no other."""
        secret = _RANDOM_KEY if key is None else key.encode()
        block = (_sha256()(secret).digest() if len(secret) > _BLOCK_BYTES else secret).ljust(_BLOCK_BYTES, b"\0")
        self._inner = block.translate(_INNER)
        self._outer = block.translate(_OUTER)
        self._known: dict[tuple[str, str], str] = {}

    def of(self, issuer: str, subject: str) -> str:
        """The pseudonym of this user. Those of the latest users are cached."""
        known = self._known.get((issuer, subject))
        if known is None:
            sha256 = _sha256()
            inner = sha256(self._inner + f"{issuer}\n{subject}".encode(errors="surrogatepass")).digest()
            known = sha256(self._outer + inner).hexdigest()[:16]
            if len(self._known) >= MAX_USERS:
                self._known.clear()
            self._known[issuer, subject] = known
        return known


def _sha256() -> Callable[[bytes], Any]:
    # Not hashlib, which loads OpenSSL: 4 ms of a cold start for one digest. stdlib's `random` imports it like this.
    try:
        from _sha2 import sha256  # type: ignore[import-not-found]  # Python 3.12 and later
    except ImportError:
        try:
            from _sha256 import sha256  # type: ignore[import-not-found]
        except ImportError:
            from hashlib import sha256
    return sha256  # type: ignore[no-any-return]
