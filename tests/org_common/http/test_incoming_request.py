"""A request that a middleware exchanges keeps what the pipeline knows of the original one."""

from typing import Any

from org_common import Request, Response
from org_common.http.incoming_request import IncomingRequest, passed_on
from org_common.http.observer import Observer
from org_common.values.types import Deadline


def incoming() -> IncomingRequest:
    request = IncomingRequest("GET", "/a", "/prod/a", "b=1", {"x": "y"}, b"{}", "r", None, Deadline.after(29))
    request.observer = Observer()
    request.to_event, request.event = to_event, {"body": "{}"}
    return request


def to_event(response: Response, event: dict[str, Any]) -> dict[str, Any]:
    return event


def test_request_that_is_passed_on_unchanged_stays_the_same_object() -> None:
    original = incoming()

    assert passed_on(original, original) is original


def test_another_request_keeps_its_own_values_and_the_original_s_observer() -> None:
    original = incoming()
    other = Request("POST", "/b", "/b", "", {}, b"", "other", None, Deadline.after(1), cookies=["a=1"])

    passed = passed_on(other, original)

    assert (passed.method, passed.path, passed.id, passed.cookies) == ("POST", "/b", "other", {"a": "1"})
    assert passed.observer is original.observer
    assert (passed.to_event, passed.event) == (to_event, original.event)
