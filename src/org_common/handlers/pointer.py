"""JSON pointers (RFC 6901) as URI fragments: the place of a value in a document."""

from __future__ import annotations

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterable


def pointer(path: Iterable[int | str]) -> str:
    """The pointer of a path: `#/lines/0/size`, and `#` for the document itself."""
    # Needed only for an error, so importing an app does not load it.
    from urllib.parse import quote

    parts = [quote(str(part).replace("~", "~0").replace("/", "~1"), errors="replace") for part in path]
    return "#/" + "/".join(parts) if parts else "#"
