"""Whatever the function is invoked with, it answers."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from org_common import PUBLIC, App
from org_common.events import http_api as gateway
from org_common.values.types import LocalContext

CONTEXT = LocalContext("r-lambda", 29)
GOOD = gateway.event("POST", "/orgs", body=b"{}")
PLACES = [
    *("rawPath", "rawQueryString", "headers", "body", "isBase64Encoded", "requestContext", "requestContext.http"),
    *("requestContext.stage", "requestContext.requestId", "requestContext.authorizer", "requestContext.http.method"),
]
# A REST API (payload format 1.0) and a load balancer; AWS's own examples, shortened.
REST_EVENT = {
    "version": "1.0",
    "resource": "/orgs",
    "path": "/orgs",
    "httpMethod": "GET",
    "headers": {"authorization": "Bearer x"},
    "requestContext": {"stage": "$default", "requestId": "r-1", "httpMethod": "GET", "path": "/orgs", "authorizer": {}},
    "body": None,
    "isBase64Encoded": False,
}
ALB_EVENT = {
    "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:eu-central-1:1:targetgroup/a/b"}},
    "httpMethod": "GET",
    "path": "/orgs",
    "queryStringParameters": {},
    "headers": {},
    "body": "",
    "isBase64Encoded": False,
}
SQS_EVENT = {"Records": [{"messageId": "1", "body": "{}", "eventSource": "aws:sqs"}]}

app = App("events")


@app.post("/orgs", allow=PUBLIC)
def create() -> dict[str, str]:
    return {"made": "yes"}


def changed(at: str, value: Any) -> Any:
    """The good event with the value at this place ("requestContext.http.method")."""
    event = copy.deepcopy(GOOD)
    *parents, last = at.split(".")
    holder = event
    for name in parents:
        holder = holder[name]
    holder[last] = value
    return event


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(None, id="None"),
        pytest.param({}, id="empty"),
        pytest.param([], id="list"),
        pytest.param("event", id="text"),
        pytest.param(5, id="number"),
        pytest.param(REST_EVENT, id="REST API"),
        pytest.param(ALB_EVENT, id="load balancer"),
        pytest.param(SQS_EVENT, id="SQS"),
        pytest.param({"source": "aws.events", "detail": {}}, id="schedule"),
        pytest.param(changed("requestContext", None), id="requestContext None"),
        pytest.param(changed("requestContext", "x"), id="requestContext text"),
        pytest.param(changed("requestContext.http", None), id="http None"),
        pytest.param(changed("requestContext.http", {}), id="http empty"),
        pytest.param(changed("requestContext.http", "GET"), id="http text"),
    ],
)
def test_event_of_another_kind_is_a_problem(event: Any) -> None:
    answer = app(event, CONTEXT)

    problem = json.loads(answer["body"])
    assert (answer["statusCode"], problem["code"]) == (500, "unknown_event")
    assert problem["instance"] == "urn:request:r-lambda"


# a field of the wrong type is an exception out of `app()` (body, stage) or another answer (405, internal_error).
@pytest.mark.parametrize(
    "event",
    [
        pytest.param(changed("rawPath", None), id="rawPath None"),
        pytest.param(changed("rawPath", 5), id="rawPath number"),
        pytest.param(changed("rawQueryString", 5), id="rawQueryString number"),
        pytest.param(changed("requestContext.stage", None), id="stage None"),
        pytest.param({**changed("requestContext.stage", 5), "rawPath": "/5/orgs"}, id="stage number"),
        pytest.param(changed("requestContext.http.method", None), id="method None"),
        pytest.param(changed("requestContext.http.method", []), id="method list"),
        pytest.param(changed("requestContext.requestId", None), id="requestId None"),
        pytest.param(changed("headers", [1]), id="headers list"),
        pytest.param(changed("headers", "x"), id="headers text"),
        pytest.param(changed("body", 5), id="body number"),
        pytest.param(changed("body", {"name": "x"}), id="body object"),
        pytest.param({**changed("body", 5), "isBase64Encoded": True}, id="base64 body number"),
    ],
)
def test_event_with_a_field_of_the_wrong_type_is_a_problem(event: Any) -> None:
    answer = app(event, CONTEXT)

    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (500, "unknown_event")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


# as above.
@given(event=st.builds(changed, at=st.sampled_from(PLACES), value=JSON))
def test_any_event_is_answered(event: Any) -> None:
    assert app(event, CONTEXT)["statusCode"] in {200, 400, 404, 405, 422, 500}


# UnicodeEncodeError out of `app()`. JSON can carry a lone surrogate, UTF-8 cannot.
def test_body_that_is_no_unicode_is_a_problem() -> None:
    answer = app(changed("body", '{"name": "\ud800"}'), CONTEXT)

    assert answer["statusCode"] == 400


@pytest.mark.parametrize("name", ["rawQueryString", "headers", "body", "isBase64Encoded"])
def test_fields_that_say_nothing_may_be_missing(name: str) -> None:
    left_out = {key: value for key, value in GOOD.items() if key != name}

    assert app(left_out, CONTEXT)["statusCode"] == 200
    assert app(changed(name, None), CONTEXT)["statusCode"] == 200
