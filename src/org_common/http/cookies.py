"""`Set-Cookie` values that cannot be broken out of (RFC 6265bis). Imported when a cookie is set."""

from __future__ import annotations

import re

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Literal

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*")
_ATTRIBUTE = re.compile(r"[\x20-\x3a\x3c-\x7e]*")
# What browsers keep: name and value, RFC 6265bis section 5.6.
LIMIT_BYTES = 4096


def cookie(
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
    """One header value; `ValueError` says what is wrong with the cookie, without its value."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name for a cookie: letters, digits and !#$%&'*+.^_`|~- make one")
    if not _VALUE.fullmatch(value):
        raise ValueError(
            f"the value of the cookie {name!r} has characters that a cookie cannot have, such as blanks, commas, "
            "semicolons or letters beyond ASCII: encode it, for example with urllib.parse.quote"
        )
    if len(name) + len(value) > LIMIT_BYTES:
        raise ValueError(f"the cookie {name!r} has more than {LIMIT_BYTES} bytes: browsers drop it")
    for attribute in (path, domain or ""):
        if not _ATTRIBUTE.fullmatch(attribute):
            raise ValueError(f"{attribute!r} is no attribute for the cookie {name!r}")
    if same_site not in ("strict", "lax", "none"):
        raise ValueError(f'same_site={same_site!r} is none of "strict", "lax", "none"')
    if same_site == "none" and not secure:
        raise ValueError(f"the cookie {name!r} has same_site='none' without secure: browsers drop it")
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
    lower = name.lower()
    if lower.startswith("__secure-") and not secure:
        raise ValueError(f"the cookie {name!r} must be secure: browsers drop it")
    if lower.startswith("__host-") and not (secure and path == "/" and not domain):
        raise ValueError(f"the cookie {name!r} must be secure, of the path / and of no domain: browsers drop it")
