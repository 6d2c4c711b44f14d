"""A frozen value is set by its constructor alone."""

import pytest

from org_common.values.frozen import Frozen


class Point(Frozen):
    __slots__ = ("x", "y")
    x: int
    y: int

    def __init__(self, x: int, y: int) -> None:
        self._fill(x=x, y=y)


def test_constructor_sets_the_attributes() -> None:
    point = Point(1, 2)

    assert (point.x, point.y) == (1, 2)


@pytest.mark.parametrize("name", ["x", "z"])
def test_attribute_cannot_be_set(name: str) -> None:
    point = Point(1, 2)

    with pytest.raises(AttributeError, match=f"Point is immutable: cannot set '{name}'"):
        setattr(point, name, 3)
    assert point.x == 1


def test_attribute_cannot_be_deleted() -> None:
    point = Point(1, 2)

    with pytest.raises(AttributeError, match="Point is immutable: cannot delete 'x'"):
        del point.x
    assert point.x == 1


def test_unknown_field_is_an_error() -> None:
    class Wrong(Point):
        __slots__ = ()

        def __init__(self) -> None:
            self._fill(z=1)

    with pytest.raises(AttributeError, match="z"):
        Wrong()
