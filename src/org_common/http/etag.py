"""Entity tags: which representation this is, and whether the caller means the same. Imported at the first use."""

from __future__ import annotations

import hashlib
import re

# 96 bits: a chance of 1 in 10^14 for ten million versions of one resource.
SIZE_BYTES = 12
CODINGS = ("-gzip", "-br")
# RFC 9110 section 8.8.3: a comma may be part of a tag. One without quotes is none, and some send it back as it was.
_EACH = re.compile(r'(?:W/)?"[^"]*"(?=\s*(?:,|$))|[^\s,]+')


def tag(body: bytes) -> str:
    """The strong entity tag of a representation."""
    return f'"{hashlib.blake2b(body, digest_size=SIZE_BYTES).hexdigest()}"'


def packed_tag(tag: str, coding: str) -> str:
    """The tag of the same in a coding: other bytes need another tag (RFC 9110 section 8.8.3)."""
    return f'{tag[:-1]}-{coding}"' if tag.endswith('"') else tag


def matches(header: str, tag: str, *, weakly: bool) -> bool:
    """The header's list has the tag, in whatever coding it was sent, or is "*"."""
    if header.strip() == "*":
        return True
    for each in _EACH.findall(header):
        sent = each.removeprefix("W/") if weakly else each
        # A tag of the handler's own may end as ours do in a coding.
        if tag in (sent, _plain(sent)):
            return True
    return False


def _plain(sent: str) -> str:
    for coding in CODINGS:
        if sent.endswith(f'{coding}"'):
            return sent[: -len(coding) - 1] + '"'
    return sent
