"""The boxes of a passage's lines become one."""

import pytest

from cora_modules.kb.parsing.boxes import Box, Boxes


@pytest.fixture
def boxes() -> Boxes:
    """Of lines at 0-10, 11-20 and, after a gap without a box, 30-40."""
    made = Boxes()
    made.add(0, 10, Box(50, 100, 150.04, 110))
    made.add(11, 20, Box(40, 88, 90, 98))
    made.add(30, 40, Box(50, 700, 60, 710))
    return made


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (0, 20, (40, 88, 150, 110)),
        (3, 4, (50, 100, 150, 110)),
        (9, 12, (40, 88, 150, 110)),
        (11, 31, (40, 88, 90, 710)),
        (0, 100, (40, 88, 150, 710)),
    ],
)
def test_box_is_around_all_lines_of_the_passage(
    boxes: Boxes, start: int, end: int, expected: tuple[float, float, float, float]
) -> None:
    assert boxes.around(start, end) == expected


@pytest.mark.parametrize(("start", "end"), [(10, 11), (20, 30), (25, 26), (40, 50)])
def test_passage_without_a_line_has_no_box(boxes: Boxes, start: int, end: int) -> None:
    assert boxes.around(start, end) is None


def test_text_without_lines_has_no_box() -> None:
    assert Boxes().around(0, 10) is None
