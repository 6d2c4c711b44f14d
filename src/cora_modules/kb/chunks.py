"""Passages of a text: cut where its structure is, of a limited number of tokens, each with its exact place."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from cora_modules.kb.parsing.boxes import Box
from cora_modules.kb.parsing.parsed import Block, Parsed

CHARACTERS_PER_TOKEN = 4
"""Of English prose and most tokenizers. An estimate: passages of other languages have more tokens."""
MAX_HEADING = 1000
# Where a block that is too long is cut, the best place first: the end of a sentence, a line, a word.
_ENDS = (". ", "! ", "? ", ".\n", "!\n", "?\n", "\u3002", "\uff01", "\uff1f"), ("\n", "\r"), (" ", "\t")
# A cut before one of these would tear a letter, or an emoji of several characters.
_JOINS = frozenset("\u200d\ufe0f\u20e3")

CountTokens = Callable[[str], int]


class Chunk(NamedTuple):
    """A passage: `text[start:end]`."""

    start: int
    end: int
    tokens: int
    page: int | None
    """The page that it is on. A passage never continues on the next one."""
    heading: str | None
    """The headings above it, the highest first: "Engines > Fuel"."""
    box: Box | None = None
    """Where it is on its page: the smallest box around its lines. None if the format or the line has none."""


def estimate_tokens(text: str) -> int:
    """How many tokens a text has: about one for four characters."""
    return len(text) // CHARACTERS_PER_TOKEN or 1


def cut(
    parsed: Parsed, *, max_tokens: int, overlap_tokens: int, count_tokens: CountTokens = estimate_tokens
) -> Iterator[Chunk]:
    """Cut a text into passages of at most `max_tokens`, by the estimate of four characters for one.

    A passage ends with its section and its page. Within a section, each repeats about `overlap_tokens` of the one
    before, from the beginning of a word. `count_tokens` counts what each passage is reported to have.
    """
    size, overlap = max_tokens * CHARACTERS_PER_TOKEN, overlap_tokens * CHARACTERS_PER_TOKEN
    for section in _sections(parsed.blocks):
        for start, end in _spans(parsed.text, section.blocks, size, overlap):
            content = parsed.text[start:end]
            if not content.isspace():
                box = None if parsed.boxes is None else parsed.boxes.around(start, end)
                yield Chunk(start, end, count_tokens(content), section.page, section.heading, box)


class _Section(NamedTuple):
    blocks: list[Block]
    page: int | None
    heading: str | None


def _sections(blocks: list[Block]) -> Iterator[_Section]:
    """Blocks of one page below the same heading. A heading without text goes with the section that follows."""
    path: list[tuple[int, str]] = []
    current: list[Block] = []
    has_text = False
    for block in blocks:
        begins = block.level > 0 or (current and (block.page, block.title) != (current[-1].page, current[-1].title))
        if begins and has_text and (block.level or not current[-1].level):
            yield _section(current, path)
            current, has_text = [], False
        if block.level:
            path = [*(each for each in path if each[0] < block.level), (block.level, block.title)]
        current.append(block)
        has_text = has_text or not block.level
    if current:
        yield _section(current, path)


def _section(blocks: list[Block], path: list[tuple[int, str]]) -> _Section:
    titles = [title for _, title in path] or ([blocks[-1].title] if blocks[-1].title else [])
    return _Section(blocks, blocks[-1].page, " > ".join(titles)[:MAX_HEADING] or None)


def _spans(text: str, blocks: list[Block], size: int, overlap: int) -> Iterator[tuple[int, int]]:
    """Fill passages with complete blocks as far as they fit, and cut those that are longer than a passage."""
    start, end = blocks[0].start, blocks[0].start
    for block in blocks:
        if block.end - start <= size:
            end = block.end
            continue
        if end > start:
            yield start, end
            start = _overlap_start(text, start + size // 4, end, overlap)
            # What is repeated must leave room for the block, or for as much of it as fits.
            if block.end - start > size and block.end - block.start <= size:
                start = block.start
        while block.end - start > size:
            end = _cut_at(text, start, start + size)
            yield start, end
            start = _overlap_start(text, start + size // 4, end, overlap)
        end = block.end
    if end > start:
        yield start, end


def _cut_at(text: str, start: int, limit: int) -> int:
    """The best place for an end in the second half before `limit`."""
    half = (start + limit) // 2
    for ends in _ENDS:
        found = max((at + len(end) for end in ends if (at := text.rfind(end, half, limit)) >= 0), default=0)
        if found and not text[start:found].isspace():
            return start + len(text[start:found].rstrip())
    while limit - 1 > half and _joins(text, limit):
        limit -= 1
    return limit


def _joins(text: str, at: int) -> bool:
    """Whether the character continues the one before."""
    from unicodedata import combining

    sign = text[at]
    return (
        sign in _JOINS
        or text[at - 1] == "\u200d"
        or combining(sign) > 0
        or "\U0001f3fb" <= sign <= "\U0001f3ff"
        or (sign == "\n" and text[at - 1] == "\r")
    )


def _overlap_start(text: str, earliest: int, end: int, overlap: int) -> int:
    """Where the next passage begins: at a word, at most `overlap` characters before the end of this one."""
    earliest = max(earliest, end - overlap)
    at = end
    if earliest < end:
        spaces = (text.find(space, earliest - 1, end) for space in " \n\t")
        at = min((place + 1 for place in spaces if place >= 0), default=end)
    while at < len(text) and text[at].isspace():
        at += 1
    return at
