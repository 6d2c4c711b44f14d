import io

import pytest

from cora_modules.kb.parsing.bad_file import BadFile
from cora_modules.kb.parsing.parsed import Parsed
from cora_modules.kb.parsing.pdf import parse
from tests.cora_modules.kb import files
from tests.cora_modules.kb.parsing.nothing import nothing


def read(content: bytes) -> Parsed:
    return parse(io.BytesIO(content), nothing)


def test_each_page_is_a_block() -> None:
    parsed = read(files.pdf(["Ärger (a)\nzwei", "", "drei"]))

    assert parsed.text == "Ärger (a)\nzwei\n\ndrei"
    assert [block.page for block in parsed.blocks] == [1, 3]
    assert parsed.page_count == 3


def test_lines_have_boxes_in_the_place_of_their_text() -> None:
    """Also after a page with other text, and although the space around a page's text is left out."""
    parsed = read(files.pdf(["a", "  one\ntwo  ", "b"]))

    assert parsed.boxes is not None
    at = parsed.text.index("two")
    assert parsed.boxes.around(at - 1, at + 3) == parsed.boxes.around(at, at + 3) == (50, 764.8, 73.2, 775.8)
    assert parsed.boxes.around(0, 1) == (50, 777.8, 56.1, 788.8)


def test_titles_of_the_outline_are_headings_until_the_next_one() -> None:
    parsed = read(files.pdf(["a", "b", "c"], outline=[("First", 0), ("Second", 2), ("Also second", 2)]))

    assert [block.title for block in parsed.blocks] == ["First", "First", "Second"]


def test_form_values_and_notes_are_read() -> None:
    """extract_text() has neither."""
    field = b"<< /Type /Annot /Subtype /Widget /FT /Tx /T (Name) /V (Ada Lovelace) /Rect [0 0 9 9] >>"
    note = b"<< /Type /Annot /Subtype /FreeText /Contents (Check this) /Rect [0 0 9 9] >>"
    button = b"<< /Type /Annot /Subtype /Widget /FT /Btn /T (Ok) /V /Yes /Rect [0 0 9 9] >>"

    parsed = read(files.pdf(["Form"], objects=[field, note, button], extra=b"/Annots [4 0 R 5 0 R 6 0 R]"))

    assert parsed.text == "Form\nName: Ada Lovelace\nCheck this"


def test_file_that_opens_without_its_password_is_read() -> None:
    """`is_encrypted` is true for it."""
    assert read(files.encrypted_pdf("open", "")).text == "open"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (files.encrypted_pdf("x", "secret"), "encrypted"),
        (files.scanned_pdf(), "scanned"),
        (files.pdf([""]), "no_text"),
        (files.bomb_pdf(), "too_large"),
        (b"%PDF-1.7\n", "malformed"),
        (files.pdf(["x"])[:300], "malformed"),
    ],
    ids=["encrypted", "scanned", "empty", "bomb", "header", "cut"],
)
def test_bad_file_has_a_reason(content: bytes, reason: str) -> None:
    with pytest.raises(BadFile) as caught:
        read(content)

    assert caught.value.reason == reason


def test_broken_page_does_not_lose_the_others() -> None:
    parsed = read(files.pdf(["first", "second"], streams={0: b"no deflate"}))

    assert parsed.text == "second"
