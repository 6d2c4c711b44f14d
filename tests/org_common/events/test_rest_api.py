"""REST APIs: every value of each header and parameter, and names in the caller's case."""

from typing import Any

import pytest

from org_common import REST_API, OrgError, RestApi
from org_common.http.request import Request
from org_common.values.types import LocalContext
from tests.support.recorded import NAMES, recorded

CONTEXT = LocalContext("r-lambda", 29)


def parsed(event: Any, source: RestApi = REST_API) -> Request:
    request = source.read(event, CONTEXT)
    assert request is not None
    return request


def test_recorded_event_is_read() -> None:
    event = recorded("rest_api")

    request = parsed(event)

    assert (request.method, request.path, request.sent_path) == ("GET", "/notes/café", "/prod/notes/café")
    assert request.query == "tag=a&tag=b%20c&q=a%26b%3Dc%2Bd"
    assert (request.headers["x-tag"], request.headers["authorization"][:7]) == ("one,two", "Bearer ")
    assert request.cookies == {"session": "abc123", "theme": "dark"}
    assert request.authorizer == event["requestContext"]["authorizer"]
    assert (request.body, request.id) == (b"", "a0b1c2d3-0000-4000-8000-000000000001")


def test_event_of_an_http_api_in_format_1_is_read_without_its_stage() -> None:
    request = parsed(recorded("http_api_format_1"))

    assert (request.path, request.sent_path) == ("/notes/café", "/v1/notes/café")


def test_path_of_an_http_api_in_format_1_is_not_decoded_twice() -> None:
    event = recorded("http_api_format_1")
    event["path"] = event["requestContext"]["path"] = "/v1/notes/a%41"

    request = parsed(event)

    assert (request.path, request.sent_path) == ("/notes/a%41", "/v1/notes/a%41")


@pytest.mark.parametrize(
    ("path", "routed"), [("/orders/notes", "/notes"), ("/orders", "/"), ("/ordersx", "/ordersx"), ("/notes", "/notes")]
)
def test_base_path_is_removed_as_complete_segments(path: str, routed: str) -> None:
    event = {**recorded("rest_api"), "path": path}

    assert parsed(event, RestApi(base_path="/orders")).path == routed


@pytest.mark.parametrize("base_path", ["orders", "/orders/", "/"])
def test_base_path_is_checked(base_path: str) -> None:
    with pytest.raises(TypeError, match=r"base_path=.* Example: \"/orders\""):
        RestApi(base_path=base_path)


def test_single_values_are_read_without_multi_values() -> None:
    event = {**recorded("rest_api"), "multiValueHeaders": None, "multiValueQueryStringParameters": None}

    request = parsed(event)

    assert (request.headers["x-tag"], request.query) == ("two", "tag=b%20c&q=a%26b%3Dc%2Bd")


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("rest_api", "http_api_format_1")])
def test_events_of_other_sources_are_not_read(name: str) -> None:
    assert REST_API.read(recorded(name), CONTEXT) is None


def test_event_of_a_websocket_api_is_not_read() -> None:
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
def test_malformed_event_is_an_error(name: str, value: Any) -> None:
    with pytest.raises(OrgError) as caught:
        parsed({**recorded("rest_api"), name: value})

    assert (caught.value.status, caught.value.code) == (500, "unknown_event")
