import datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import StringConstraints

from org_common import Model
from org_common.tools.check.code.given import Unknown
from org_common.tools.check.code.samples import ANY, is_optional, literals, sample
from org_common.values.jsonb import Json


class Size(Enum):
    SMALL = "small"


class Order(Model):
    id: UUID


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (int, int),
        (int | None, int),
        (Annotated[str, StringConstraints(min_length=1)], str),
        (Literal["a", "b"], str),
        (list[UUID], list),
        (datetime.datetime, datetime.datetime),
        (Decimal, Decimal),
        (Size, Size),
        (Order, Json),
        (dict[str, int], Json),
        (type(None), type(None)),
    ],
)
def test_sample_has_the_type(annotation: Any, expected: type) -> None:
    assert type(sample(annotation)) is expected


@pytest.mark.parametrize("annotation", [Unknown, int | str, list[Unknown], complex])
def test_unknown_type_has_no_sample(annotation: Any) -> None:
    assert sample(annotation) is ANY


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [(int, False), (int | None, True), (Annotated[int | None, 1], True), (list[int | None], False), (Unknown, False)],
)
def test_optional_accepts_none(annotation: Any, expected: bool) -> None:
    assert is_optional(annotation) is expected


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (Literal["a", "b"], {"a", "b"}),
        (Literal["a"] | None, {"a"}),
        (Size, {"small"}),
        (Literal["a"] | int, None),
        (str, None),
        (Unknown, None),
    ],
)
def test_literals_of_a_type(annotation: Any, expected: set[str] | None) -> None:
    assert literals(annotation) == expected
