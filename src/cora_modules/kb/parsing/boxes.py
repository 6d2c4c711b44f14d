"""Where a text is on its pages: the boxes of its lines."""

from array import array
from bisect import bisect_right
from typing import NamedTuple


class Box(NamedTuple):
    """A rectangle on a page, in points from its origin, which is usually the lower left corner. y grows upwards."""

    left: float
    bottom: float
    right: float
    top: float


class Boxes:
    """The boxes of the lines of a text, in the order of the text.

    A line takes 24 bytes: a document of 10,000 pages has half a million.
    """

    def __init__(self) -> None:
        self._starts = array("i")
        self._ends = array("i")
        self._sides = array("f")

    def add(self, start: int, end: int, box: Box) -> None:
        """Add the box of `text[start:end]`, which follows those before."""
        self._starts.append(start)
        self._ends.append(end)
        self._sides.extend(box)

    def around(self, start: int, end: int) -> Box | None:
        """The smallest box around all lines of which `text[start:end]` has a part. None if there are none."""
        first = at = bisect_right(self._ends, start)
        while at < len(self._starts) and self._starts[at] < end:
            at += 1
        if at == first:
            return None
        sides = self._sides[4 * first : 4 * at]
        left, bottom, right, top = min(sides[::4]), min(sides[1::4]), max(sides[2::4]), max(sides[3::4])
        return Box(round(left, 1), round(bottom, 1), round(right, 1), round(top, 1))
