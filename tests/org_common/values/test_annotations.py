"""What an annotation allows."""

import datetime as dt
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NewType
from uuid import UUID

import pytest
from pydantic import Field, JsonValue

from org_common.values.annotations import is_list, kinds_within, may_hold_object, members
from org_common.values.model import Model


class Leaf(Model):
    life: dt.timedelta


class Tree(Model):
    leaves: dict[str, list[Leaf | None]]
    trees: "list[Tree]"


@dataclass
class Size:
    width: bytes


Wrapped = NewType("Wrapped", UUID)


@pytest.mark.parametrize(
    ("annotation", "kind"),
    [
        (Tree, dt.timedelta),
        (list[Tree] | None, dt.timedelta),
        (Size, bytes),
        (Annotated[Wrapped, Field()], UUID),
        (Any, Any),
    ],
)
def test_the_types_within_are_found_in_depth(annotation: Any, kind: Any) -> None:
    assert kind in list(kinds_within(annotation))


def test_members_are_the_alternatives_without_none() -> None:
    assert list(members(int | None | Annotated[str, Field()])) == [int, str]
    assert list(members(Wrapped)) == [UUID]


@pytest.mark.parametrize(
    ("annotation", "object_", "list_"),
    [
        (Leaf, True, False),
        (JsonValue, True, True),
        (dict[str, int] | None, True, False),
        (list[Leaf], False, True),
        (set[int], False, True),
        (str, False, False),
        (bytes, False, False),
        (Literal["a"], False, False),
    ],
)
def test_objects_and_lists(annotation: Any, object_: bool, list_: bool) -> None:
    assert (may_hold_object(annotation), is_list(annotation)) == (object_, list_)
