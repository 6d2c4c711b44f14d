"""How a user is called where neither his name nor his address may stand."""

from __future__ import annotations

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def pseudonym(issuer: str, subject: str) -> str:
    """How a user is called in log lines: 16 hexadecimal digits of SHA-256 over issuer, line feed and subject.

    Whoever may read the table of identities can find the user; whoever reads logs alone cannot.
    """
    digits: str = _sha256()(f"{issuer}\n{subject}".encode()).hexdigest()
    return digits[:16]


def _sha256() -> Callable[[bytes], Any]:
    # Past hashlib, which loads OpenSSL: 4 ms of a cold start for one digest. stdlib's `random` does the same.
    try:
        from _sha2 import sha256  # type: ignore[import-not-found]  # Python 3.12 and later
    except ImportError:
        try:
            from _sha256 import sha256  # type: ignore[import-not-found]
        except ImportError:
            from hashlib import sha256
    return sha256  # type: ignore[no-any-return]
