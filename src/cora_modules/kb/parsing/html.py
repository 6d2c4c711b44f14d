"""HTML, as a stream of tags.

lxml's tree silently drops what is nested deeper than 256 elements, and all text after it. Other parsers keep it and set
no bound: lexbor needs 337 MB for 8 MB of `<b>x</b>`, and time that grows with the square of the depth (4.2 s for
40,000 nested `<div>`, 0.2 MB). The stream is bounded in both. Its events alone take as long as lxml's tree (0.31 s for
50 MB, 2026-11), so Python does little for each tag, and works on the text of thousands of blocks at once.
"""

from collections.abc import Callable

from lxml import etree  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs, reportAttributeAccessIssue]

from cora_modules.kb.parsing.parsed import Check, Parsed, TextBuilder

PIECE = 1 << 16
"""How much is parsed at a time, in characters."""
_SKIPPED = frozenset({"script", "style", "template", "noscript", "head", "svg", "iframe"})
# Elements that begin a new line. All others are within one: "Hel<b>lo</b>" is one word.
_BLOCKS = frozenset(
    {
        *("address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "dialog", "dir"),
        *("div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6"),
        *("header", "hgroup", "hr", "legend", "li", "main", "menu", "nav", "ol", "optgroup", "option", "p", "pre"),
        *("search", "section", "summary", "table", "tbody", "tfoot", "thead", "title", "tr", "ul"),
    }
)
# What stands for a tag among the pieces of text: the border of a block, a line break, the border of a cell, the border
# of preformatted text, and what a heading begins with, before its level. The parser returns no surrogate: `&#xd801;` is
# U+FFFD to it, while `&#1;` is a character.
_BLOCK, _BREAK, _CELL, _PRE, _HEADING = "\ud801", "\ud802", "\ud803", "\ud804", "\ud805"
_STARTS = {
    **dict.fromkeys(_BLOCKS, _BLOCK),
    **{f"h{level}": f"{_BLOCK}{_HEADING}{level}" for level in range(1, 7)},
    **dict.fromkeys(("td", "th"), _CELL),
    "br": _BREAK,
}
_ENDS = dict.fromkeys(_BLOCKS, _BLOCK)
PENDING = 20_000
"""How many pieces of text and tags wait until they are made into blocks."""


class _Reader:
    """Receives the events of the parser."""

    def __init__(self) -> None:
        self.text = TextBuilder()
        self._pieces: list[str] = []
        self.data: Callable[[str], None] = self._pieces.append
        """Receives text: a method of the list, since the parser calls it most."""
        self._skipped = 0
        self._skipped_from = 0
        self._pre = 0

    def start(self, tag: str, attributes: object) -> None:
        mark = _STARTS.get(tag)
        if mark is not None:
            self._pieces.append(mark)
            if tag == "pre":
                self._begin_pre()
        elif tag in _SKIPPED:
            if not self._skipped:
                self._skipped_from = len(self._pieces)
            self._skipped += 1

    def end(self, tag: str) -> None:
        mark = _ENDS.get(tag)
        if mark is not None:
            if tag == "pre":
                self._end_pre()
            # Behind the border of preformatted text: `flush` cuts here.
            self._pieces.append(mark)
        elif tag in _SKIPPED and self._skipped:
            self._skipped -= 1
            if not self._skipped:
                self._drop_skipped()

    def comment(self, text: str) -> None:
        pass

    def close(self) -> TextBuilder:
        if self._skipped:
            self._drop_skipped()
        self._add_blocks("".join(self._pieces))
        self._pieces.clear()
        return self.text

    def flush(self) -> None:
        """Make blocks of what waits, up to the last border of a block."""
        pieces = self._pieces
        if len(pieces) < PENDING or self._skipped or self._pre:
            return
        for at in range(len(pieces) - 1, -1, -1):
            if pieces[at] == _BLOCK:
                self._add_blocks("".join(pieces[:at]))
                del pieces[:at]
                return

    def _begin_pre(self) -> None:
        self._pre += 1
        if self._pre == 1:
            self._pieces.append(_PRE)

    def _end_pre(self) -> None:
        if self._pre == 1:
            self._pieces.append(_PRE)
        self._pre = max(self._pre - 1, 0)

    def _drop_skipped(self) -> None:
        """Drop the text, and keep the borders of the blocks and of preformatted text."""
        skipped = self._pieces[self._skipped_from :]
        self._pieces[self._skipped_from :] = [each[0] for each in skipped if each[:1] in (_BLOCK, _PRE)]

    def _add_blocks(self, text: str) -> None:
        # Inside and outside of preformatted text in turn.
        for at, part in enumerate(text.replace("\0", "\ufffd").split(_PRE)):
            spaced = part if at % 2 else _with_single_spaces(part)
            blocks = spaced.replace(_BREAK, "\n").replace(_CELL, "\t").split(_BLOCK)
            contents = list(filter(None, map(str.strip, blocks)))
            levels = {}
            if _HEADING in spaced:
                # A heading without text is its mark and its level alone.
                contents = [each for each in contents if each[0] != _HEADING or each[2:].strip()]
                levels = {place: int(each[1]) for place, each in enumerate(contents) if each[0] == _HEADING}
                for place in levels:
                    contents[place] = contents[place][2:].strip()
            self.text.add_all(contents, levels)


def _with_single_spaces(text: str) -> str:
    """Each sequence of HTML's spaces as one."""
    for sign in "\n\t\r\f":
        if sign in text:
            text = text.replace(sign, " ")
    while "  " in text:
        text = text.replace("  ", " ")
    for sign in (_BREAK, _CELL):
        if sign in text:
            text = text.replace(f" {sign}", sign).replace(f"{sign} ", sign)
    return text


def parse(text: str, check: Check) -> Parsed:
    """The text that a reader sees, with its headings and paragraphs."""
    reader = _Reader()
    parser = etree.HTMLParser(target=reader, huge_tree=True, no_network=True)
    for at in range(0, len(text), PIECE):
        if at % (PIECE * 64) == 0:
            check()
        parser.feed(text[at : at + PIECE])
        reader.flush()
    try:
        parser.close()
    except etree.XMLSyntaxError:
        # It has no element at all.
        reader.close()
    return reader.text.build()
