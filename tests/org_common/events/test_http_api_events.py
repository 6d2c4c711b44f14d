"""The function responds to every event, a malformed one too."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from org_common import PUBLIC, App
from org_common.events import http_api as gateway
from org_common.values.errors import OrgError
from org_common.values.types import LocalContext

CONTEXT = LocalContext("r-lambda", 29)
VALID = gateway.event("POST", "/orgs", body=b"{}")
FIELDS = [
    "rawPath",
    "rawQueryString",
    "headers",
    "body",
    "isBase64Encoded",
    "requestContext",
    "requestContext.http",
    "requestContext.stage",
    "requestContext.requestId",
    "requestContext.authorizer",
    "requestContext.http.method",
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
    return {"created": "yes"}


def changed(path: str, value: Any) -> Any:
    """The valid event with another value at this path ("requestContext.http.method")."""
    event = copy.deepcopy(VALID)
    *parents, last = path.split(".")
    parent = event
    for name in parents:
        parent = parent[name]
    parent[last] = value
    return event


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(None, id="None"),
        pytest.param({}, id="empty"),
        pytest.param([], id="list"),
        pytest.param("event", id="string"),
        pytest.param(5, id="number"),
        pytest.param(REST_EVENT, id="REST API"),
        pytest.param(ALB_EVENT, id="load balancer"),
        pytest.param({"source": "aws.events", "detail": {}}, id="schedule"),
        pytest.param(changed("requestContext", None), id="requestContext None"),
        pytest.param(changed("requestContext", "x"), id="requestContext string"),
        pytest.param(changed("requestContext.http", None), id="http None"),
        pytest.param(changed("requestContext.http", {}), id="http empty"),
        pytest.param(changed("requestContext.http", "GET"), id="http string"),
    ],
)
def test_event_of_another_type_is_a_problem(event: Any) -> None:
    response = app(event, CONTEXT)

    problem = json.loads(response["body"])
    assert (response["statusCode"], problem["code"]) == (500, "unknown_event")
    assert problem["instance"] == "urn:request:r-lambda"


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(SQS_EVENT, id="SQS"),
        pytest.param({"Records": []}, id="no records"),
        pytest.param({"detail-type": "Order Placed", "source": "shop", "detail": {}}, id="EventBridge"),
    ],
)
def test_delivery_that_no_trigger_takes_is_raised(event: Any) -> None:
    """Its service takes a returned value for a receipt: SQS would delete the messages."""
    with pytest.raises(OrgError) as raised:
        app(event, CONTEXT)

    assert raised.value.code == "unknown_event"


# regression: a field of the wrong type raised out of `app()` (body, stage) or got another response (405).
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
        pytest.param(changed("headers", "x"), id="headers string"),
        pytest.param(changed("body", 5), id="body number"),
        pytest.param(changed("body", {"name": "x"}), id="body object"),
        pytest.param({**changed("body", 5), "isBase64Encoded": True}, id="base64 body number"),
    ],
)
def test_event_with_a_field_of_the_wrong_type_is_a_problem(event: Any) -> None:
    response = app(event, CONTEXT)

    assert (response["statusCode"], json.loads(response["body"])["code"]) == (500, "unknown_event")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


# regression: as above.
@given(event=st.builds(changed, path=st.sampled_from(FIELDS), value=JSON))
def test_any_event_gets_a_response(event: Any) -> None:
    assert app(event, CONTEXT)["statusCode"] in {200, 400, 404, 405, 422, 500}


# regression: UnicodeEncodeError out of `app()`. JSON can carry a lone surrogate, UTF-8 cannot.
def test_body_that_is_not_unicode_is_a_problem() -> None:
    response = app(changed("body", '{"name": "\ud800"}'), CONTEXT)

    assert response["statusCode"] == 400


@pytest.mark.parametrize("name", ["rawQueryString", "headers", "body", "isBase64Encoded"])
def test_optional_fields_may_be_missing(name: str) -> None:
    without = {key: value for key, value in VALID.items() if key != name}

    assert app(without, CONTEXT)["statusCode"] == 200
    assert app(changed(name, None), CONTEXT)["statusCode"] == 200
