"""What may leave as a header, and whose headers a copy of a response has."""

from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from org_common.http.response import (
    Response,
    check_headers,
    check_response,
    error_or_header_error,
    private_copy,
    release_to_middleware,
)
from org_common.values.errors import OrgError

CONTROL = [chr(code) for code in (*range(9), *range(10, 32), 127)]


@pytest.mark.parametrize("sign", CONTROL, ids=repr)
@pytest.mark.parametrize("where", ["header", "cookie"])
def test_control_characters_are_refused(sign: str, where: str) -> None:
    value = f"a{sign}Set-Cookie: b=c"
    with pytest.raises(ValueError, match="line break or another control character"):
        check_headers({"x-name": value}) if where == "header" else check_headers({}, ["a=b", value])


@pytest.mark.parametrize("name", ["", "a b", "a:", "a\r\nb", "\u00e9", "a(b", 'a"', "a\0"])
def test_names_are_tokens(name: str) -> None:
    with pytest.raises(ValueError, match="is not a valid header name"):
        check_headers({"x-good": "1", name: "1"})


@pytest.mark.parametrize("value", [1, None, b"a", ["a"]])
@pytest.mark.parametrize("where", ["header", "cookie"])
def test_values_are_strings(value: object, where: str) -> None:
    with pytest.raises(TypeError, match="expected a string as the value of header"):
        check_headers({"x-name": cast("str", value)}) if where == "header" else check_headers({}, [cast("str", value)])


@given(st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_categories=["Cc"])))
def test_latin_1_passes(value: str) -> None:
    check_headers({"x-name": value}, [value])


@pytest.mark.parametrize("value", ["\u0100", "caf\u00e9 \u20ac", "\U0001f680", "\u010d\u00e9"])
def test_other_characters_are_refused(value: str) -> None:
    with pytest.raises(ValueError, match="beyond Latin-1"):
        check_headers({"x-name": value})


def test_a_response_that_can_be_sent_is_returned() -> None:
    response = Response(b"{}")

    assert check_response(response) is response


@pytest.mark.parametrize("value", [None, {}, b"", "text", Response])
def test_only_a_response_can_be_sent(value: object) -> None:
    with pytest.raises(TypeError, match="expected a Response, got"):
        check_response(value)


@pytest.mark.parametrize("body", ["text", None, bytearray(b"x")])
def test_only_bytes_can_be_sent(body: Any) -> None:
    response = Response(b"")
    response.body = body
    with pytest.raises(TypeError, match="expected bytes as the body"):
        check_response(response)


def test_headers_that_were_changed_later_are_checked() -> None:
    response = Response(b"")
    response.headers["x-name"] = "a\r\nb: c"
    with pytest.raises(ValueError, match="line break"):
        check_response(response)


def test_an_error_whose_headers_can_be_sent_is_itself() -> None:
    error, other = OrgError(headers={"x-name": "1"}), KeyError("x")

    assert error_or_header_error(error) is error
    assert error_or_header_error(other) is other


def test_an_error_whose_headers_cannot_be_sent_says_so() -> None:
    error = OrgError()
    error.headers = {"x-name": "a\nb"}

    assert isinstance(error_or_header_error(error), ValueError)


@pytest.mark.parametrize("copy", [private_copy, release_to_middleware])
def test_a_copy_has_its_own_headers_and_no_content_length(copy: Any) -> None:
    response = Response(b"body", status=201, headers={"X-Name": "1", "Content-Length": "99"}, cookies=("a=b",))

    copied = copy(response)

    assert (copied.status, copied.body, copied.cookies) == (201, b"body", ("a=b",))
    assert copied.headers["x-name"] == "1"
    assert "content-length" not in copied.headers
    copied.headers["x-name"] = "2"
    assert "2" not in response.headers.values()
