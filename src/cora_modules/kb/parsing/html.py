"""HTML, as a stream of tags.

lxml's tree silently drops what is nested deeper than 256 elements, and all text after it.
"""

import re

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
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_SPACES = re.compile(r"[ \t\n\r\f]+")


class _Reader:
    """Receives the events of the parser."""

    def __init__(self) -> None:
        self.text = TextBuilder()
        self._pieces: list[str] = []
        self._level = 0
        self._skipped = 0
        self._pre = 0

    def start(self, tag: str, attributes: object) -> None:
        if tag in _SKIPPED:
            self._skipped += 1
        elif tag == "br":
            self._pieces.append("\n")
        elif tag in ("td", "th"):
            if self._pieces:
                self._pieces.append("\t")
        elif tag in _BLOCKS:
            self._end_block()
            self._level = _HEADINGS.get(tag, 0)
            self._pre += tag == "pre"

    def end(self, tag: str) -> None:
        if tag in _SKIPPED:
            self._skipped = max(self._skipped - 1, 0)
        elif tag in _BLOCKS:
            self._end_block()
            self._pre = max(self._pre - (tag == "pre"), 0)

    def data(self, data: str) -> None:
        if not self._skipped:
            # Spaces around a break are put right at the end of the block.
            self._pieces.append(data if self._pre else _SPACES.sub(" ", data))

    def comment(self, text: str) -> None:
        pass

    def close(self) -> TextBuilder:
        self._end_block()
        return self.text

    def _end_block(self) -> None:
        content = "".join(self._pieces)
        if not self._pre:
            content = re.sub(r" *([\n\t]) *", r"\1", re.sub(r" {2,}", " ", content))
        self._pieces.clear()
        self.text.add(content, level=self._level)
        self._level = 0


def parse(text: str, check: Check) -> Parsed:
    """The text that a reader sees, with its headings and paragraphs."""
    reader = _Reader()
    parser = etree.HTMLParser(target=reader, huge_tree=True, no_network=True)
    for at in range(0, len(text), PIECE):
        if at % (PIECE * 64) == 0:
            check()
        parser.feed(text[at : at + PIECE])
    try:
        parser.close()
    except etree.XMLSyntaxError:
        # It has no element at all.
        reader.close()
    return reader.text.build()
