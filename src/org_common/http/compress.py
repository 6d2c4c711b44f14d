"""Compression of bodies with gzip or Brotli. Imported for the first response that is worth compressing."""

from __future__ import annotations

import zlib
from typing import Any

# Brotli is used if it is installed: it is not a dependency.
brotli: Any
try:
    import brotli  # type: ignore[import-untyped,no-redef] # pyright: ignore[reportMissingTypeStubs]
except ImportError:
    brotli = None

_TYPES = ("text/", "application/json", "application/xml", "application/javascript", "image/svg+xml")
_SUFFIXES = ("+json", "+xml")
# Higher levels take longer than the smaller body saves in transfer (zlib's default is 6).
GZIP_LEVEL = 5
BROTLI_QUALITY = 4
# zlib's largest window, 2^15 bytes; adding 16 writes the header and trailer of gzip.
_GZIP_WINDOW_BITS = 15 + 16


def is_compressible(content_type: str) -> bool:
    """Whether a body of this type gets smaller: pictures and archives are compressed already."""
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type.startswith(_TYPES) or media_type.endswith(_SUFFIXES)


def choose_coding(accept_encoding: str) -> str | None:
    """The content coding that the caller prefers among ours, "br" or "gzip"; None to send the body uncompressed."""
    weights: dict[str, float] = {}
    for coding in accept_encoding.split(","):
        name, _, parameters = coding.partition(";")
        weights[name.strip().lower()] = _weight(parameters)
    best: str | None = None
    best_weight = 0.0
    for name in ("br", "gzip") if brotli is not None else ("gzip",):
        weight = weights.get(name, weights.get("*", 0.0))
        if weight > best_weight:
            best, best_weight = name, weight
    return best


def compress_body(body: bytes, coding: str) -> bytes:
    """Compress a body with "br" or "gzip"."""
    if coding == "br":
        compressed: bytes = brotli.compress(body, quality=BROTLI_QUALITY)
        return compressed
    # Not `gzip.compress`: that would import a module only to write a header of ten bytes.
    compressor = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, _GZIP_WINDOW_BITS)
    return compressor.compress(body) + compressor.flush()


def _weight(parameters: str) -> float:
    """The quality value of a coding (RFC 9110 section 12.4.2); 0 for a malformed one."""
    name, _, value = parameters.strip().partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        return min(max(float(value), 0.0), 1.0)
    except ValueError:
        return 0.0
