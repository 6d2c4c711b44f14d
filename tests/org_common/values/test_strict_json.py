"""There is one way to read it, or it is not read."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from org_common.values.strict_json import parse_object

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def parse(text: str) -> dict[str, Any]:
    return parse_object(text.encode(), max_bytes=1000)


@pytest.mark.parametrize(
    "text", ["{}", ' {"a": 1} ', '{"a": {"b": 1}, "b": {"b": 2}}', '{"é": "\\u00e9"}', '{"": null}']
)
def test_object_is_read_as_json_reads_it(text: str) -> None:
    assert parse(text) == json.loads(text)


@pytest.mark.parametrize(
    "text",
    [
        *(
            '{"a": 1, "a": 1}',
            '{"a": 1, "\\u0061": 2}',
            '{"x": {"a": 1, "a": 2}}',
            '{"x": [{"a": 1, "a": 2}]}',
            '{"": 1, "": 2}',
        ),
        *('{"a": NaN}', '{"a": Infinity}', '{"a": -Infinity}', '{"a": "\\u0000"}', '{"\\u0000": 1}', '{"a": "b\x00"}'),
        *(
            "",
            " ",
            "null",
            "true",
            "5",
            '"a"',
            "[]",
            '[{"a": 1}]',
            "{",
            "}",
            "{]",
            "{}{}",
            "{} x",
            "{'a': 1}",
            "{a: 1}",
            '{"a": 1,}',
        ),
        *(
            '{"a": 01}',
            '{"a": +1}',
            '{"a": .5}',
            '{"a": 1.}',
            '{"a": 0x1}',
            '{"a": "\t"}',
            "/**/{}",
            "\ufeff{}",
            '{"a": undefined}',
        ),
    ],
    ids=repr,
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^(not valid JSON|not a JSON object|a string contains NUL)"):
        parse(text)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "latin-1", "utf-8-sig"])
def test_other_encodings_are_refused(encoding: str) -> None:
    with pytest.raises(ValueError, match="^not (valid JSON|a JSON object)"):
        parse_object('{"é": 1}'.encode(encoding), max_bytes=1000)


@pytest.mark.parametrize("data", [b'{"a": "\xff"}', b'{"a": "\xc0\xaf"}', b'{"a": "\xed\xa0\x80"}'])
def test_what_is_no_utf_8_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="^not (valid JSON|a JSON object)"):
        parse_object(data, max_bytes=1000)


def test_length_is_bounded() -> None:
    assert parse_object(b"{}".ljust(1000), max_bytes=1000) == {}
    with pytest.raises(ValueError, match="too long"):
        parse_object(b"{}".ljust(1001), max_bytes=1000)


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"a":'])
def test_depth_is_bounded_before_the_parser_meets_it(opening: bytes) -> None:
    with pytest.raises(ValueError, match="too many objects and arrays"):
        parse_object(opening * 100_000, max_bytes=10**6)


def test_depth_that_is_allowed_but_beyond_the_stack_is_refused() -> None:
    with pytest.raises(ValueError, match="^not (valid JSON|a JSON object)"):
        parse_object(b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}", max_bytes=10**6, max_containers=10**6)


def test_refusal_carries_nothing_of_the_text() -> None:
    with pytest.raises(ValueError, match="^not (valid JSON|a JSON object)") as caught:
        parse('{"hunter2": ')

    assert "hunter2" not in repr(caught.value)
    assert caught.value.__suppress_context__


@given(st.dictionaries(st.text(), VALUES, max_size=4))
def test_what_json_writes_is_read_back(value: dict[str, Any]) -> None:
    data = json.dumps(value).encode()

    if b"\\u0000" in data:
        return
    assert parse_object(data, max_bytes=10**6, max_containers=10**6) == value


@given(st.binary())
def test_any_bytes_are_an_object_or_a_value_error(data: bytes) -> None:
    try:
        assert type(parse_object(data, max_bytes=1000)) is dict
    except ValueError:
        assert data != b"{}"
