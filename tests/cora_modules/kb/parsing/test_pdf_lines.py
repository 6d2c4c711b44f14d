"""Where lines are, in files that this test draws: the corners follow from the operators of ISO 32000-2, 9.4."""

import io
import zlib

import pytest

from cora_modules.kb.parsing.boxes import Box
from cora_modules.kb.parsing.pdf import parse
from tests.cora_modules.kb import files
from tests.cora_modules.kb.parsing.nothing import nothing

FORM = b"BT /F1 10 Tf 100 100 Td (In a form) Tj ET"


def box_of(drawn: bytes, text: str, *, resources: bytes = b"", objects: tuple[bytes, ...] = ()) -> Box | None:
    """The box of this part of a page's text."""
    content = files.pdf(["x"], streams={0: zlib.compress(drawn)}, resources=resources, objects=objects)
    parsed = parse(io.BytesIO(content), nothing)
    start = parsed.text.index(text)
    assert parsed.boxes is not None
    return parsed.boxes.around(start, start + len(text))


@pytest.mark.parametrize(
    ("drawn", "text", "expected"),
    [
        # Helvetica: H 722, i 222 thousandths of the font size.
        (b"BT /F1 10 Tf 100 200 Td (Hi) Tj ET", "Hi", (100, 198, 109.4, 208)),
        (b"BT /F1 1 Tf 10 0 0 10 100 200 Tm [(H) -9 (i)] TJ ET", "Hi", (100, 198, 109.4, 208)),
        (b"q 2 0 0 2 30 40 cm BT /F1 10 Tf 100 200 Td (Hi) Tj ET Q", "Hi", (230, 436, 248.9, 456)),
        (b"BT /F1 10 Tf 13 TL 100 200 Td (Hi) Tj (HiHi) ' ET", "Hi\nHiHi", (100, 185, 118.9, 208)),
        # Cells of a table: the box reaches to the last one.
        (b"BT /F1 10 Tf 100 200 Td (Hi) Tj 300 0 Td (Hi) Tj ET", "Hi Hi", (100, 198, 409.4, 208)),
        # pypdf gives the second part the place of the first.
        (b"BT /F1 10 Tf 100 200 Td (Hi) Tj /F1 20 Tf (Hi) Tj ET", "HiHi", (100, 196, 128.3, 216)),
        # Turned by 90 degrees to the left, mirrored, and slanted.
        (b"BT /F1 10 Tf 0 1 -1 0 300 100 Tm (Hi) Tj ET", "Hi", (292, 100, 302, 109.4)),
        (b"BT /F1 10 Tf -1 0 0 1 300 100 Tm (Hi) Tj ET", "Hi", (290.6, 98, 300, 108)),
        (b"BT /F1 10 Tf 1 0 1 1 300 100 Tm (Hi) Tj ET", "Hi", (298, 98, 317.4, 108)),
        (b"BT /F1 10 Tf 1 0 0 1 1000001 5 Tm (Hi) Tj ET", "Hi", None),
        # An unknown font: half of the size for each character.
        (b"BT /F9 10 Tf 100 200 Td (Hi) Tj ET", "\ufffd\ufffd", (100, 198, 110, 208)),
    ],
)
def test_box_of_a_line(drawn: bytes, text: str, expected: tuple[float, float, float, float] | None) -> None:
    assert box_of(drawn, text) == expected


def test_text_in_a_form_has_no_box_and_that_around_it_has() -> None:
    form = (
        b"<< /Type /XObject /Subtype /Form /BBox [0 0 500 500] /Resources << /Font << /F1 3 0 R >> >> /Length %d >>\n"
        b"stream\n%b\nendstream" % (len(FORM), FORM)
    )
    drawn = b"BT /F1 10 Tf 100 200 Td (Hi) Tj ET q 1 0 0 1 9 9 cm /X1 Do Q BT /F1 10 Tf 100 150 Td (Hi) Tj ET"
    forms = b"/XObject << /X1 4 0 R >>"

    assert box_of(drawn, "In a form", resources=forms, objects=(form,)) is None
    assert box_of(drawn, "Hi\nIn a form\nHi", resources=forms, objects=(form,)) == (100, 148, 109.4, 208)
