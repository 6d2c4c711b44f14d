"""Conversion of single parameters; formats that pydantic accepts beyond the documented ones are refused."""

from datetime import timedelta
from enum import Enum, IntEnum
from typing import Annotated, Any
from uuid import UUID

import pytest
from pydantic import Field

from org_common.handlers.scalar import ScalarList, compile_scalar
from org_common.values.errors import MISFIT

ID = "0e4b2c52-9d3f-4f6d-8e0c-5e62d94c1b7a"


class Priority(Enum):
    LOW = 1
    HIGH = 2


class Size(IntEnum):
    SMALL = 20


def convert(annotation: Any, string: str, **constraints: Any) -> tuple[object, list[tuple[str, str, str]]]:
    scalar = compile_scalar(annotation, constraints)
    try:
        return scalar.convert(string), []
    except MISFIT as error:
        return None, [(fault.where, fault.pointer, fault.code) for fault in scalar.faults(error, "query", "x")]


@pytest.mark.parametrize(
    ("annotation", "string", "value"),
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
def test_string_is_converted_to_its_type(annotation: Any, string: str, value: object) -> None:
    assert convert(annotation, string) == (value, [])


@pytest.mark.parametrize(
    ("annotation", "string", "code"),
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
def test_invalid_string_is_a_fault_without_a_value(annotation: Any, string: str, code: str) -> None:
    assert convert(annotation, string) == (None, [("query", "#/x", code)])


@pytest.mark.parametrize(
    ("annotation", "string", "constraints", "code"),
    [
        (int, "0", {"ge": 1}, "greater_than_equal"),
        (int, "6", {"lt": 6}, "less_than"),
        (int, "5", {"multiple_of": 2}, "multiple_of"),
        (str, "", {"min_length": 1}, "string_too_short"),
        (str, "abc", {"max_length": 2}, "string_too_long"),
        (str, "ABC", {"pattern": "^[a-z]+$"}, "string_pattern_mismatch"),
    ],
)
def test_constraints_are_checked(annotation: Any, string: str, constraints: dict[str, Any], code: str) -> None:
    assert convert(annotation, string, **constraints) == (None, [("query", "#/x", code)])


def test_integer_with_constraints_keeps_its_strict_format() -> None:
    assert convert(int, "2_0", ge=1) == (None, [("query", "#/x", "int_parsing")])


@pytest.mark.parametrize(("enum", "string", "member"), [(Priority, "1", Priority.LOW), (Size, "20", Size.SMALL)])
def test_enum_is_read_by_the_string_of_its_value(enum: Any, string: str, member: Enum) -> None:
    assert convert(enum, string) == (member, [])
    assert convert(enum | None, string) == (member, [])


@pytest.mark.parametrize("string", ["3", "LOW", "1.0", "+1", " 1", "2_0", ""])
@pytest.mark.parametrize("enum", [Priority, Size])
def test_other_strings_are_not_members(enum: Any, string: str) -> None:
    assert convert(enum, string) == (None, [("query", "#/x", "enum")])


# regression: pydantic lets Python's OverflowError through.
@pytest.mark.parametrize("string", ["-P999999999DT1S", "-P2739726Y9DT1H"])
@pytest.mark.parametrize("constraints", [{}, {"ge": timedelta(0)}])
def test_interval_that_is_too_long_is_a_fault(string: str, constraints: dict[str, Any]) -> None:
    assert convert(timedelta, string, **constraints) == (None, [("query", "#/x", "out_of_range")])


def test_interval_that_is_too_long_is_a_fault_in_a_list_too() -> None:
    faults: list[Any] = []

    ScalarList(list[timedelta], {}).read(["PT1S", "-P999999999DT1S"], "query", "x", faults)

    assert [(fault.pointer, fault.code) for fault in faults] == [("#/x/1", "out_of_range")]
