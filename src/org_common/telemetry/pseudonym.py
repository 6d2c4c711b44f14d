"""Pseudonyms of users, for log lines."""

from __future__ import annotations

import time
from os import urandom

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable

_BLOCK_BYTES = 64
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))
MAX_USERS = 1000
MIN_KEY_LENGTH = 32
# How long to wait after a failure before the stored key is fetched again.
PAUSE_S = 60.0
# One for all apps of a process. Not from `secrets`, which loads OpenSSL.
_RANDOM_KEY = urandom(32)


class Pseudonyms:
    """Pseudonyms under one key: 16 hexadecimal digits of HMAC-SHA-256 over issuer, line feed and subject.

    With the key and the table of identities you can find the user. With the logs alone you cannot, even if subjects are
    numbers or addresses that could be tried one by one.
    """

    __slots__ = ("_clock", "_fetch", "_fetch_at", "_inner", "_known", "_outer")

    def __init__(
        self, key: str | None, fetch: Callable[[], str] | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Without a `key`, a random one: the pseudonyms of this process and of no other.

        `fetch` returns the stored key. It is called for the first user; until it succeeds, the random key is used.
        """
        self._fetch = fetch
        self._fetch_at = 0.0
        self._clock = clock
        self._use(_RANDOM_KEY if key is None else key.encode())

    def _use(self, secret: bytes) -> None:
        if len(secret) > _BLOCK_BYTES:
            from org_common.values.digests import sha256

            secret = sha256(secret).digest()
        block = secret.ljust(_BLOCK_BYTES, b"\0")
        self._inner = block.translate(_INNER)
        self._outer = block.translate(_OUTER)
        self._known: dict[tuple[str, str], str] = {}

    def of(self, issuer: str, subject: str) -> str:
        """The pseudonym of this user. Those of the latest users are cached."""
        known = self._known.get((issuer, subject))
        if known is None:
            if self._fetch is not None:
                self._fetch_key(self._fetch)
            from org_common.values.digests import sha256

            inner = sha256(self._inner + f"{issuer}\n{subject}".encode(errors="surrogatepass")).digest()
            known = sha256(self._outer + inner).hexdigest()[:16]
            if len(self._known) >= MAX_USERS:
                self._known.clear()
            if self._fetch is None:
                self._known[issuer, subject] = known
        return known

    def _fetch_key(self, fetch: Callable[[], str]) -> None:
        now = self._clock()
        if now < self._fetch_at:
            return
        # Other threads go on with the random key meanwhile.
        self._fetch_at = now + PAUSE_S
        try:
            key = fetch()
            if len(key) < MIN_KEY_LENGTH:
                raise ValueError(f"it has fewer than {MIN_KEY_LENGTH} characters")
        except Exception as error:  # noqa: BLE001 - a request does not fail because of its log line
            import logging

            logging.getLogger("org_common").error(
                "the key of user pseudonyms cannot be used: %s. Until it can, `user` in log lines is a pseudonym of "
                "this process alone",
                error,
            )
            return
        self._use(key.encode())
        self._fetch = None
