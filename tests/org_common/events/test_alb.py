"""Load balancers: undecoded values, one or several for each name, and a status description."""

from typing import Any

import pytest

from org_common import ALB, OrgError, Response
from org_common.events.alb import MAX_COOKIES
from org_common.http.request import Request
from org_common.values.errors import ResponseTooLarge
from org_common.values.types import LocalContext
from tests.support.recorded import NAMES, recorded

CONTEXT = LocalContext("r-lambda", 29)


def parsed(event: Any) -> Request:
    request = ALB.read(event, CONTEXT)
    assert request is not None
    return request


@pytest.mark.parametrize(
    ("name", "query", "tag"),
    [("alb", "tag=b%20c&q=a%26b%3Dc", None), ("alb_multi_value", "tag=a&tag=b%20c&q=a%26b%3Dc", "one,two")],
)
def test_recorded_event_is_read(name: str, query: str, tag: str | None) -> None:
    request = parsed(recorded(name))

    assert (request.method, request.path, request.query) == ("GET", "/notes/café", query)
    assert (request.headers["accept"], request.headers.get("x-tag")) == ("text/html,application/xhtml+xml", tag)
    assert request.cookies == {"session": "abc123", "theme": "dark"}
    assert (request.body, request.id) == (b"", "r-lambda")


def test_no_field_of_the_event_is_an_authorizer() -> None:
    event = recorded("alb")
    event["requestContext"]["authorizer"] = {"claims": "{}", "lambda": {"claims": "{}"}}

    assert parsed(event).authorizer is None


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("alb")])
def test_events_of_other_sources_are_not_read(name: str) -> None:
    assert ALB.read(recorded(name), CONTEXT) is None


def test_response_has_a_status_description() -> None:
    response_event = ALB.to_event(Response(b"hi", status=404, headers={"x-a": "1"}), recorded("alb"))

    assert response_event == {
        "statusCode": 404,
        "statusDescription": "404 Not Found",
        "headers": {"x-a": "1"},
        "body": "hi",
        "isBase64Encoded": False,
    }


def test_response_has_multi_value_headers_if_the_event_has_them() -> None:
    response_event = ALB.to_event(Response(b"hi", headers={"x-a": "1"}), recorded("alb_multi_value"))

    assert response_event["multiValueHeaders"] == {"x-a": ["1"]}
    assert "headers" not in response_event


# regression: the eleventh and all further cookies were left out.
@pytest.mark.parametrize("count", [1, 14, MAX_COOKIES])
def test_all_cookies_are_sent_under_names_that_differ_in_case(count: int) -> None:
    cookies = [f"c{number}=1" for number in range(count)]

    headers = ALB.to_event(Response(cookies=cookies), recorded("alb"))["headers"]

    assert (list(headers.values()), {name.lower() for name in headers}) == (cookies, {"set-cookie"})


def test_too_many_cookies_are_refused() -> None:
    with pytest.raises(ResponseTooLarge, match="513 cookies, and the limit is 512"):
        ALB.to_event(Response(cookies=["a=1"] * (MAX_COOKIES + 1)), recorded("alb"))


@pytest.mark.parametrize(("name", "value"), [("httpMethod", 5), ("path", 5), ("headers", [1])])
def test_malformed_event_is_an_error(name: str, value: Any) -> None:
    with pytest.raises(OrgError) as caught:
        parsed({**recorded("alb"), name: value})

    assert caught.value.code == "unknown_event"
