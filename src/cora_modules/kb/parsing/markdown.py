"""Markdown: the source is the text, and markdown-it-py says where its blocks are."""

import re

from markdown_it import MarkdownIt

from cora_modules.kb.parsing.parsed import Block, Check, Parsed, check_length, storable

# As markdown-it counts lines. `str.splitlines` also ends them at U+2028, U+0085 and others.
_LINE_END = re.compile(r"\r\n|\n|\r")
_LEAVES = frozenset({"heading_open", "paragraph_open", "fence", "code_block", "table_open", "html_block", "hr"})
PIECE = 500_000
"""How much is parsed at a time, in characters: its tokens take thirty times the memory of the source (measured)."""
_PIECE_END = re.compile(r"(?:\r\n|\n|\r)(?=#{1,6}[ \t])")


def parse(text: str, check: Check) -> Parsed:
    """The source as it is, with its headings, paragraphs, lists, tables and code.

    A block reaches to the beginning of the next one: link definitions and other lines without a token are in it too.
    """
    check_length(len(text))
    text = storable(text)
    parser = MarkdownIt("commonmark").enable("table")
    # Blocks are all that is needed. Emphasis, links and entities stay in the text as they are.
    parser.core.ruler.enableOnly(["normalize", "block"])
    starts: list[Block] = []
    at = 0
    while at < len(text):
        check()
        end = _piece_end(text, at)
        starts.extend(_blocks(parser, text[at:end], at))
        at = end
    return Parsed(text, list(_closed(text, starts)))


def _piece_end(text: str, at: int) -> int:
    """Where to cut a long text: before a heading, else at an empty line."""
    if len(text) - at <= PIECE:
        return len(text)
    found = _PIECE_END.search(text, at + PIECE // 2, at + 2 * PIECE)
    if found is not None:
        return found.end()
    empty = text.find("\n\n", at + PIECE)
    return len(text) if empty < 0 else empty + 2


def _blocks(parser: MarkdownIt, source: str, offset: int) -> list[Block]:
    line_starts = [0, *(found.end() for found in _LINE_END.finditer(source))]
    blocks: list[Block] = []
    tokens = parser.parse(source)
    for place, token in enumerate(tokens):
        if token.type not in _LEAVES or token.map is None:
            continue
        start = offset + line_starts[token.map[0]]
        # Tokens of nested containers can begin in the same line.
        if blocks and blocks[-1].start == start:
            continue
        level, title = 0, ""
        if token.type == "heading_open":
            level, title = int(token.tag[1]), " ".join(tokens[place + 1].content.split())
        blocks.append(Block(start, start, level, title))
    return blocks


def _closed(text: str, starts: list[Block]) -> list[Block]:
    """Let each block end before the next one, without the whitespace between them."""
    if not starts or text[: starts[0].start].strip():
        starts = [Block(0, 0), *starts]
    ends = [*(block.start for block in starts[1:]), len(text)]
    closed: list[Block] = []
    for block, end in zip(starts, ends, strict=True):
        length = len(text[block.start : end].rstrip())
        if length:
            closed.append(block._replace(end=block.start + length))
    return closed
