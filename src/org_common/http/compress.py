"""Bodies in gzip or Brotli. Imported with the first answer that is worth it."""

from __future__ import annotations

import zlib
from typing import Any

# Brotli is taken where it is installed: it is no dependency.
brotli: Any
try:
    import brotli  # type: ignore[import-untyped,no-redef] # pyright: ignore[reportMissingTypeStubs]
except ImportError:
    brotli = None

_TYPES = ("text/", "application/json", "application/xml", "application/javascript", "image/svg+xml")
_SUFFIXES = ("+json", "+xml")
# More take longer than they save on the way (zlib's 6 is its default).
GZIP_LEVEL = 5
BROTLI_QUALITY = 4
_GZIP_WINDOW = 31


def is_worth_it(content_type: str) -> bool:
    """What is a picture or an archive is compressed already."""
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type.startswith(_TYPES) or media_type.endswith(_SUFFIXES)


def chosen(accept: str) -> str | None:
    """The coding that an Accept-Encoding header likes best and we have; None for the plain body."""
    weights: dict[str, float] = {}
    for each in accept.split(","):
        name, _, parameters = each.partition(";")
        weights[name.strip().lower()] = _weight(parameters)
    best: str | None = None
    most = 0.0
    for name in ("br", "gzip") if brotli is not None else ("gzip",):
        weight = weights.get(name, weights.get("*", 0.0))
        if weight > most:
            best, most = name, weight
    return best


def packed(body: bytes, name: str) -> bytes:
    if name == "br":
        small: bytes = brotli.compress(body, quality=BROTLI_QUALITY)
        return small
    # Not `gzip.compress`: that imports a module for ten bytes in front.
    packer = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, _GZIP_WINDOW)
    return packer.compress(body) + packer.flush()


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        return min(max(float(value), 0.0), 1.0)
    except ValueError:
        return 0.0
