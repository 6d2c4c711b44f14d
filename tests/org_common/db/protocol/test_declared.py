"""What the annotation of a field says about its parameter."""

import datetime as dt
import enum
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple, NewType, TypedDict
from uuid import UUID

import pytest
from pydantic import Field, JsonValue

from org_common.db.protocol.declared import Declaration, declaration
from org_common.values.model import Model


class Part(Model):
    name: str


class Options(TypedDict):
    beta: bool


class Color(enum.Enum):
    RED = "red"


class Point(NamedTuple):
    x: int


Ids = NewType("Ids", list[int])


@pytest.mark.parametrize(
    "annotation",
    [
        *(
            dict,
            dict[str, Any],
            Mapping[str, int],
            Part,
            Part | None,
            Options,
            list[Part],
            list[dict[str, int]],
            list[Any],
        ),
        *(list, tuple[int, str], list[int | str], str | dict[str, int], Annotated[Part, Field()], list[list[Part]]),
    ],
)
def test_objects_and_lists_of_them_are_json(annotation: Any) -> None:
    assert declaration(annotation) == Declaration(is_json=True)


@pytest.mark.parametrize("annotation", [Any, object, JsonValue, Annotated[Any, Field()]])
def test_a_field_of_any_json_value_has_jsons_null(annotation: Any) -> None:
    assert declaration(annotation) == Declaration(is_json=True, has_null=True)


@pytest.mark.parametrize(
    ("annotation", "oid"),
    [
        (list[int], 1007),
        (set[int] | None, 1007),
        (list[int | None], 1007),
        (list[list[int]], 1007),
        (tuple[int, ...], 1007),
        (Sequence[int], 1007),
        (Ids, 1007),
        (list[int | float], 1022),
        (list[int | Decimal], 1231),
        (list[UUID], 2951),
        (list[dt.datetime], 1185),
        (list[bytes], 1001),
        (list[str], 0),
        (list[Color], 0),
        (list[Literal["a", "b"]], 0),
    ],
)
def test_lists_are_arrays_of_the_type_of_their_items(annotation: Any, oid: int) -> None:
    assert declaration(annotation) == Declaration(is_json=False, oid=oid)


@pytest.mark.parametrize("annotation", [int, str | None, bytes, Color, dt.timedelta, Point, Literal["a"], int | str])
def test_of_scalars_the_value_says_as_much(annotation: Any) -> None:
    assert declaration(annotation) is None
