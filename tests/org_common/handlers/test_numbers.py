"""Numbers of a JSON body that neither a double nor 64 bits can store exactly."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from org_common.handlers.numbers import find_inexact_numbers
from org_common.values.errors import BadRequest


def inexact(text: str) -> list[str]:
    body = text.encode()
    return [fault.pointer for fault in find_inexact_numbers(body)]


@pytest.mark.parametrize(
    "number",
    [
        "9223372036854775808",
        "-9223372036854775809",
        "1" * 5000,
        "1e-99999999999999999999",
        "1e99999999999999999999",
        "0e99999999999999999999",
        "0.10000000000000000001",
        "123456789012345.678",
        "1e999",
        "-1E+400",
        "1e-400",
        "1.5E-0400",
    ],
)
def test_inexact_number_is_reported_with_its_pointer(number: str) -> None:
    assert inexact(f'{{"lines": [1, {{"size": {number}}}]}}') == ["#/lines/1/size"]


@pytest.mark.parametrize(
    "number",
    ["9223372036854775807", "-9223372036854775808", "0.1", "1e22", "0.1234567890123456", "1e-300", "1E+0010", "0"],
)
def test_exact_number_is_accepted(number: str) -> None:
    assert inexact(f'{{"size": {number}}}') == []


def test_all_inexact_numbers_are_reported_at_once() -> None:
    faults = find_inexact_numbers(b'{"a": 1e999, "b": "1e999", "c": [99999999999999999999]}')

    assert [(fault.where, fault.pointer, fault.code) for fault in faults] == [
        ("body", "#/a", "number_range"),
        ("body", "#/c/0", "number_range"),
    ]


def test_at_most_fifty_numbers_are_reported() -> None:
    deep = b'{"k":' * 800 + b"[" + b"1.23456789012345678," * 20_000 + b"1]" + b"}" * 800

    assert len(find_inexact_numbers(deep)) == 50


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_constants_of_javascript_are_not_json(constant: str) -> None:
    with pytest.raises(BadRequest, match="is not a JSON value") as caught:
        inexact(f'{{"a": {constant}}}')

    assert caught.value.code == "invalid_json"


@pytest.mark.parametrize("text", ["{", '{"a": 12345678901234567890', "[" * 100_000, '{"a": 1234567890123456e}'])
def test_other_malformed_json_is_left_to_pydantic(text: str) -> None:
    assert inexact(text) == []


@given(st.lists(st.integers() | st.decimals(allow_nan=False, allow_infinity=False)))
def test_exactly_the_numbers_that_storage_would_change_are_reported(numbers: list[int | Decimal]) -> None:
    strings = [str(number) for number in numbers]

    assert inexact(f"[{', '.join(strings)}]") == [
        f"#/{index}" for index, string in enumerate(strings) if is_changed(string)
    ]


def is_changed(number: str) -> bool:
    if number.lstrip("-").isdigit():
        return not -(2**63) <= int(number) < 2**63
    return Decimal(repr(float(number))) != Decimal(number)
