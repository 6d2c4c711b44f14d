"""Word documents, read from their XML.

python-docx leaves out tracked insertions, content controls, text boxes and fields.
"""

import zipfile
from collections.abc import Iterator
from typing import Any, BinaryIO

from lxml import etree  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs, reportAttributeAccessIssue]

from cora_modules.kb.parsing.bad_file import BadFile
from cora_modules.kb.parsing.file_type import DAMAGED_ARCHIVE, MAIN_PART
from cora_modules.kb.parsing.parsed import Check, Parsed, TextBuilder

MAX_UNPACKED = 250_000_000
"""The highest number of bytes of the unpacked archive. 52 MB of XML fit into 0.6 MB."""

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_MAIN = "application/vnd.openxmlformats-officedocument." + MAIN_PART.decode() + "+xml"
_TEXTS = {f"{_W}t": None, f"{_W}tab": "\t", f"{_W}br": "\n", f"{_W}cr": "\n", f"{_W}noBreakHyphen": "\u2011"}
# Text that was deleted or moved away, and the second copy of a text box.
_SKIPPED = frozenset({f"{_W}del", f"{_W}moveFrom", _FALLBACK})
_P, _TC, _TR, _STYLE, _OUTLINE = (f"{_W}{name}" for name in ("p", "tc", "tr", "pStyle", "outlineLvl"))
_VALUE = f"{_W}val"
_TAGS = (*_TEXTS, *_SKIPPED, _P, _TC, _TR, _STYLE, _OUTLINE)


def parse(file: BinaryIO, check: Check) -> Parsed:
    """The text in the order of the document, with headings and rows of tables; notes at the end."""
    try:
        with zipfile.ZipFile(file) as archive:
            _check_size(archive)
            text = TextBuilder()
            main = _main_part(archive)
            folder = main.rpartition("/")[0]
            levels = _heading_levels(archive, f"{folder}/styles.xml")
            for part in (main, f"{folder}/footnotes.xml", f"{folder}/endnotes.xml"):
                _read_part(archive, part, _Walk(text, levels), check)
            return text.build()
    except BadFile:
        raise
    except (*DAMAGED_ARCHIVE, etree.XMLSyntaxError) as error:
        if "encrypted" in str(error):
            raise BadFile("encrypted", "The document is protected by a password. Save it without one.") from error
        raise BadFile("malformed", "The document is damaged: Word could not have written it.") from error


def _check_size(archive: zipfile.ZipFile) -> None:
    # zipfile stops reading a member at the size in its header.
    if sum(each.file_size for each in archive.infolist()) > MAX_UNPACKED:
        raise BadFile("too_large", f"The document is larger than {MAX_UNPACKED // 1_000_000} MB once it is unpacked.")


def _main_part(archive: zipfile.ZipFile) -> str:
    with archive.open("[Content_Types].xml") as stream:
        for _, element in _elements(stream, ()):
            if element.get("ContentType") == _MAIN:
                return str(element.get("PartName", "")).lstrip("/")
    return "word/document.xml"


def _heading_levels(archive: zipfile.ZipFile, part: str) -> dict[str, int]:
    """The levels of the styles that are headings, by the style's id."""
    levels: dict[str, int] = {}
    if part not in archive.namelist():
        return levels
    with archive.open(part) as stream:
        for _, style in _elements(stream, (f"{_W}style",)):
            name, outline = style.find(f"{_W}name"), style.find(f"{_W}pPr/{_OUTLINE}")
            title = "" if name is None else name.get(_VALUE, "").lower()
            if title.startswith("heading ") and title[8:].isdecimal():
                levels[style.get(f"{_W}styleId")] = int(title[8:])
            elif title == "title":
                levels[style.get(f"{_W}styleId")] = 1
            elif outline is not None:
                levels[style.get(f"{_W}styleId")] = _outline_level(outline)
    return {style: level for style, level in levels.items() if level}


def _outline_level(element: Any) -> int:
    """1 to 9, and 0 for body text."""
    value = element.get(_VALUE, "9")
    return int(value) + 1 if value.isdecimal() and int(value) < 9 else 0


def _read_part(archive: zipfile.ZipFile, part: str, walk: "_Walk", check: Check) -> None:
    if part not in archive.namelist():
        return
    with archive.open(part) as stream:
        for count, (event, element) in enumerate(_elements(stream, _TAGS, ("start", "end"))):
            if count % 50_000 == 0:
                check()
            if event == "start":
                walk.start(element)
            else:
                walk.end(element)
                if element.tag == _P:
                    _forget(element)


def _elements(stream: Any, tags: tuple[str, ...], events: tuple[str, ...] = ("end",)) -> Iterator[tuple[str, Any]]:
    # Entities of a document of Word can only be an attack.
    elements: Iterator[tuple[str, Any]] = etree.iterparse(
        stream, events=events, tag=tags or None, resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True
    )
    return elements


def _forget(element: Any) -> None:
    """Free a paragraph that was read, and those before it."""
    element.clear()
    parent = element.getparent()
    while parent is not None and element.getprevious() is not None:
        del parent[0]


class _Walk:
    """What is open while the XML is read: paragraphs within cells within rows, and text boxes within paragraphs."""

    def __init__(self, text: TextBuilder, levels: dict[str, int]) -> None:
        self._text = text
        self._levels = levels
        self._paragraphs: list[list[str]] = []
        self._heading: list[int] = []
        self._cells: list[list[str]] = []
        self._rows: list[list[str]] = []
        self._skipped = 0

    def start(self, element: Any) -> None:
        tag = element.tag
        if tag in _SKIPPED:
            self._skipped += 1
        elif tag == _P:
            self._paragraphs.append([])
            self._heading.append(0)
        elif tag == _TR:
            self._rows.append([])
        elif tag == _TC:
            self._cells.append([])

    def end(self, element: Any) -> None:
        tag = element.tag
        if tag in _SKIPPED:
            self._skipped -= 1
        elif tag in _TEXTS:
            if self._paragraphs and not self._skipped:
                self._paragraphs[-1].append(_TEXTS[tag] or element.text or "")
        elif tag == _P:
            self._add("".join(self._paragraphs.pop()), self._heading.pop())
        elif tag == _TC:
            cell = " ".join(self._cells.pop())
            if self._rows:
                self._rows[-1].append(cell)
        elif tag == _TR:
            self._add("\t".join(self._rows.pop()), 0)
        elif tag == _STYLE and self._heading:
            self._heading[-1] = self._levels.get(element.get(_VALUE), self._heading[-1])
        elif tag == _OUTLINE and self._heading:
            self._heading[-1] = _outline_level(element) or self._heading[-1]

    def _add(self, content: str, level: int) -> None:
        if self._skipped or not content.strip():
            return
        if self._cells:
            self._cells[-1].append(content.strip())
        else:
            self._text.add(content, level=min(level, 6))
