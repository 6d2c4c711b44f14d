"""Secrets out of log lines: known by the name that a value goes by, or by their looks.

What is masked too much costs a look elsewhere, what is masked too little costs a secret. So the names are parts of
names, and what looks like a credential is one. Most lines hold nothing of the kind: plain searches for a few letters
decide whether a pattern is worth its time (a line of 100 characters: 3 us instead of 70).
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
    """A pattern that is compiled at its first use: all at once would cost 3 ms, and most are never needed."""

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
# `prompt_tokens=812` says how many, not which.
_AMOUNT = _Lazy(r"tokens|(?:count|length|size|bytes|index|version|_s|_ms|_at)$")

_SEPARATOR = _Lazy(r"[:=]")
# Back from a separator, and read backwards: `"X-Api-Key"`, `api key`, `\"password\"`.
_NAME_BACKWARDS = _Lazy(r"\s{0,4}[\"']?\\*([\w.-]{1,60}(?: [\w.-]{1,40})?)")
_LOOK_BACK = 110
# Python's b, r and u in front of a quote belong to the value.
_VALUE = _Lazy(r"([:=>]*\s{0,8})(?:[bru](?=[\"']))?", re.IGNORECASE)
# These go on over blanks, commas and semicolons.
_TO_THE_END = _Lazy(r"authori[sz]ation|cookie")
_QUOTE = _Lazy(r"(\\*)([\"'])")
_BARE = _Lazy(r"\S*")
_QUERY = _Lazy(r"[^\s\"'&]*")
_LINE = _Lazy(r"[^\r\n]*")
_ENDING = ".,;)]}>\"'\\ "
_REST = _Lazy(r"[^\s,;)\]}>\"'\\&\[{(]+")
# What was masked before stays as it is.
_MASKED = _Lazy(r"\*{3}(?=[\s.,;)\]}>\"'\\&]|$)")
_CLOSING = {"[": "]", "{": "}", "(": ")"}

_BEARER = _Lazy(r"(\bbearer)\s+[^\s\"'\\]{6,}", re.IGNORECASE)
_BASIC = _Lazy(r"(\b(?i:basic))\s+(?=\S{0,300}[A-Z0-9=])[A-Za-z0-9+/]{6,}=*")
# These begin where a word does: within a longer one they would leave the rest of it, and `_RANDOM` takes it whole.
_JWT = _Lazy(r"(?<![\w-])eyJ[\w+/-]{10,}=*(?:\.[\w-]*)*")
_PEM = _Lazy(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|\Z)", re.DOTALL)
_KEY_STARTS = (*("AKIA", "ASIA", "ABIA", "ACCA", "AIza"), *("sk-", "sk_", "pk_", "rk_", "gh", "glpat", "xox", "sb_"))
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
# AWS's secret access keys are 40 characters of base64; other tokens are long and of base64url.
_RANDOM = _Lazy(r"(?<![\w-])[\w-]{32,}(?![\w-])|(?<![\w+/=-])[A-Za-z0-9+/]{40}(?![\w+/=-])")
_EMAIL = _Lazy(r"[\w.+%'-]{1,64}(?:@|%40)[\w-]{1,63}(?:\.[\w-]{1,63})+")


class Redactor:
    """Masks what must not be logged. `names` are further parts of names whose values are secret."""

    def __init__(self, *, emails: bool = True, names: Sequence[str] = ()) -> None:
        self._emails = emails
        self._name = _Lazy("|".join([_NAMES, *[re.escape(name.lower()) for name in names]]))
        # Names are few, and come again with each line.
        self._secret: dict[str, bool] = {}

    def text(self, text: str) -> str:
        """The text without secrets, and not longer than `MAX_TEXT_LENGTH`."""
        if len(text) > MAX_TEXT_LENGTH:
            # Before and not after: what is cut within a token would not look like one any more.
            text = _cut(text)
        if "PRIVATE KEY-----" in text:
            text = _PEM().sub(MASK, text)
        if "=" in text or ":" in text:
            text = self._without_pairs(text)
            if "://" in text and "@" in text:
                text = _URL().sub(_url, text)
        # Addresses before keys, which some would look like in part.
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
        """A value as it may be logged under this name: plain JSON, without secrets, and bounded."""
        if value is None or value is True or value is False:
            return value
        kind = type(value)
        is_number = kind is int or kind is float
        lower = name.lower()
        if self._is_secret(lower) and not (is_number and _AMOUNT().search(lower)):
            return MASK
        if is_number:
            # orjson writes 64 bits.
            return value if kind is float or -(2**63) <= value < 2**64 else str(value)
        if kind is str:
            return EMAIL if self._emails and "mail" in lower and value else self.text(value)
        return self._compound(name, value, depth) if depth < MAX_DEPTH else "…"

    def _compound(self, name: str, value: Any, depth: int) -> Any:
        if isinstance(value, dict):
            items = list(value.items())[:MAX_ITEMS]
            return {self.text(str(key)): self.field(str(key), each, depth + 1) for key, each in items}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.field(name, each, depth + 1) for each in list(value)[:MAX_ITEMS]]
        if isinstance(value, bytes | bytearray | memoryview):
            return f"<{len(value)} bytes>"
        try:
            text = str(value)
        except Exception:  # noqa: BLE001 - whatever a stranger's __str__ raises
            return f"<{type(value).__name__}>"
        return self.field(name, text, depth)

    def _is_secret(self, name: str) -> bool:
        known = self._secret.get(name)
        if known is None:
            known = self._name().search(name) is not None
            if len(self._secret) < 1000:
                self._secret[name] = known
        return known

    def _without_pairs(self, text: str) -> str:
        """`password=hunter2`, `'token': 'abc'`, `"secret": {…}`, `Cookie: a=b; c=d`: the name stays, the value goes."""
        kept: list[str] = []
        at = 0
        found = _SEPARATOR().search(text)
        while found is not None:
            end = found.end()
            before = _NAME_BACKWARDS().match(text[max(at, end - 1 - _LOOK_BACK) : end - 1][::-1])
            name = before[1][::-1].lower() if before is not None else ""
            if self._names_a_secret(name):
                opening = _VALUE().match(text, end)
                begin, start = (end, end) if opening is None else (opening.end(1), opening.end())
                is_query = text[end - 1 - len(name) - 1 : end - 1 - len(name)] in ("?", "&")
                end = _value_end(text, start, _QUERY if is_query else _LINE if _TO_THE_END().search(name) else _BARE)
                value = text[begin:end]
                masked = value and not (value.isdigit() and _AMOUNT().search(name))
                kept += (text[at:begin], MASK if masked else value)
                at = end
            found = _SEPARATOR().search(text, end)
        return "".join(kept) + text[at:] if kept else text

    def _names_a_secret(self, words: str) -> bool:
        """Of one or two words; the first alone is part of the sentence and names nothing."""
        _, _, last = words.rpartition(" ")
        return self._is_secret(last) or (last in ("key", "keys") and self._is_secret(words))


def _value_end(text: str, start: int, bare: _Lazy) -> int:
    """Where the value that begins here ends; in doubt later."""
    end = _enclosed_end(text, start)
    if end == start:
        masked = None if bare is _LINE else _MASKED().match(text, start)
        if masked is not None:
            return masked.end()
        value = bare().match(text, start)
        # What ends a sentence, a text or a list is no part of it.
        return start + len(value[0].rstrip(_ENDING)) if value is not None else start
    while end < len(text):
        # `"a"b` and `[]0`: what follows without a blank or a comma belongs to it.
        further = _enclosed_end(text, end)
        if further == end:
            rest = _REST().match(text, end)
            further = end if rest is None else rest.end()
        if further == end:
            break
        end = further
    return end


def _enclosed_end(text: str, start: int) -> int:
    """Behind the quotes or brackets that open here, if any do."""
    quote = _QUOTE().match(text, start)
    if quote is not None:
        return _quoted_end(text, quote)
    return _bracket_end(text, start) if text[start : start + 1] in _CLOSING else start


def _quoted_end(text: str, quote: re.Match[str]) -> int:
    """Behind the quote that closes this one: the same, and not escaped more often."""
    for closing in _QUOTE().finditer(text, quote.end()):
        if closing[2] == quote[2] and len(closing[1]) <= len(quote[1]):
            return closing.end()
    return len(text)


def _bracket_end(text: str, start: int) -> int:
    """Behind the bracket that closes this one; those within quotes do not count."""
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


def _scheme(found: re.Match[str]) -> str:
    return f"{found[1]} {MASK}"


def _url(found: re.Match[str]) -> str:
    return f"{found[1] or found[2]}:{MASK}@"


def _random(found: re.Match[str]) -> str:
    """Capitals and small letters, mixed with digits or among each other: nobody's word.

    An id in hexadecimal has one case only, and a name in CamelCase has hardly ever two capitals together twice.
    """
    text = found[0]
    if text.lower() == text or text.upper() == text:
        return text
    is_mixed = any(map(str.isdigit, text)) or sum(a.isupper() and b.isupper() for a, b in pairwise(text)) >= 2
    return MASK if is_mixed else text


def _cut(text: str) -> str:
    cut = text[:MAX_TEXT_LENGTH]
    # Of nothing but blanks there are no words.
    cut = (cut.rsplit(maxsplit=1) or [cut])[0]
    return f"{cut}… ({len(text) - len(cut)} characters more)"
