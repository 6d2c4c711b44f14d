import pytest
from hypothesis import given
from hypothesis import strategies as st

from org_common.tools.layer.treemap_layout import Box, layout

SIZES = (
    st.lists(st.integers(0, 10_000), min_size=1, max_size=40).filter(any).map(lambda sizes: sorted(sizes, reverse=True))
)


@given(SIZES)
def test_areas_are_the_sizes_shares(sizes: list[int]) -> None:
    boxes = layout(sizes, Box(0, 0, 800, 500))

    for size, box in zip(sizes, boxes, strict=True):
        assert box.width * box.height == pytest.approx(size / sum(sizes) * 400_000)


@given(SIZES)
def test_boxes_stay_inside(sizes: list[int]) -> None:
    for box in layout(sizes, Box(10, 20, 800, 500)):
        assert box.x >= 10 - 1e-6
        assert box.y >= 20 - 1e-6
        assert box.x + box.width <= 810 + 1e-6
        assert box.y + box.height <= 520 + 1e-6


def test_equal_sizes_are_near_to_squares() -> None:
    assert all(0.5 <= box.width / box.height <= 2 for box in layout([1] * 12, Box(0, 0, 400, 300)))


def test_nothing_has_no_area() -> None:
    assert layout([0, 0], Box(0, 0, 10, 10)) == [Box(0, 0, 0, 0)] * 2


@given(st.lists(st.floats(0.1, 1000), min_size=1, max_size=20))
def test_empty_files_at_the_end_have_no_area(sizes: list[float]) -> None:
    boxes = layout([*sorted(sizes, reverse=True), 0, 0, 0], Box(0, 0, 1.3, 0.7))

    assert [box.width * box.height for box in boxes[-3:]] == [0, 0, 0]


def test_margin_and_headline_are_taken_off() -> None:
    assert Box(0, 0, 100, 50).inner(2, 10) == Box(2, 12, 96, 36)
