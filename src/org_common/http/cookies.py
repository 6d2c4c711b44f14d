"""Safe `Set-Cookie` values (RFC 6265bis): an attribute cannot be injected. Imported when a cookie is set."""

from __future__ import annotations

import re

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Literal

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*")
_ATTRIBUTE = re.compile(r"[\x20-\x3a\x3c-\x7e]*")
# Browsers drop longer cookies; name and value count (RFC 6265bis section 5.6).
LIMIT_BYTES = 4096


def format_cookie(
    name: str,
    value: str,
    *,
    max_age_s: int | None,
    path: str,
    domain: str | None,
    secure: bool,
    http_only: bool,
    same_site: Literal["strict", "lax", "none"],
) -> str:
    """The value of a `Set-Cookie` header. The `ValueError` for a malformed cookie does not quote the cookie's value."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not a valid cookie name: use letters, digits and !#$%&'*+.^_`|~-")
    if not _VALUE.fullmatch(value):
        raise ValueError(
            f"the value of the cookie {name!r} has characters that are not allowed, such as spaces, commas, "
            "semicolons or non-ASCII letters: encode it, for example with urllib.parse.quote"
        )
    if len(name) + len(value) > LIMIT_BYTES:
        raise ValueError(f"the cookie {name!r} is longer than {LIMIT_BYTES} bytes, so browsers drop it")
    for attribute, attribute_value in (("path", path), ("domain", domain or "")):
        if not _ATTRIBUTE.fullmatch(attribute_value):
            raise ValueError(
                f"the cookie {name!r} has an invalid {attribute}={attribute_value!r}: use printable ASCII without "
                "semicolons"
            )
    if same_site not in ("strict", "lax", "none"):
        raise ValueError(f'same_site={same_site!r} is not supported: use "strict", "lax" or "none"')
    if same_site == "none" and not secure:
        raise ValueError(f"the cookie {name!r} has same_site='none' but not secure=True, so browsers drop it")
    _check_prefix(name, path, domain, secure=secure)
    parts = [f"{name}={value}", f"Path={path}"]
    if max_age_s is not None:
        parts.append(f"Max-Age={max_age_s:d}")
    if domain:
        parts.append(f"Domain={domain}")
    if secure:
        parts.append("Secure")
    if http_only:
        parts.append("HttpOnly")
    parts.append(f"SameSite={same_site.capitalize()}")
    return "; ".join(parts)


def _check_prefix(name: str, path: str, domain: str | None, *, secure: bool) -> None:
    """Names with these prefixes oblige browsers to check the attributes (RFC 6265bis section 4.1.3)."""
    lower = name.lower()
    if lower.startswith("__secure-") and not secure:
        raise ValueError(f"the cookie {name!r} needs secure=True because of its prefix, or browsers drop it")
    if lower.startswith("__host-") and not (secure and path == "/" and not domain):
        raise ValueError(
            f"the cookie {name!r} needs secure=True, path='/' and no domain because of its prefix, or browsers drop it"
        )
