"""Markers keep what they are given, and refuse what would have no effect."""

from typing import Any

import pytest

from org_common import Cookie, Form, Header, Query


@pytest.mark.parametrize(("marker", "where"), [(Query(), "query"), (Header(), "header"), (Cookie(), "cookie")])
def test_marker_names_its_part_of_the_request(marker: Query, where: str) -> None:
    assert (marker.where, marker.alias, marker.constraints) == (where, None, {})


def test_marker_keeps_alias_and_constraints() -> None:
    marker = Header("x-limit", ge=1, le=5)

    assert (marker.alias, marker.constraints) == ("x-limit", {"ge": 1, "le": 5})


@pytest.mark.parametrize(
    ("marker", "written"),
    [(Query(), "Query()"), (Header("x-limit", ge=1), "Header('x-limit', ge=1)"), (Form(), "Form()")],
)
def test_marker_is_shown_as_it_is_written(marker: object, written: str) -> None:
    assert repr(marker) == written


@pytest.mark.parametrize("name", ["ge", "gt", "le", "lt", "multiple_of", "min_length", "max_length", "pattern"])
def test_every_constraint_is_accepted(name: str) -> None:
    constraint: Any = {name: 1}

    assert Query(**constraint).constraints == constraint


@pytest.mark.parametrize(("arguments", "named"), [((20,), {}), ((), {"default": 5}), ((), {"description": "x"})])
def test_argument_without_effect_is_refused(arguments: Any, named: Any) -> None:
    with pytest.raises(TypeError, match="Query"):
        Query(*arguments, **named)
