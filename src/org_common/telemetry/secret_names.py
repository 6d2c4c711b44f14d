"""Decides by its name whether a value is secret: `password`, `dbPass`, `X-Api-Key`, `connect.sid`."""

from __future__ import annotations

import re
from collections.abc import Sequence

# A name is secret if it contains one of these.
_PARTS = (
    r"authori[sz]ation|cookie|token|secret|passw|passcode|pass[-_ ]?phrase|mnemonic|credential|claims|jwt|signature"
    r"|(?:dsn|pwd|otp|psk)(?![a-z])|csrf|xsrf|bearer|assertion|saml_?re(?:quest|sponse)|code_?verifier|seed[-_ ]?phrase"
    r"|(?:api|access|private|session|account|signing|encrypt(?:ion)?|master|shared|cursor|hmac|service|subscription"
    r"|storage|webhook|deploy|ssh|license|pseudonym)[-_ ]?key"
    r"|(?:auth|device|verif\w{1,8}|confirm\w{0,6}|login|sms|mfa|2fa|backup|recovery|activation|reset|invite"
    r"|one[-_ ]?time|security)[-_ ]?code"
    r"|sess(?:ion)?[-_]?id|database[-_]?url|connection[-_]?string"
)
# Or if its last word is one of these, which other words contain: compass, mapping, author, inside. `database_auth` has
# the name of a method.
_LAST_WORDS = r"(?:\b|_|(?<=db)|(?<=user))(?:pass|pw|pin|(?<!database_)auth|sid|nonce|sig|mfa|cvv|cvc)s?\W*$"
# `prompt_tokens=812` is an amount, not a token.
_AMOUNTS = r"tokens|(?:count|length|size|bytes|index|version|_s|_ms|_at)$"
# One of these is part of each secret name: a search for them rules out most lines.
_HINTS = (
    *("pass", "token", "secret", "key", "auth", "cookie", "cred", "claims", "jwt", "sig", "dsn", "pwd", "otp", "psk"),
    *(
        "csrf",
        "xsrf",
        "bearer",
        "assertion",
        "saml",
        "verifier",
        "phrase",
        "mnemonic",
        "code",
        "sess",
        "database",
        "connection",
    ),
    *("pw", "pin", "sid", "nonce", "mfa", "cvv", "cvc"),
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
# `code=` is an error code in most lines, and an authorization code in others: six characters or more with a digit.
_ISSUED_CODE = re.compile(r"(?=[^\d]*\d)[^\s,;]{6,}")
MAX_CACHED = 1000


class SecretNames:
    """The names whose values are secret."""

    __slots__ = ("_amount", "_cached", "_pattern", "hints")

    hints: tuple[str, ...]
    """Lower-case strings, one of which is part of each secret name."""

    def __init__(self, names: Sequence[str] = ()) -> None:
        """`names` are parts of further names whose values are secret."""
        own = [name.lower() for name in names]
        self._pattern = re.compile("|".join([_PARTS, _LAST_WORDS, *map(re.escape, own)]))
        self._amount = re.compile(_AMOUNTS)
        self.hints = (*_HINTS, *own)
        # Each line repeats the same few names.
        self._cached: dict[str, bool] = {}

    def __contains__(self, name: str) -> bool:
        """Whether the value under this name is secret."""
        cached = self._cached.get(name)
        if cached is None:
            words = _CAMEL.sub("_", name).lower()
            # `passWord` and `userPin`: with and without its capitals as borders of words.
            cached = self._pattern.search(words) is not None or self._pattern.search(name.lower()) is not None
            if len(self._cached) < MAX_CACHED:
                self._cached[name] = cached
        return cached

    def is_amount(self, name: str) -> bool:
        """Whether a number under this secret name is an amount."""
        return self._amount.search(name.lower()) is not None

    def is_issued_code(self, name: str, value: str) -> bool:
        """Whether this is `code` and looks like a code that someone was given, unlike an error code."""
        return name.lower() == "code" and _ISSUED_CODE.fullmatch(value) is not None and len(value) != 5
