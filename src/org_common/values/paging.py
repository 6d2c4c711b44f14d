"""Keyset pages: what the caller asked for, and one page of the answer."""

from typing import Generic, TypeVar

T = TypeVar("T")

DEFAULT_LIMIT = 50
MAX_LIMIT = 100


class PageRequest:
    """`?limit=` (1-100, default 50) and `?cursor=` of a list route. Injectable: name it in a handler's signature.

    `scope` says what list this is: method, path as sent and the other query parameters. A cursor holds only for the
    scope and the caller that it was made for.
    """

    __slots__ = ("cursor", "limit", "scope")
    injected = "page"

    def __init__(self, *, limit: int = DEFAULT_LIMIT, cursor: str | None = None, scope: str = "") -> None:
        self.limit = limit
        self.cursor = cursor
        self.scope = scope


class Page(Generic[T]):
    """Some items in order. `next_cursor` asks for those that follow; None when there are none."""

    __slots__ = ("items", "next_cursor")

    def __init__(self, items: list[T], next_cursor: str | None) -> None:
        self.items = items
        self.next_cursor = next_cursor
