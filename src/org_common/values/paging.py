"""Keyset pagination: the request for a page, and a page."""

from typing import Generic, TypeVar

T = TypeVar("T")

DEFAULT_LIMIT = 50
MAX_LIMIT = 100
# API Gateway takes 10,240 bytes of request line and headers together.
MAX_CURSOR_LENGTH = 6144
# Base64url of a tag of 16 bytes and at least "[]".
CURSOR_PATTERN = "^[A-Za-z0-9_-]{24,}$"


class PageRequest:
    """`?limit=` and `?cursor=` of a list route. Injectable: annotate a parameter of your handler with it."""

    __slots__ = ("cursor", "limit", "scope")
    injected = "page"

    limit: int
    """The number of items: 1-100 in a request, 50 by default, and 1 or more in your own code."""
    cursor: str | None
    """The `next_cursor` of the previous page; None for the first page."""
    scope: str
    """The list: method, path as sent and the other query parameters.

    A cursor is valid for one scope, one sort order and one caller.
    """

    def __init__(self, *, limit: int = DEFAULT_LIMIT, cursor: str | None = None, scope: str = "") -> None:
        """`ValueError` for a limit below 1."""
        if limit < 1:
            raise ValueError(f"a page has at least one item, got limit={limit}")
        self.limit = limit
        self.cursor = cursor
        self.scope = scope


class Page(Generic[T]):
    """One page of a list."""

    __slots__ = ("items", "next_cursor")

    items: list[T]
    """The items, in order."""
    next_cursor: str | None
    """Requests the next page; None on the last page."""

    def __init__(self, items: list[T], next_cursor: str | None) -> None:
        self.items = items
        self.next_cursor = next_cursor
