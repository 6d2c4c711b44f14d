"""One request, whatever event it came in."""

import pytest

from org_common.http.request import Request
from org_common.values.types import Deadline


def request() -> Request:
    return Request(
        method="POST",
        path="/orgs",
        sent_path="/v1/orgs",
        query="a=1",
        headers={"content-type": "application/json"},
        body=b"{}",
        id="r-1",
        authorizer=None,
        deadline=Deadline.after(29),
    )


def test_request_holds_what_was_sent() -> None:
    got = request()

    assert (got.method, got.path, got.sent_path, got.query) == ("POST", "/orgs", "/v1/orgs", "a=1")
    assert (got.headers, got.body, got.id, got.authorizer) == ({"content-type": "application/json"}, b"{}", "r-1", None)


def test_request_carries_no_baggage() -> None:
    with pytest.raises(AttributeError):
        setattr(request(), "user", "alice")  # noqa: B010 - a name that the type does not have


def test_claims_are_not_shown() -> None:
    got = request()
    got.authorizer = {"claims": '{"sub": "hunter2"}'}

    assert "hunter2" not in repr(got)


@pytest.mark.parametrize(
    ("header", "cookies"),
    [
        ("", {}),
        ("a=1", {"a": "1"}),
        ("a=1; b=2", {"a": "1", "b": "2"}),
        ("a=1;b=2", {"a": "1", "b": "2"}),
        ("a=x=y", {"a": "x=y"}),
        ('a="1"', {"a": '"1"'}),
        ("a=%20", {"a": "%20"}),
        ("a=first; a=second", {"a": "first"}),
        ("a=", {"a": ""}),
        ("nothing; =x", {}),
    ],
)
def test_cookies_are_read_from_the_header(header: str, cookies: dict[str, str]) -> None:
    got = request()
    got.headers = {"cookie": header}

    assert got.cookies == cookies


def test_without_the_header_there_are_no_cookies() -> None:
    assert request().cookies == {}
