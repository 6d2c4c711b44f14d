"""Numbers that JSON can carry and that neither a double nor 64 bits can keep."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from org_common.handlers.numbers import are_suspicious, lost
from org_common.values.errors import BadRequest


def told(text: str) -> list[str]:
    sent = text.encode()
    return [fault.pointer for fault in lost(sent)] if are_suspicious(sent) else []


@pytest.mark.parametrize(
    "number",
    [
        *("9223372036854775808", "-9223372036854775809", "1" * 5000),
        *("1e-99999999999999999999", "1e99999999999999999999", "0e99999999999999999999"),
        *("0.10000000000000000001", "123456789012345.678", "1e999", "-1E+400", "1e-400", "1.5E-0400"),
    ],
)
def test_number_that_would_be_another_is_told_with_its_place(number: str) -> None:
    assert told(f'{{"lines": [1, {{"size": {number}}}]}}') == ["#/lines/1/size"]


@pytest.mark.parametrize(
    "number",
    ["9223372036854775807", "-9223372036854775808", "0.1", "1e22", "0.1234567890123456", "1e-300", "1E+0010", "0"],
)
def test_number_that_survives_is_let_go(number: str) -> None:
    assert told(f'{{"size": {number}}}') == []


def test_all_of_them_are_told_at_once() -> None:
    faults = lost(b'{"a": 1e999, "b": "1e999", "c": [99999999999999999999]}')

    assert [(fault.where, fault.pointer, fault.code) for fault in faults] == [
        ("body", "#/a", "number_range"),
        ("body", "#/c/0", "number_range"),
    ]


def test_no_more_are_told_than_anybody_reads() -> None:
    deep = b'{"k":' * 800 + b"[" + b"1.23456789012345678," * 20_000 + b"1]" + b"}" * 800

    assert len(lost(deep)) == 50


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_constants_of_javascript_are_no_json(constant: str) -> None:
    with pytest.raises(BadRequest, match="is no JSON value") as caught:
        told(f'{{"a": {constant}}}')

    assert caught.value.code == "invalid_json"


@pytest.mark.parametrize("text", ["{", '{"a": 12345678901234567890', "[" * 100_000, '{"a": 1234567890123456e}'])
def test_what_is_malformed_is_left_to_the_parser(text: str) -> None:
    assert told(text) == []


@given(st.lists(st.integers() | st.decimals(allow_nan=False, allow_infinity=False)))
def test_told_is_just_what_a_double_or_64_bits_would_change(numbers: list[int | Decimal]) -> None:
    texts = [str(number) for number in numbers]

    assert told(f"[{', '.join(texts)}]") == [f"#/{at}" for at, text in enumerate(texts) if is_changed(text)]


def is_changed(number: str) -> bool:
    if number.lstrip("-").isdigit():
        return not -(2**63) <= int(number) < 2**63
    return Decimal(repr(float(number))) != Decimal(number)
