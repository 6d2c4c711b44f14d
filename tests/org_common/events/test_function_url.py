"""Function URLs: format 2.0 with an undecoded path, and nobody in front."""

from typing import Any

from org_common import FUNCTION_URL, HTTP_API, Response
from org_common.http.request import Request
from org_common.values.types import LocalContext
from tests.support.recorded import recorded

CONTEXT = LocalContext("r-lambda", 29, tenant_id="acme")


def parsed(event: Any) -> Request:
    request = FUNCTION_URL.read(event, CONTEXT)
    assert request is not None
    return request


def test_recorded_event_is_read() -> None:
    got = parsed(recorded("function_url"))

    assert (got.method, got.path, got.sent_path, got.query) == (
        "PUT",
        "/notes/café noir",
        "/notes/café noir",
        "tag=a&tag=b",
    )
    assert (got.body, got.id) == (b"\xff\x00\xfe\x00", "3f1b6a2e-6f0c-4f0e-8a3a-0d0d4a1f3a11")
    assert got.cookies == {"session": "abc123", "theme": "dark"}
    assert (got.authorizer, got.tenant_id) == (None, "acme")


def test_path_is_decoded_once() -> None:
    assert parsed({**recorded("function_url"), "rawPath": "/a%2525/%2F"}).path == "/a%25//"


def test_http_api_s_event_is_another_shape() -> None:
    assert FUNCTION_URL.read(recorded("http_api"), CONTEXT) is None
    assert HTTP_API.read(recorded("function_url"), CONTEXT) is None


def test_answer_is_format_2() -> None:
    answer = FUNCTION_URL.answer(Response(b"hi", status=201, headers={"x-a": "1"}), recorded("function_url"))

    assert answer == {"statusCode": 201, "headers": {"x-a": "1"}, "body": "hi", "isBase64Encoded": False}
