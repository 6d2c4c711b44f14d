"""Lays out a squarified treemap, in which areas are sizes: "Squarified Treemaps", Bruls, Huizing, van Wijk, 2000."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Box(NamedTuple):
    """A rectangle; `x` and `y` are its top left corner."""

    x: float
    y: float
    width: float
    height: float

    def inner(self, margin: float, head: float = 0.0) -> Box:
        """The area inside a margin and below a header of height `head`."""
        return Box(
            self.x + margin,
            self.y + margin + head,
            max(self.width - 2 * margin, 0.0),
            max(self.height - 2 * margin - head, 0.0),
        )


def layout(sizes: Sequence[float], box: Box) -> list[Box]:
    """A box for each size; together they fill `box`. The sizes must be in descending order."""
    total = sum(sizes)
    if total <= 0 or box.width <= 0 or box.height <= 0:
        return [Box(box.x, box.y, 0.0, 0.0) for _ in sizes]
    scale = box.width * box.height / total
    areas = [size * scale for size in sizes]
    boxes: list[Box] = []
    while areas:
        side = min(box.width, box.height)
        row = 1
        while row < len(areas) and _worst(areas[: row + 1], side) <= _worst(areas[:row], side):
            row += 1
        placed, box = _row(areas[:row], box)
        boxes += placed
        areas = areas[row:]
    return boxes


def _worst(areas: Sequence[float], side: float) -> float:
    """The worst aspect ratio in a row along this side; 1 is a square."""
    total = sum(areas)
    if not total or not side:
        return float("inf")
    return max(
        max(side * side * area / (total * total), total * total / (side * side * area) if area else float("inf"))
        for area in areas
    )


def _row(areas: Sequence[float], box: Box) -> tuple[list[Box], Box]:
    total, found = sum(areas), list[Box]()
    if box.width >= box.height:
        width = total / box.height if box.height else 0.0
        y = box.y
        for area in areas:
            height = area / width if width else 0.0
            found.append(Box(box.x, y, width, height))
            y += height
        return found, Box(box.x + width, box.y, max(box.width - width, 0.0), box.height)
    # The remaining box may have no width, for empty files.
    height = total / box.width if box.width else 0.0
    x = box.x
    for area in areas:
        width = area / height if height else 0.0
        found.append(Box(x, box.y, width, height))
        x += width
    return found, Box(box.x, box.y + height, box.width, max(box.height - height, 0.0))
