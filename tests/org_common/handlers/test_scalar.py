"""The text of one parameter, converted; what pydantic takes beyond the documented spellings is refused."""

from datetime import timedelta
from enum import Enum, IntEnum
from typing import Annotated, Any
from uuid import UUID

import pytest
from pydantic import Field

from org_common.handlers.scalar import Scalars, scalar
from org_common.values.errors import MISFIT

ID = "0e4b2c52-9d3f-4f6d-8e0c-5e62d94c1b7a"


class Priority(Enum):
    LOW = 1
    HIGH = 2


class Size(IntEnum):
    SMALL = 20


def parsed(annotation: Any, text: str, **constraints: Any) -> tuple[object, list[tuple[str, str, str]]]:
    one = scalar(annotation, constraints)
    try:
        return one.convert(text), []
    except MISFIT as error:
        return None, [(fault.where, fault.pointer, fault.code) for fault in one.faults(error, "query", "x")]


@pytest.mark.parametrize(
    ("annotation", "text", "value"),
    [
        (str, "", ""),
        (str, " a ", " a "),
        (int, "-5", -5),
        (Annotated[int, Field(ge=1)], "5", 5),
        (UUID, ID, UUID(ID)),
        (UUID, ID.upper(), UUID(ID)),
        (Annotated[UUID, "doc"], ID, UUID(ID)),
        (bool, "true", True),
        (float, "1.5", 1.5),
        (str | None, "a", "a"),
    ],
)
def test_text_becomes_its_type(annotation: Any, text: str, value: object) -> None:
    assert parsed(annotation, text) == (value, [])


@pytest.mark.parametrize(
    ("annotation", "text", "code"),
    [
        (int, " 5", "int_parsing"),
        (Annotated[int, Field(ge=1)], "5_0", "int_parsing"),
        (Annotated[int, Field(ge=1)], "0", "greater_than_equal"),
        (UUID, f"{{{ID}}}", "uuid_parsing"),
        (Annotated[UUID, "doc"], ID.replace("-", ""), "uuid_parsing"),
        (bool, "", "bool_parsing"),
        (float, "one", "float_parsing"),
    ],
)
def test_wrong_text_is_a_fault_and_no_value(annotation: Any, text: str, code: str) -> None:
    assert parsed(annotation, text) == (None, [("query", "#/x", code)])


@pytest.mark.parametrize(
    ("annotation", "text", "constraints", "code"),
    [
        (int, "0", {"ge": 1}, "greater_than_equal"),
        (int, "6", {"lt": 6}, "less_than"),
        (int, "5", {"multiple_of": 2}, "multiple_of"),
        (str, "", {"min_length": 1}, "string_too_short"),
        (str, "abc", {"max_length": 2}, "string_too_long"),
        (str, "ABC", {"pattern": "^[a-z]+$"}, "string_pattern_mismatch"),
    ],
)
def test_constraints_are_held(annotation: Any, text: str, constraints: dict[str, Any], code: str) -> None:
    assert parsed(annotation, text, **constraints) == (None, [("query", "#/x", code)])


def test_integer_keeps_its_strict_spelling_beside_constraints() -> None:
    assert parsed(int, "2_0", ge=1) == (None, [("query", "#/x", "int_parsing")])


@pytest.mark.parametrize(("kind", "text", "member"), [(Priority, "1", Priority.LOW), (Size, "20", Size.SMALL)])
def test_enum_is_read_by_the_text_of_its_value(kind: Any, text: str, member: Enum) -> None:
    assert parsed(kind, text) == (member, [])
    assert parsed(kind | None, text) == (member, [])


@pytest.mark.parametrize("text", ["3", "LOW", "1.0", "+1", " 1", "2_0", ""])
@pytest.mark.parametrize("kind", [Priority, Size])
def test_no_other_text_is_a_member(kind: Any, text: str) -> None:
    assert parsed(kind, text) == (None, [("query", "#/x", "enum")])


# pydantic lets Python's OverflowError through.
@pytest.mark.parametrize("text", ["-P999999999DT1S", "-P2739726Y9DT1H"])
@pytest.mark.parametrize("constraints", [{}, {"ge": timedelta(0)}])
def test_interval_that_is_too_long_is_a_fault(text: str, constraints: dict[str, Any]) -> None:
    assert parsed(timedelta, text, **constraints) == (None, [("query", "#/x", "out_of_range")])


def test_interval_that_is_too_long_is_a_fault_in_a_list_too() -> None:
    faults: list[Any] = []

    Scalars(list[timedelta], {}).read(["PT1S", "-P999999999DT1S"], "query", "x", faults)

    assert [(fault.pointer, fault.code) for fault in faults] == [("#/x/1", "out_of_range")]
