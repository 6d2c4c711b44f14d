"""A line's time is exact, and whatever is in it becomes JSON of one line."""

import json

import pytest

from org_common.telemetry.line import MAX_LINE_LENGTH, clock, dumps, stamp


def test_stamps_are_in_order_and_exact() -> None:
    assert stamp(1_700_000_000.0) == "2023-11-14T22:13:20.000Z"
    assert stamp(1_700_000_000.9999) == "2023-11-14T22:13:20.999Z"
    assert stamp(1_699_999_999.5) == "2023-11-14T22:13:19.500Z"


def test_clock_is_the_time_of_the_day() -> None:
    assert len(clock(1_700_000_000.0).split(":")) == 3


@pytest.mark.parametrize(
    "value", ["two\nlines", "half \ud83d a character", {"\udc80": ["\udc80", {1, 2}]}, object(), 2**80, "…"]
)
def test_whatever_it_holds_is_one_line_of_json(value: object) -> None:
    line = dumps({"message": "m", "value": value})

    assert line.endswith("\n")
    assert line.count("\n") == 1
    assert json.loads(line)["message"] == "m"


def test_too_long_a_line_keeps_its_head() -> None:
    line = dumps({"message": "m", "list": ["x" * 1000] * 1000, **{f"f{at}": "y" * 2000 for at in range(200)}})

    assert len(line) < MAX_LINE_LENGTH
    assert json.loads(line)["message"] == "m"
    assert json.loads(line)["cut_from_bytes"] > MAX_LINE_LENGTH
