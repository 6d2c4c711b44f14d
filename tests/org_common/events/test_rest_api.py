"""REST APIs: every value of a header and parameter, names as the client wrote them."""

from typing import Any

import pytest

from org_common import REST_API, OrgError, RestApi
from org_common.http.request import Request
from org_common.values.types import LocalContext
from tests.support.recorded import NAMES, recorded

CONTEXT = LocalContext("r-lambda", 29)


def parsed(event: Any, shape: RestApi = REST_API) -> Request:
    request = shape.read(event, CONTEXT)
    assert request is not None
    return request


def test_recorded_event_is_read() -> None:
    event = recorded("rest_api")

    got = parsed(event)

    assert (got.method, got.path, got.sent_path) == ("GET", "/notes/café", "/prod/notes/café")
    assert got.query == "tag=a&tag=b%20c&q=a%26b%3Dc%2Bd"
    assert (got.headers["x-tag"], got.headers["authorization"][:7]) == ("one,two", "Bearer ")
    assert got.cookies == {"session": "abc123", "theme": "dark"}
    assert got.authorizer == event["requestContext"]["authorizer"]
    assert (got.body, got.id) == (b"", "a0b1c2d3-0000-4000-8000-000000000001")


def test_event_of_an_http_api_in_format_1_is_read_without_its_stage() -> None:
    got = parsed(recorded("http_api_format_1"))

    assert (got.path, got.sent_path) == ("/notes/café", "/v1/notes/café")


def test_percent_sign_of_an_http_api_in_format_1_is_the_caller_s_own() -> None:
    event = recorded("http_api_format_1")
    event["path"] = event["requestContext"]["path"] = "/v1/notes/a%41"

    got = parsed(event)

    assert (got.path, got.sent_path) == ("/notes/a%41", "/v1/notes/a%41")


@pytest.mark.parametrize(
    ("path", "routed"), [("/orders/notes", "/notes"), ("/orders", "/"), ("/ordersx", "/ordersx"), ("/notes", "/notes")]
)
def test_base_path_is_taken_off_as_whole_segments(path: str, routed: str) -> None:
    event = {**recorded("rest_api"), "path": path}

    assert parsed(event, RestApi(base_path="/orders")).path == routed


@pytest.mark.parametrize("base_path", ["orders", "/orders/", "/"])
def test_base_path_is_checked(base_path: str) -> None:
    with pytest.raises(TypeError, match=r"base_path=.* Example: \"/orders\""):
        RestApi(base_path=base_path)


def test_single_values_do_where_there_are_no_others() -> None:
    event = {**recorded("rest_api"), "multiValueHeaders": None, "multiValueQueryStringParameters": None}

    got = parsed(event)

    assert (got.headers["x-tag"], got.query) == ("two", "tag=b%20c&q=a%26b%3Dc%2Bd")


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("rest_api", "http_api_format_1")])
def test_other_shapes_are_not_read(name: str) -> None:
    assert REST_API.read(recorded(name), CONTEXT) is None


def test_web_socket_s_event_is_another_shape() -> None:
    event = recorded("rest_api")
    event["requestContext"]["connectionId"] = "c-1"

    assert REST_API.read(event, CONTEXT) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("httpMethod", 5),
        ("path", None),
        ("multiValueHeaders", []),
        ("multiValueHeaders", {"a": "b"}),
        ("multiValueHeaders", {"a": [None]}),
        ("multiValueQueryStringParameters", {"a": [1]}),
        ("body", {}),
    ],
)
def test_broken_event_is_a_problem(name: str, value: Any) -> None:
    with pytest.raises(OrgError) as caught:
        parsed({**recorded("rest_api"), name: value})

    assert (caught.value.status, caught.value.code) == (500, "unknown_event")
