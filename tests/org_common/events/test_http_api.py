"""HTTP APIs: from an event to a request, and from a response to Lambda's result."""

import base64
import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from org_common import PUBLIC, TOKEN, App, Response
from org_common.events import http_api as gateway
from org_common.http.finish import SECURITY
from org_common.http.request import Request
from org_common.testing.client import Person
from org_common.values.errors import BadRequest, OrgError
from org_common.values.types import LocalContext

CONTEXT = LocalContext("r-lambda", 29)


VALID = gateway.event("POST", "/orgs", body=b"{}", claims=Person("alice").claims(), request_id="r-1")


app = App("gateway")


@app.post("/orgs", allow=PUBLIC)
def create() -> dict[str, str]:
    return {"created": "yes"}


@app.get("/me", allow=TOKEN)
def me() -> dict[str, str]:
    return {"known": "yes"}


def changed(path: str, value: Any) -> Any:
    """The valid event with another value at this path ("requestContext.http.method")."""
    event = copy.deepcopy(VALID)
    *parents, last = path.split(".")
    parent = event
    for name in parents:
        parent = parent[name]
    parent[last] = value
    return event


def parsed(event: Any) -> Request:
    request = gateway.HTTP_API.read(event, CONTEXT)
    assert request is not None
    return request


def test_valid_event_gets_a_response() -> None:
    response = app(VALID, CONTEXT)

    assert response == {
        "statusCode": 200,
        "headers": {**SECURITY, "content-type": "application/json", "cache-control": "no-store"},
        "body": '{"created":"yes"}',
        "isBase64Encoded": False,
    }


@pytest.mark.parametrize(
    ("stage", "sent", "path"),
    [
        ("$default", "/orgs", "/orgs"),
        ("$default", "/$default/orgs", "/$default/orgs"),
        ("v1", "/v1/orgs", "/orgs"),
        ("v1", "/v1", "/"),
        ("v1", "/v1/", "/"),
        ("v1", "/v1x/orgs", "/v1x/orgs"),
        ("v1", "/v11", "/v11"),
        ("v1", "/orgs/v1", "/orgs/v1"),
        ("v1", "/v1/v1/orgs", "/v1/orgs"),
        ("v1", "/V1/orgs", "/V1/orgs"),
        ("v.", "/v1/orgs", "/v1/orgs"),
    ],
)
def test_named_stage_is_removed_as_a_complete_segment(stage: str, sent: str, path: str) -> None:
    request = parsed({**changed("requestContext.stage", stage), "rawPath": sent})

    assert (request.path, request.sent_path) == (path, sent)


def test_deadline_is_that_of_the_lambda_context() -> None:
    request = gateway.HTTP_API.read(VALID, LocalContext("r-1", 3))

    assert request is not None
    assert 2 < request.deadline.left_s() <= 3


def test_request_id_is_the_gateway_s() -> None:
    assert parsed(VALID).id == "r-1"


@pytest.mark.parametrize(
    "authorizer",
    [
        pytest.param(None, id="None"),
        pytest.param("alice", id="string"),
        pytest.param([{"lambda": {"claims": "{}"}}], id="list"),
        pytest.param({}, id="empty"),
        pytest.param({"lambda": None}, id="lambda None"),
        pytest.param({"lambda": '{"claims": {}}'}, id="lambda string"),
        pytest.param({"lambda": ["claims"]}, id="lambda list"),
        pytest.param({"lambda": {}}, id="no claims"),
        pytest.param({"lambda": {"claims": None}}, id="claims None"),
        pytest.param({"lambda": {"claims": {"iss": "a", "sub": "b", "exp": 4e9}}}, id="claims object"),
        pytest.param({"lambda": {"claims": ["{}"]}}, id="claims list"),
        pytest.param({"lambda": {"claims": 5}}, id="claims number"),
        pytest.param({"lambda": {"Claims": Person("alice").claims()}}, id="claims in capitals"),
        pytest.param({"lambda": {}, "claims": Person("alice").claims()}, id="claims next to lambda"),
        pytest.param({"jwt": {"claims": {"iss": "a", "sub": "b", "exp": "4000000000"}}}, id="API Gateway's own"),
        pytest.param({"iam": {"userId": "x"}}, id="IAM"),
    ],
)
def test_malformed_authorizer_context_is_unauthorized(authorizer: Any) -> None:
    event = gateway.event("GET", "/me")
    event["requestContext"]["authorizer"] = authorizer

    response = app(event, CONTEXT)

    assert (response["statusCode"], response["headers"]["www-authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize("field", ["headers", "queryStringParameters", "pathParameters", "stageVariables"])
def test_claims_that_a_caller_sends_are_not_the_authorizer_s(field: str) -> None:
    event = gateway.event("GET", "/me")
    event[field] = {"claims": Person("alice").claims(), "authorizer": Person("alice").claims()}

    assert app(event, CONTEXT)["statusCode"] == 401


@pytest.mark.parametrize("body", ["%%%", "a", "aGk", "aGk=\n", "aGk=x", " aGk=", "é", "aG k="])
def test_invalid_base64_is_a_bad_request(body: str) -> None:
    with pytest.raises(BadRequest) as caught:
        parsed({**changed("body", body), "isBase64Encoded": True})

    assert caught.value.code == "invalid_base64"


def test_base64_body_is_decoded() -> None:
    event = {**changed("body", base64.b64encode(b"\xff\x00").decode()), "isBase64Encoded": True}

    assert parsed(event).body == b"\xff\x00"


def test_string_body_is_encoded_as_utf_8() -> None:
    assert parsed(changed("body", "é")).body == "é".encode()


def test_error_about_the_event_does_not_quote_it() -> None:
    with pytest.raises(OrgError) as caught:
        parsed({**VALID, "rawPath": ["hunter2"]})

    assert "hunter2" not in str(caught.value)


STRINGS = st.text(st.characters(exclude_categories=["Cs"]))


HEADER_VALUES = st.text(st.characters(exclude_categories=["Cs", "Cc"]))


RESPONSE_HEADERS = st.dictionaries(
    st.from_regex(r"[a-z-]+", fullmatch=True), st.from_regex(r"[\t -~\xa0-\xff]*", fullmatch=True)
)


REQUEST_HEADERS = st.dictionaries(st.from_regex(r"[a-z][a-z0-9-]*", fullmatch=True), HEADER_VALUES, max_size=5)


@given(
    method=st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]),
    path=STRINGS.map(lambda string: "/" + string),
    query=STRINGS,
    headers=REQUEST_HEADERS,
    body=st.binary(),
    claims=st.none() | STRINGS,
)
def test_built_event_is_read_back_unchanged(
    method: str, path: str, query: str, headers: dict[str, str], body: bytes, claims: str | None
) -> None:
    event = gateway.event(method, path, query=query, headers=headers, body=body, claims=claims, request_id="r-2")

    request = parsed(json.loads(json.dumps(event)))

    assert (request.method, request.path, request.sent_path, request.query) == (method, path, path, query)
    assert (request.headers, request.body, request.id) == (headers, body, "r-2")
    assert request.authorizer == (None if claims is None else {"lambda": {"claims": claims}})


@given(status=st.integers(100, 599), headers=RESPONSE_HEADERS, body=st.binary())
def test_response_passes_the_gateway_unchanged(status: int, headers: dict[str, str], body: bytes) -> None:
    response_event = gateway.to_event(Response(body, status=status, headers=headers))

    received = json.loads(json.dumps(response_event))

    assert (received["statusCode"], received["headers"], gateway.decode_body(received)) == (status, headers, body)


def test_utf_8_is_sent_as_a_string_and_the_rest_in_base64() -> None:
    assert gateway.to_event(Response("é".encode()))["isBase64Encoded"] is False
    assert gateway.to_event(Response(b"\xff")) == {
        "statusCode": 200,
        "headers": {},
        "body": "/w==",
        "isBase64Encoded": True,
    }


def test_header_names_of_a_built_event_are_lower_case() -> None:
    assert gateway.event("GET", "/", headers={"X-Trace": "1"})["headers"] == {"x-trace": "1"}
