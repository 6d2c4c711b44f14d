"""Plain text. Its paragraphs are separated by empty lines."""

import re
from collections.abc import Iterator

from cora_modules.kb.parsing.parsed import Block, Check, Parsed, check_length, storable

# Lines end at \n, \r\n or \r, as in Markdown: not at U+2028 and the other characters of `str.splitlines`.
_GAP = re.compile(r"(?>\r\n|\n|\r)[^\S\r\n]*(?:\r\n|\n|\r)\s*")


def parse(text: str, check: Check) -> Parsed:
    """The text as it is, with its paragraphs."""
    check_length(len(text))
    text = storable(text)
    return Parsed(text, list(_paragraphs(text, check)))


def _paragraphs(text: str, check: Check) -> Iterator[Block]:
    start = len(text) - len(text.lstrip())
    for count, gap in enumerate(_GAP.finditer(text, start)):
        if count % 10_000 == 0:
            check()
        if gap.start() > start:
            yield Block(start, gap.start())
        start = gap.end()
    end = len(text.rstrip())
    if start < end:
        yield Block(start, end)
