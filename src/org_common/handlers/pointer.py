"""Where in a document: a JSON pointer (RFC 6901), as a URI fragment."""

from __future__ import annotations

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterable


def pointer(path: Iterable[int | str]) -> str:
    """`#/lines/0/size`; `#` for the document itself."""
    # Only where something is wrong: an app is imported without it.
    from urllib.parse import quote

    parts = [quote(str(part).replace("~", "~0").replace("/", "~1"), errors="replace") for part in path]
    return "#/" + "/".join(parts) if parts else "#"
