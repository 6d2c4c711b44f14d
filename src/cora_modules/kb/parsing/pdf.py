"""PDF, with pypdf. Of a page's text the order is that of the file: columns that are drawn in turns are mixed."""

import logging
from collections.abc import Iterator
from typing import Any, BinaryIO

import pypdf
from org_common import get_logger
from pypdf.errors import FileNotDecryptedError, LimitReachedError

from cora_modules.kb.parsing.bad_file import BadFile
from cora_modules.kb.parsing.boxes import Boxes
from cora_modules.kb.parsing.parsed import Check, Parsed, TextBuilder
from cora_modules.kb.parsing.pdf_lines import Fonts, Lines, Piece

MAX_PAGES = 10_000
"""The highest number of pages."""

# It reports every oddity of a file that it repairs.
logging.getLogger("pypdf").setLevel(logging.ERROR)


def parse(file: BinaryIO, check: Check) -> Parsed:
    """The text of each page and the boxes of its lines, with its form fields and notes, which have no boxes.

    The titles of the outline are the headings of pages.
    """
    try:
        reader = pypdf.PdfReader(file)
        pages = len(reader.pages)
    except FileNotDecryptedError as error:
        raise _encrypted() from error
    except Exception as error:
        raise BadFile("malformed", "The file is damaged: it begins like a PDF, and cannot be read as one.") from error
    if pages > MAX_PAGES:
        raise BadFile("too_large", f"The file has {pages} pages. The limit is {MAX_PAGES}.")
    text, boxes, has_images = _read_pages(reader, check)
    if not text.blocks:
        if has_images:
            raise BadFile(
                "scanned",
                "The file has images of pages and no text. Run text recognition (OCR) and upload the result.",
            )
        raise BadFile("no_text", "The file has no text.")
    return text.build(pages, boxes)


def _read_pages(reader: pypdf.PdfReader, check: Check) -> tuple[TextBuilder, Boxes, bool]:
    """The text, the boxes of its lines, and whether a page without text has an image."""
    text, boxes, fonts, has_images, broken, title = TextBuilder(), Boxes(), Fonts(), False, 0, ""
    titles = _outline_titles(reader)
    for number, page in enumerate(reader.pages, 1):
        check()
        title = titles.get(number, title)
        try:
            drawn, lines = _extract(page, fonts)
            content = "\n".join([drawn.strip(), *_annotations(page)])
        except FileNotDecryptedError as error:
            raise _encrypted() from error
        except LimitReachedError as error:
            raise BadFile("too_large", f"Page {number} is too large once it is unpacked.") from error
        except Exception:  # noqa: BLE001 - pypdf raises many types for a damaged page, and the others can be read
            get_logger(__name__).warning("page %d of a PDF cannot be read", number, exc_info=True)
            broken += 1
            continue
        if content.strip():
            text.add(content, page=number, title=title)
            _add_boxes(boxes, lines, text.blocks[-1].start - len(drawn) + len(drawn.lstrip()))
        elif not has_images:
            has_images = _has_image(page)
    if broken and not text.blocks:
        raise BadFile("malformed", "The file is damaged: none of its pages can be read.")
    return text, boxes, has_images


def _extract(page: Any, fonts: Fonts) -> tuple[str, list[Piece]]:
    """The text that is drawn on a page, and its pieces with their boxes."""
    lines = Lines(fonts)
    drawn: str = page.extract_text(
        visitor_operand_before=lines.before, visitor_operand_after=lines.after, visitor_text=lines.text
    )
    return drawn, lines.pieces if "".join(text for text, _ in lines.pieces) == drawn else []


def _add_boxes(boxes: Boxes, lines: list[Piece], start: int) -> None:
    """Add the boxes of a page whose text, with the space around it, begins at `start`."""
    for text, box in lines:
        if box is not None:
            boxes.add(start, start + len(text.rstrip()), box)
        start += len(text)


def _encrypted() -> BadFile:
    return BadFile("encrypted", "The file is protected by a password. Save it without one.")


def _annotations(page: Any) -> Iterator[str]:
    """What users typed: values of form fields and notes on the page. `extract_text()` has neither."""
    for reference in page.get("/Annots") or ():
        found = reference.get_object()
        kind = found.get("/Subtype")
        if kind == "/FreeText":
            yield str(found.get("/Contents", ""))
        elif kind == "/Widget":
            parent = found["/Parent"].get_object() if "/Parent" in found else {}
            value = found.get("/V", parent.get("/V"))
            if found.get("/FT", parent.get("/FT")) in ("/Tx", "/Ch") and isinstance(value, str) and value:
                yield f"{found.get('/T', parent.get('/T', ''))}: {value}"


def _outline_titles(reader: pypdf.PdfReader) -> dict[int, str]:
    """The titles of the outline by the page that they point to: the first one of each page."""
    titles: dict[int, str] = {}
    try:
        for item in _flat(reader.outline):
            number = reader.get_destination_page_number(item)
            if number is not None and number >= 0:
                titles.setdefault(number + 1, " ".join(str(item.title).split()))
    except Exception:  # noqa: BLE001 - an outline is a help, and damaged ones are common
        get_logger(__name__).info("the outline of a PDF cannot be read")
    return titles


def _flat(outline: list[Any]) -> Iterator[Any]:
    for item in outline:
        if isinstance(item, list):
            yield from _flat(item)
        else:
            yield item


def _has_image(page: Any) -> bool:
    try:
        resources = page["/Resources"].get_object()
        objects = resources["/XObject"].get_object() if "/XObject" in resources else {}
        return any(each.get_object().get("/Subtype") in ("/Image", "/Form") for each in objects.values())
    except Exception:  # noqa: BLE001 - it only chooses between two messages
        return False
