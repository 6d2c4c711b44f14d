"""The text of a file and its structure."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

from cora_modules.kb.parsing.bad_file import BadFile
from cora_modules.kb.parsing.boxes import Boxes

MAX_TEXT = 60_000_000
"""The highest number of characters of a document's text."""

Check = Callable[[], None]
"""Called now and then during long work. Raises when the time is over."""


class Block(NamedTuple):
    """A paragraph, a heading, a row of a table, or the text of a page: `text[start:end]`."""

    start: int
    end: int
    level: int = 0
    """The level of a heading, 1 for the highest. 0 for everything else."""
    title: str = ""
    """The text of a heading; the block may have more, such as the `##` of Markdown. Of other blocks, the heading above
    them, if it has no block of its own: a page of a PDF has one of the outline."""
    page: int | None = None
    """The number of its page, from 1. None if the format has no pages."""


# `Block._make` is a function in Python that calls it.
_make_block: Callable[[tuple[int, int, int, str, None]], Block] = partial(tuple.__new__, Block)


class Parsed(NamedTuple):
    """The text of a file. Everything in it but whitespace is in one of the blocks."""

    text: str
    blocks: list[Block]
    page_count: int | None = None
    boxes: Boxes | None = None
    """Where its lines are on their pages. None if the format has no pages."""


class TextBuilder:
    """Joins pieces of text into blocks, separated by an empty line."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._length = 0
        self.blocks: list[Block] = []

    def add(self, content: str, *, level: int = 0, page: int | None = None, title: str = "") -> None:
        """Add a block. One without text is left out. Raises `BadFile` when the text is too long."""
        content = content.strip()
        if not content:
            return
        if not content.isascii() or "\0" in content:
            content = storable(content)
        start = self._length + 2 if self._pieces else 0
        self._pieces.append(content)
        self._length = start + len(content)
        if self._length > MAX_TEXT:
            check_length(self._length)
        title = " ".join(content.split()) if level else title
        self.blocks.append(Block(start, self._length, level, title, page))

    def add_all(self, contents: list[str], levels: Mapping[int, int]) -> None:
        """Add many blocks that are stripped, storable and not empty: a third of the time of `add` for each.

        `levels` has the level of each heading by its place in `contents`.
        """
        if not contents:
            return
        start = self._length + 2 if self._pieces else 0
        add_block = self.blocks.append
        for at, content in enumerate(contents):
            end = start + len(content)
            level = levels.get(at)
            title = " ".join(content.split()) if level else ""
            add_block(_make_block((start, end, level or 0, title, None)))
            start = end + 2
        self._length = start - 2
        check_length(self._length)
        self._pieces += contents

    def build(self, page_count: int | None = None, boxes: Boxes | None = None) -> Parsed:
        """Return the text of all blocks."""
        return Parsed("\n\n".join(self._pieces), self.blocks, page_count, boxes)


def storable(text: str) -> str:
    """The text without what PostgreSQL cannot store: U+FFFD in place of NUL and of lone surrogates."""
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    try:
        text.encode()
    except UnicodeEncodeError:
        text = "".join("\ufffd" if "\ud800" <= sign <= "\udfff" else sign for sign in text)
    return text


def check_length(length: int) -> None:
    """Raise `BadFile` for a text that is too long."""
    if length > MAX_TEXT:
        raise BadFile("too_large", f"The file has more than {MAX_TEXT // 1_000_000} million characters of text.")
