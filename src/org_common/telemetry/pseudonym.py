"""Pseudonyms of users, for log lines."""

from __future__ import annotations

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def pseudonym(issuer: str, subject: str) -> str:
    """The pseudonym of a user: 16 hexadecimal digits of SHA-256 over issuer, line feed and subject.

    With access to the table of identities you can find the user; with access to the logs alone you cannot.
    """
    digits: str = _sha256()(f"{issuer}\n{subject}".encode()).hexdigest()
    return digits[:16]


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
