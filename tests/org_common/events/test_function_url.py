"""Function URLs: payload format 2.0 with an undecoded path and without an authorizer."""

from typing import Any

import pytest

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
    request = parsed(recorded("function_url"))

    assert (request.method, request.path, request.sent_path, request.query) == (
        "PUT",
        "/notes/café noir",
        "/notes/café noir",
        "tag=a&tag=b",
    )
    assert (request.body, request.id) == (b"\xff\x00\xfe\x00", "3f1b6a2e-6f0c-4f0e-8a3a-0d0d4a1f3a11")
    assert request.cookies == {"session": "abc123", "theme": "dark"}
    assert (request.authorizer, request.tenant_id) == (None, "acme")


def test_path_is_decoded_once() -> None:
    assert parsed({**recorded("function_url"), "rawPath": "/a%2525/%2F"}).path == "/a%25//"


def test_event_of_an_http_api_is_not_read() -> None:
    assert FUNCTION_URL.read(recorded("http_api"), CONTEXT) is None
    assert HTTP_API.read(recorded("function_url"), CONTEXT) is None


IN_AWS = [
    "abc.lambda-url.eu-central-1.on.aws",
    "abc.lambda-url.us-gov-east-1.on.aws",
    "x.lambda-url.ap-southeast-7.on.aws",
]
EMULATED = [
    "abc.lambda-url.us-east-1.localhost.localstack.cloud",
    "abc.lambda-url.us-east-1.localhost.localstack.cloud:4566",
    "abc.lambda-url.eu-west-1.localhost:4566",
    "abc.lambda-url.us-east-1.localstack.internal.example.com",
]
OF_APIS = [
    "abc.execute-api.eu-central-1.amazonaws.com",
    "abc.execute-api.us-east-1.localhost.localstack.cloud:4566",
    "api.lambda-url.example.com",
    "lambda-url.eu-central-1.on.aws",
    "api.example.com",
    "a.b.lambda-url.us-east-1.on.aws",
    "localhost",
    "",
    ".",
    "api.example.com.lambda-url.",
    "x.lambda-url.",
    "x.lambda-url.us-east-1",
]


@pytest.mark.parametrize("domain", [*IN_AWS, *EMULATED, *OF_APIS])
def test_domain_tells_the_two_apart(domain: str) -> None:
    event = recorded("function_url")
    event["requestContext"]["domainName"] = domain
    is_url = domain not in OF_APIS

    assert (FUNCTION_URL.read(event, CONTEXT) is not None, HTTP_API.read(event, CONTEXT) is not None) == (
        is_url,
        not is_url,
    )


def test_response_is_in_format_2() -> None:
    response_event = FUNCTION_URL.to_event(Response(b"hi", status=201, headers={"x-a": "1"}), recorded("function_url"))

    assert response_event == {"statusCode": 201, "headers": {"x-a": "1"}, "body": "hi", "isBase64Encoded": False}
