"""Masks secrets in log lines, found by the name of a value or by its form.

Masking too much costs a look elsewhere, masking too little costs a secret. So a name is secret if a part of it is, and
a value that looks like a credential is masked. Most lines contain none: plain searches for a few letters decide
whether to run a pattern (a line of 100 characters: 3 us instead of 70).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from org_common.telemetry.secret_names import SecretNames
from org_common.telemetry.secret_values import MASK, MAX_NAME_LENGTH, SPACE, TAB, Lazy, SecretValues

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any

EMAIL = "[email]"
MAX_TEXT_LENGTH = 16_384
MAX_ITEMS = 100
MAX_DEPTH = 6


_BEARER = Lazy(r"(\bbearer)(?:\s+|\+|%20)[^\s\"'\\]{6,}", re.IGNORECASE)
_BASIC = Lazy(r"(\b(?i:basic))(?:\s+|\+|%20)(?=\S{0,300}[A-Z0-9=])[A-Za-z0-9+/]{6,}=*")
# These match at the start of a word: within a longer one they would leave the rest, and `_RANDOM` masks it all.
_JWT = Lazy(r"(?<![\w-])eyJ[\w+/-]{10,}=*(?:\.[\w-]*)*")
_PEM = Lazy(
    r"-----BEGIN[A-Z0-9 +]{0,40}PRIVATE[ +]KEY(?:[ +]BLOCK)?-----.*?"
    r"(?:-----END[A-Z0-9 +]{0,40}PRIVATE[ +]KEY(?:[ +]BLOCK)?-----|\Z)",
    re.DOTALL,
)
_KEY_STARTS = (
    "AKIA",
    "ASIA",
    "ABIA",
    "ACCA",
    "AIza",
    "sk-",
    "sk_",
    "pk_",
    "rk_",
    "gh",
    "glpat",
    "xox",
    "sb_",
    "hooks.",
)
_KEY = Lazy(
    r"(?<![\w-])(?:A(?:KI|SI|BI|CC)A[A-Z0-9]{12,}"
    r"|(?:sk|[prk]k|gh[pousr]|github_pat|glpat|xox[a-z]|sb_secret|sb_publishable)[-_][\w-]{10,}"
    r"|AIza[\w-]{30,})"
    r"|(?<=hooks\.slack\.com/services/)[\w/]{10,}"
)
# A password is often not escaped: up to the last @ of the word, except in the URL of a page, whose path may have one.
_URL = Lazy(
    r"(\b(?!https?:)[a-z][a-z0-9+.-]{1,30}://[^\s:@/]{0,100}):\S{0,1000}@|(://[^\s/:@]{0,100}):[^\s/]{0,1000}@"
    r"|(\bhttps?:/)/[^\s/@:]{1,300}@",
    re.IGNORECASE,
)
RANDOM_LENGTH = 32
# AWS's secret access keys are 40 characters of base64; other tokens are long and base64url.
_RANDOM = Lazy(r"(?<![\w-])[\w-]{32,}(?![\w-])|(?<![\w+/=-])[A-Za-z0-9+/]{40}(?![\w+/=-])")
_AT = ("@", "%40", "2540", "\uff20", "\ufe6b")
_LOCAL = r"[\w.+%'!#$^~-]{1,64}"
# `joe@example.com`, `"joe smith"@example.com`, `joe@[10.0.0.1]`; and what is before several @, or a host without a dot.
_ADDRESS = Lazy(
    rf"(?<![\w.+%!#$^~-])((?!')(?:\\*\"[^\"\s][^\"\r\n]{{0,62}}\"|{_LOCAL})(?:(?:@|%(?:25){{0,3}}40|\uff20|\ufe6b){_LOCAL}){{0,5}}?)"
    r"(?:@|%(?:25){0,3}40|\uff20|\ufe6b)([\w-]{1,63}(?:[.\uff0e\u3002][\w-]{1,63})*(?![\w@\uff20\ufe6b])|\[[\da-fA-F.:IPv]{2,45}\])"
)
_IP = Lazy(r"[\d.]+|\[.*\]")
# `app:password@host` without a scheme; what is before an e-mail address is not one.
_USER_PASSWORD = Lazy(
    r"(?<![\w/.])(?!(?:e?-?mail|mailto|from|to|cc|bcc|user|by|for|acct|sips?)s?:)([\w.-]{1,64}):([^\s:@/\"']{1,200}@)+"
    r"(?=[\w\[])",
    re.IGNORECASE,
)
# Text that is encoded once more: `password%3D…`, `&quot;password&quot;`, `\u0022password`, and `%253D`.
_ENCODED = Lazy(
    r"%(?:25)*([0-7][\da-f])|((?:%(?:25)*[89a-f][\da-f]){2,4})|&#x0*([0-7]?[\da-f]);|&#0*(\d{1,3});|&(quot|apos|amp|lt|gt|equals|colon|commat);"
    r"|(?<!\\)\\{1,32}(?:u([\da-f]{4})|x([0-7][\da-f])|([nrt\"'/]))",
    re.IGNORECASE,
)
_ENTITIES = {"quot": '"', "apos": "'", "amp": "&", "lt": "<", "gt": ">", "equals": "=", "colon": ":", "commat": "@"}
MAX_ENCODINGS = 3
# An object with a secret name under one of the first has its value under one of the second.
_NAMES_OF_NAMES = ("name", "key", "field", "header", "id", "variable", "parameter")
_NAMES_OF_VALUES = ("value", "values", "val", "content", "data", "default", "string")


class Redactor:
    """Masks secrets and e-mail addresses."""

    def __init__(self, *, emails: bool = True, names: Sequence[str] = ()) -> None:
        """`emails` masks e-mail addresses; `names` are additional parts of names whose values are secret."""
        self._emails = emails
        self._names = SecretNames(names)
        self._values = SecretValues(self._names)

    def text(self, text: str) -> str:
        """The string without secrets, cut to `MAX_TEXT_LENGTH`."""
        if len(text) > MAX_TEXT_LENGTH:
            # Cut at a space and before masking: half a token would not look like one.
            text = _cut(text)
        masked = self._masked(text)
        return self._decoded_masked(masked) if "%" in masked or "&" in masked or "\\" in masked else masked

    def _masked(self, text: str) -> str:
        if "-----BEGIN" in text:
            text = _PEM().sub(MASK, text)
        text = self._values.mask(text)
        if any(map(text.__contains__, _AT)):
            text = self._without_addresses(text)
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

    def _without_addresses(self, text: str) -> str:
        """Masks e-mail addresses, and passwords before an @. Before keys, as a part of an address may look like one."""
        if ":" in text:
            if "://" in text:
                text = _URL().sub(_url, text)
            text = _USER_PASSWORD().sub(rf"\1:{MASK}@", text)
        return _ADDRESS().sub(self._address, text)

    def _address(self, match: re.Match[str]) -> str:
        before, host = match[1], match[2]
        is_email = ("." in host or "\uff0e" in host or "\u3002" in host) and _IP().fullmatch(host) is None
        if self._emails and (is_email or host.startswith("[")):
            return EMAIL
        if is_email and "@" not in before:
            return match[0]
        # `https://app@db` has no password.
        return match[0] if match.string[max(0, match.start() - 2) : match.start()] == "//" else f"{MASK}@{host}"

    def _decoded_masked(self, text: str) -> str:
        """The string, decoded if that shows a secret."""
        result = text
        for _ in range(MAX_ENCODINGS):
            decoded = _ENCODED().sub(_decoded, text)
            if decoded == text:
                break
            if "%" in text:
                decoded = decoded.replace("+", SPACE)
            text = self._masked(decoded)
            if text != decoded:
                result = text
        return result.replace(SPACE, " ").replace(TAB, " ")

    def field(self, name: str, value: Any, depth: int = 0) -> Any:
        """The value to log under this name: plain JSON, without secrets, of limited size and depth."""
        if value is None or value is True or value is False:
            return value
        value_type = type(value)
        is_number = value_type is int or value_type is float
        if name in self._names and not (is_number and self._names.is_amount(name)):
            return MASK
        if is_number:
            # orjson writes integers of 64 bits.
            return value if value_type is float or -(2**63) <= value < 2**64 else str(value)
        if value_type is str:
            if self._names.is_issued_code(name, value):
                return MASK
            return EMAIL if self._emails and value and "mail" in name.lower() else self.text(value)
        return self._compound(name, value, depth) if depth < MAX_DEPTH else "…"

    def _compound(self, name: str, value: Any, depth: int) -> Any:
        if isinstance(value, dict):
            return self._mapping(list(value.items())[:MAX_ITEMS], depth)
        if isinstance(value, list | tuple | set | frozenset):
            items = list(value)[:MAX_ITEMS]
            # A named tuple.
            names = getattr(value, "_fields", None)
            if names is None:
                return self._items(name, items, depth)
            return self._mapping(list(zip(names, items, strict=False)), depth)
        if isinstance(value, bytes | bytearray | memoryview):
            return f"<{len(value)} bytes>"
        try:
            text = str(value)
        except Exception:  # noqa: BLE001 - __str__ of other code may raise anything
            return f"<{type(value).__name__}>"
        return self.field(name, text, depth)

    def _mapping(self, items: list[tuple[Any, Any]], depth: int) -> dict[str, Any]:
        fields = {self.text(str(key)): self.field(str(key), item, depth + 1) for key, item in items}
        if any(str(key).lower() in _NAMES_OF_NAMES and self._is_secret_name(item) for key, item in items):
            fields |= {key: MASK for key in fields if key.lower() in _NAMES_OF_VALUES}
        return fields

    def _items(self, name: str, items: list[Any], depth: int) -> list[Any]:
        """`["password", "…"]` and `["--password", "…"]`: what follows a secret name is its value."""
        masked = [self.field(name, item, depth + 1) for item in items]
        for at, item in enumerate(items[:-1]):
            if self._is_secret_name(item):
                masked[at + 1] = MASK
        return masked

    def _is_secret_name(self, value: object) -> bool:
        if isinstance(value, bytes):
            value = value[:MAX_NAME_LENGTH].decode("latin-1")
        return isinstance(value, str) and len(value) <= MAX_NAME_LENGTH and " " not in value and value in self._names


def _decoded(match: re.Match[str]) -> str:
    """The character; `SPACE` or `TAB` for one that ends a line or a word."""
    percent, utf_8, hexadecimal, decimal, entity, unicode, escaped, short = match.groups()
    if utf_8 is not None:
        return bytes.fromhex("".join(byte[-2:] for byte in utf_8.split("%")[1:])).decode(errors="replace")
    if entity is not None:
        return _ENTITIES[entity.lower()]
    if short is not None:
        return short if short in "\"'/" else TAB if short == "t" else SPACE
    code = int(decimal) if decimal is not None else int(percent or hexadecimal or unicode or escaped, 16)
    character = chr(code)
    if character.isspace():
        return TAB if character == "\t" else SPACE
    return character if character.isprintable() else match[0]


def _scheme(match: re.Match[str]) -> str:
    return f"{match[1]} {MASK}"


def _url(match: re.Match[str]) -> str:
    return f"{match[3]}/{MASK}@" if match[3] else f"{match[1] or match[2]}:{MASK}@"


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
