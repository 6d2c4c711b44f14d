"""Entity tags (ETag): computed from a body, and compared with those of the caller. Imported at the first use."""

from __future__ import annotations

import re

from org_common.values.digests import blake2b

# 96 bits: with ten million versions of one resource, two have the same tag with a probability of 1 in 10^14.
SIZE_BYTES = 12
CODINGS = ("-gzip", "-br")
# RFC 9110 section 8.8.3: a tag may contain a comma. Without quotes it is invalid, but clients send such tags back too.
_TAG = re.compile(r'(?:W/)?"[^"]*"(?=\s*(?:,|$))|[^\s,]+')


def entity_tag(body: bytes) -> str:
    """The strong entity tag of a representation."""
    return f'"{blake2b(body, digest_size=SIZE_BYTES).hexdigest()}"'


def coded_tag(tag: str, coding: str) -> str:
    """The tag of the compressed representation: other bytes need another tag (RFC 9110 section 8.8.3)."""
    return f'{tag[:-1]}-{coding}"' if tag.endswith('"') else tag


def matches(header: str, tag: str, *, weakly: bool) -> bool:
    """Whether the list in the header contains the tag, in any content coding, or is "*".

    `weakly`: ignore the `W/` in front of a tag (weak comparison, RFC 9110 section 8.8.3.2).
    """
    if header.strip() == "*":
        return True
    for header_tag in _TAG.findall(header):
        candidate = header_tag.removeprefix("W/") if weakly else header_tag
        # A tag that a handler sets may itself end like one of a coding.
        if tag in (candidate, _without_coding(candidate)):
            return True
    return False


def _without_coding(tag: str) -> str:
    for coding in CODINGS:
        if tag.endswith(f'{coding}"'):
            return tag[: -len(coding) - 1] + '"'
    return tag
