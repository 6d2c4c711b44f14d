"""Masks secrets in log lines, found by the name of a value or by its form.

Masking too much costs a look elsewhere, masking too little costs a secret. So a name is secret if a part of it is, and
a value that looks like a credential is masked. Most lines contain none: plain searches for a few letters decide
whether to run a pattern (a line of 100 characters: 3 us instead of 70).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any

MASK = "***"
EMAIL = "[email]"
MAX_TEXT_LENGTH = 16_384
MAX_ITEMS = 100
MAX_DEPTH = 6


class _Lazy:
    """A pattern compiled on first use: compiling all takes 3 ms, and most are never needed."""

    __slots__ = ("_compiled", "_flags", "_pattern")

    def __init__(self, pattern: str, flags: int = 0) -> None:
        self._pattern = pattern
        self._flags = flags
        self._compiled: re.Pattern[str] | None = None

    def __call__(self) -> re.Pattern[str]:
        if self._compiled is None:
            self._compiled = re.compile(self._pattern, self._flags)
        return self._compiled


_NAMES = (
    r"authori[sz]ation|cookie|token|secret|passw|pwd\b|passphrase|credential|claims|jwt|dsn\b|signature|otp\b|csrf|xsrf"
    r"|api[-_ ]?key|access[-_ ]?key|private[-_ ]?key|session[-_]?id|database[-_]?url|connection[-_]?string"
)
# `prompt_tokens=812` is an amount, not a token.
_AMOUNT = _Lazy(r"tokens|(?:count|length|size|bytes|index|version|_s|_ms|_at)$")

_SEPARATOR = _Lazy(r"[:=]")
# Matched backwards from a separator: `"X-Api-Key"`, `api key`, `\"password\"`.
_NAME_BACKWARDS = _Lazy(r"\s{0,4}[\"']?\\*([\w.-]{1,60}(?: [\w.-]{1,40})?)")
_LOOK_BACK = 110
# Python's prefixes b, r and u of a quoted value belong to it.
_VALUE = _Lazy(r"([:=>]*\s{0,8})(?:[bru](?=[\"']))?", re.IGNORECASE)
# Values of these names continue over spaces, commas and semicolons.
_TO_THE_END = _Lazy(r"authori[sz]ation|cookie")
_QUOTE = _Lazy(r"(\\*)([\"'])")
_BARE = _Lazy(r"\S*")
_QUERY = _Lazy(r"[^\s\"'&]*")
_LINE = _Lazy(r"[^\r\n]*")
_ENDING = ".,;)]}>\"'\\ "
_REST = _Lazy(r"[^\s,;)\]}>\"'\\&\[{(]+")
# A masked value stays unchanged.
_MASKED = _Lazy(r"\*{3}(?=[\s.,;)\]}>\"'\\&]|$)")
_CLOSING = {"[": "]", "{": "}", "(": ")"}

_BEARER = _Lazy(r"(\bbearer)\s+[^\s\"'\\]{6,}", re.IGNORECASE)
_BASIC = _Lazy(r"(\b(?i:basic))\s+(?=\S{0,300}[A-Z0-9=])[A-Za-z0-9+/]{6,}=*")
# These match at the start of a word: within a longer one they would leave the rest, and `_RANDOM` masks it all.
_JWT = _Lazy(r"(?<![\w-])eyJ[\w+/-]{10,}=*(?:\.[\w-]*)*")
_PEM = _Lazy(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|\Z)", re.DOTALL)
_KEY_STARTS = ("AKIA", "ASIA", "ABIA", "ACCA", "AIza", "sk-", "sk_", "pk_", "rk_", "gh", "glpat", "xox", "sb_")
_KEY = _Lazy(
    r"(?<![\w-])(?:A(?:KI|SI|BI|CC)A[A-Z0-9]{12,}"
    r"|(?:sk|[prk]k|gh[pousr]|github_pat|glpat|xox[a-z]|sb_secret|sb_publishable)[-_][\w-]{10,}"
    r"|AIza[\w-]{30,})"
)
_URL = _Lazy(
    # A password in the URL of a database is often not escaped: up to the last @ of the word.
    r"((?:postgres(?:ql)?|mysql|mariadb|rediss?|amqps?|mongodb)(?:\+\w{1,20})?://[^\s:@]*):\S*@|(://[^\s/:@]*):[^\s/]*@",
    re.IGNORECASE,
)
RANDOM_LENGTH = 32
# AWS's secret access keys are 40 characters of base64; other tokens are long and base64url.
_RANDOM = _Lazy(r"(?<![\w-])[\w-]{32,}(?![\w-])|(?<![\w+/=-])[A-Za-z0-9+/]{40}(?![\w+/=-])")
_EMAIL = _Lazy(r"[\w.+%'-]{1,64}(?:@|%40)[\w-]{1,63}(?:\.[\w-]{1,63})+")


class Redactor:
    """Masks secrets and e-mail addresses."""

    def __init__(self, *, emails: bool = True, names: Sequence[str] = ()) -> None:
        """`emails` masks e-mail addresses; `names` are additional parts of names whose values are secret."""
        self._emails = emails
        self._name = _Lazy("|".join([_NAMES, *[re.escape(name.lower()) for name in names]]))
        # Cached, as each line repeats the same few names.
        self._secret: dict[str, bool] = {}

    def text(self, text: str) -> str:
        """The string without secrets, cut to `MAX_TEXT_LENGTH`."""
        if len(text) > MAX_TEXT_LENGTH:
            # Cut at a space and before masking: half a token would not look like one.
            text = _cut(text)
        if "PRIVATE KEY-----" in text:
            text = _PEM().sub(MASK, text)
        if "=" in text or ":" in text:
            text = self._without_pairs(text)
            if "://" in text and "@" in text:
                text = _URL().sub(_url, text)
        # Addresses before keys, as a part of an address may look like a key.
        if self._emails and ("@" in text or "%40" in text):
            text = _EMAIL().sub(EMAIL, text)
        if "eyJ" in text:
            text = _JWT().sub(MASK, text)
        if any(map(text.__contains__, _KEY_STARTS)):
            text = _KEY().sub(MASK, text)
        lower = text.lower()
        if "bearer" in lower or "basic" in lower:
            text = _BASIC().sub(_scheme, _BEARER().sub(_scheme, text))
        if len(text) >= RANDOM_LENGTH and len(max(text.split(), key=len, default="")) >= RANDOM_LENGTH:
            text = _RANDOM().sub(_random, text)
        return text

    def field(self, name: str, value: Any, depth: int = 0) -> Any:
        """The value to log under this name: plain JSON, without secrets, of limited size and depth."""
        if value is None or value is True or value is False:
            return value
        value_type = type(value)
        is_number = value_type is int or value_type is float
        lower = name.lower()
        if self._is_secret(lower) and not (is_number and _AMOUNT().search(lower)):
            return MASK
        if is_number:
            # orjson writes integers of 64 bits.
            return value if value_type is float or -(2**63) <= value < 2**64 else str(value)
        if value_type is str:
            return EMAIL if self._emails and "mail" in lower and value else self.text(value)
        return self._compound(name, value, depth) if depth < MAX_DEPTH else "…"

    def _compound(self, name: str, value: Any, depth: int) -> Any:
        if isinstance(value, dict):
            items = list(value.items())[:MAX_ITEMS]
            return {self.text(str(key)): self.field(str(key), item, depth + 1) for key, item in items}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.field(name, item, depth + 1) for item in list(value)[:MAX_ITEMS]]
        if isinstance(value, bytes | bytearray | memoryview):
            return f"<{len(value)} bytes>"
        try:
            text = str(value)
        except Exception:  # noqa: BLE001 - __str__ of other code may raise anything
            return f"<{type(value).__name__}>"
        return self.field(name, text, depth)

    def _is_secret(self, name: str) -> bool:
        is_secret = self._secret.get(name)
        if is_secret is None:
            is_secret = self._name().search(name) is not None
            if len(self._secret) < 1000:
                self._secret[name] = is_secret
        return is_secret

    def _without_pairs(self, text: str) -> str:
        """`password=hunter2`, `'token': 'abc'`, `"secret": {…}`, `Cookie: a=b; c=d`: masks the values."""
        parts: list[str] = []
        at = 0
        separator = _SEPARATOR().search(text)
        while separator is not None:
            end = separator.end()
            before = _NAME_BACKWARDS().match(text[max(at, end - 1 - _LOOK_BACK) : end - 1][::-1])
            name = before[1][::-1].lower() if before is not None else ""
            if self._names_a_secret(name):
                opening = _VALUE().match(text, end)
                begin, start = (end, end) if opening is None else (opening.end(1), opening.end())
                is_query = text[end - 1 - len(name) - 1 : end - 1 - len(name)] in ("?", "&")
                end = _value_end(text, start, _QUERY if is_query else _LINE if _TO_THE_END().search(name) else _BARE)
                value = text[begin:end]
                masked = value and not (value.isdigit() and _AMOUNT().search(name))
                parts += (text[at:begin], MASK if masked else value)
                at = end
            separator = _SEPARATOR().search(text, end)
        return "".join(parts) + text[at:] if parts else text

    def _names_a_secret(self, words: str) -> bool:
        """Whether one or two words are a secret name; the first alone is part of the sentence."""
        _, _, last = words.rpartition(" ")
        return self._is_secret(last) or (last in ("key", "keys") and self._is_secret(words))


def _value_end(text: str, start: int, bare: _Lazy) -> int:
    """The end of the value that begins here; in doubt a later position."""
    end = _enclosed_end(text, start)
    if end == start:
        masked = None if bare is _LINE else _MASKED().match(text, start)
        if masked is not None:
            return masked.end()
        value = bare().match(text, start)
        # The punctuation that ends a sentence, a string or a list is not part of the value.
        return start + len(value[0].rstrip(_ENDING)) if value is not None else start
    while end < len(text):
        # `"a"b` and `[]0`: characters that follow without a space or a comma belong to the value.
        extended = _enclosed_end(text, end)
        if extended == end:
            rest = _REST().match(text, end)
            extended = end if rest is None else rest.end()
        if extended == end:
            break
        end = extended
    return end


def _enclosed_end(text: str, start: int) -> int:
    """The position after the quotes or brackets that open here; `start` if none do."""
    quote = _QUOTE().match(text, start)
    if quote is not None:
        return _quoted_end(text, quote)
    return _bracket_end(text, start) if text[start : start + 1] in _CLOSING else start


def _quoted_end(text: str, quote: re.Match[str]) -> int:
    """The position after the closing quote: the same character, with at most as many backslashes."""
    for closing in _QUOTE().finditer(text, quote.end()):
        if closing[2] == quote[2] and len(closing[1]) <= len(quote[1]):
            return closing.end()
    return len(text)


def _bracket_end(text: str, start: int) -> int:
    """The position after the closing bracket; brackets in quotes do not count."""
    opening, closing = text[start], _CLOSING[text[start]]
    depth, at = 0, start
    while at < len(text):
        quote = _QUOTE().match(text, at)
        if quote is not None:
            at = _quoted_end(text, quote)
            continue
        if text[at] == opening:
            depth += 1
        elif text[at] == closing:
            depth -= 1
            if depth == 0:
                return at + 1
        at += 1
    return len(text)


def _scheme(match: re.Match[str]) -> str:
    return f"{match[1]} {MASK}"


def _url(match: re.Match[str]) -> str:
    return f"{match[1] or match[2]}:{MASK}@"


def _random(match: re.Match[str]) -> str:
    """Masks upper and lower case mixed with digits or with each other, which is not a word.

    A hexadecimal id has one case only, and a CamelCase name hardly ever has two adjacent capitals twice.
    """
    text = match[0]
    if text.lower() == text or text.upper() == text:
        return text
    is_mixed = any(map(str.isdigit, text)) or sum(a.isupper() and b.isupper() for a, b in pairwise(text)) >= 2
    return MASK if is_mixed else text


def _cut(text: str) -> str:
    cut = text[:MAX_TEXT_LENGTH]
    # The whole of it if it has no space to cut at.
    cut = (cut.rsplit(maxsplit=1) or [cut])[0]
    return f"{cut}… ({len(text) - len(cut)} more characters)"
