"""Load balancers: values as sent, several of each or one, and a status with its words."""

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
    got = parsed(recorded(name))

    assert (got.method, got.path, got.query) == ("GET", "/notes/café", query)
    assert (got.headers["accept"], got.headers.get("x-tag")) == ("text/html,application/xhtml+xml", tag)
    assert got.cookies == {"session": "abc123", "theme": "dark"}
    assert (got.body, got.id) == (b"", "r-lambda")


def test_nothing_in_the_event_is_an_authorizer() -> None:
    event = recorded("alb")
    event["requestContext"]["authorizer"] = {"claims": "{}", "lambda": {"claims": "{}"}}

    assert parsed(event).authorizer is None


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("alb")])
def test_other_shapes_are_not_read(name: str) -> None:
    assert ALB.read(recorded(name), CONTEXT) is None


def test_answer_has_the_words_of_its_status() -> None:
    answer = ALB.answer(Response(b"hi", status=404, headers={"x-a": "1"}), recorded("alb"))

    assert answer == {
        "statusCode": 404,
        "statusDescription": "404 Not Found",
        "headers": {"x-a": "1"},
        "body": "hi",
        "isBase64Encoded": False,
    }


def test_answer_has_several_values_where_the_event_has() -> None:
    answer = ALB.answer(Response(b"hi", headers={"x-a": "1"}), recorded("alb_multi_value"))

    assert answer["multiValueHeaders"] == {"x-a": ["1"]}
    assert "headers" not in answer


# the eleventh and all after it were left out.
@pytest.mark.parametrize("count", [1, 14, MAX_COOKIES])
def test_all_cookies_go_out_under_names_that_are_one(count: int) -> None:
    cookies = [f"c{at}=1" for at in range(count)]

    headers = ALB.answer(Response(cookies=cookies), recorded("alb"))["headers"]

    assert (list(headers.values()), {name.lower() for name in headers}) == (cookies, {"set-cookie"})


def test_more_cookies_than_there_are_names_are_refused() -> None:
    with pytest.raises(ResponseTooLarge, match="513 cookies, and 512 are possible"):
        ALB.answer(Response(cookies=["a=1"] * (MAX_COOKIES + 1)), recorded("alb"))


@pytest.mark.parametrize(("name", "value"), [("httpMethod", 5), ("path", 5), ("headers", [1])])
def test_broken_event_is_a_problem(name: str, value: Any) -> None:
    with pytest.raises(OrgError) as caught:
        parsed({**recorded("alb"), name: value})

    assert caught.value.code == "unknown_event"
