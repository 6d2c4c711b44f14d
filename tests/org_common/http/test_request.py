"""One request, whatever event it came in."""

import pytest

from org_common.http.request import Request
from org_common.types import Deadline


def request() -> Request:
    return Request(
        method="POST",
        path="/orgs",
        sent_path="/v1/orgs",
        query="a=1",
        headers={"content-type": "application/json"},
        body=b"{}",
        id="r-1",
        claims=None,
        deadline=Deadline.after(29),
    )


def test_request_holds_what_was_sent() -> None:
    got = request()

    assert (got.method, got.path, got.sent_path, got.query) == ("POST", "/orgs", "/v1/orgs", "a=1")
    assert (got.headers, got.body, got.id, got.claims) == ({"content-type": "application/json"}, b"{}", "r-1", None)


def test_request_carries_no_baggage() -> None:
    with pytest.raises(AttributeError):
        setattr(request(), "user", "alice")  # noqa: B010 - a name that the type does not have


def test_claims_are_not_shown() -> None:
    got = request()
    got.claims = '{"sub": "hunter2"}'

    assert "hunter2" not in repr(got)
