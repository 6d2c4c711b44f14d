"""Events that an app does not accept: refused in the response, described in the log."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from org_common import ALB, FUNCTION_URL, HTTP_API, REST_API, App, Request
from org_common.testing.client import Person
from org_common.values.errors import OrgError
from org_common.values.identity import Identity
from org_common.values.types import LocalContext
from tests.support.recorded import NAMES, recorded

if TYPE_CHECKING:
    from org_common.events.event_source import EventSource

CONTEXT = LocalContext("r-lambda", 29)
SOURCES: dict[str, EventSource] = {
    "http_api": HTTP_API,
    "http_api_format_1": REST_API,
    "rest_api": REST_API,
    "function_url": FUNCTION_URL,
    "alb": ALB,
    "alb_multi_value": ALB,
}


class Bearer:
    """The identity source of an app that verifies tokens itself."""

    needs_authorizer = False

    def identity(self, request: Request) -> Identity | None:
        return None


def respond(app: App, event: Any) -> tuple[int, str | None]:
    response = app(event, CONTEXT)
    return response["statusCode"], json.loads(response["body"]).get("code") if response["body"] else None


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("accepts", ["http_api", "rest_api", "function_url", "alb"])
def test_only_accepted_sources_are_served(name: str, accepts: str, caplog: pytest.LogCaptureFixture) -> None:
    app = App("sources", identity=Bearer(), events=(SOURCES[accepts],))

    status, code = respond(app, recorded(name))

    if SOURCES[name] is SOURCES[accepts]:
        assert (status, code) == (404, "unknown_route")
    else:
        assert (status, code) == (500, "unknown_event")
        assert repr(SOURCES[name]) in caplog.text
        assert f"accepts events of ({SOURCES[accepts]!r},)" in caplog.text


@pytest.mark.parametrize("name", NAMES)
def test_app_may_accept_all(name: str) -> None:
    app = App("sources", identity=Bearer(), events=(HTTP_API, REST_API, FUNCTION_URL, ALB))

    assert respond(app, recorded(name)) == (404, "unknown_route")


@pytest.mark.parametrize("source", [FUNCTION_URL, ALB])
def test_source_without_an_authorizer_is_refused_for_an_app_that_needs_one(source: EventSource) -> None:
    message = (
        rf"App\('open'\): identity=FROM_AUTHORIZER relies on an authorizer, and {source!r} has none\. .*identity=Bearer"
    )
    with pytest.raises(TypeError, match=message):
        App("open", events=(HTTP_API, source))


def test_app_without_event_sources_is_refused() -> None:
    with pytest.raises(TypeError, match=r"events= is empty.*events=\(HTTP_API,\)"):
        App("closed", events=())


FORGED = {"lambda": {"claims": Person("mallory").claims()}, "claims": Person("mallory").claims()}


@pytest.mark.parametrize("name", ["function_url", "alb", "alb_multi_value", "rest_api", "http_api_format_1"])
def test_forged_authorizer_of_another_source_is_refused(name: str) -> None:
    event = recorded(name)
    event["requestContext"]["authorizer"] = FORGED

    assert respond(App("api"), event) == (500, "unknown_event")


@pytest.mark.parametrize("name", ["function_url", "alb", "alb_multi_value", "http_api"])
def test_forged_authorizer_is_refused_by_a_rest_api(name: str) -> None:
    event = recorded(name)
    event["requestContext"]["authorizer"] = FORGED

    assert respond(App("api", events=(REST_API,)), event) == (500, "unknown_event")


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (None, "a NoneType, not an object"),
        ({}, "an event of an unknown type"),
        ({"Records": [{"eventSource": "aws:sqs", "body": "hunter2"}]}, "SQS records"),
        ({"Records": []}, "records of another service"),
        ({"Records": ["hunter2"]}, "records of another service"),
        ({"detail-type": "hunter2", "source": "x"}, "an EventBridge event"),
        ({"requestContext": {"connectionId": "hunter2"}}, "a WebSocket API"),
        ({"requestContext": {"authorizer": "hunter2"}}, "a requestContext of an unknown type"),
        ({"requestContext": "hunter2"}, "an event of an unknown type"),
    ],
)
def test_log_describes_the_type_without_the_content(event: Any, words: str, caplog: pytest.LogCaptureFixture) -> None:
    try:
        response = json.dumps(App("api")(event, CONTEXT))
    except OrgError as error:
        response = str(error)

    [record] = caplog.records
    assert words in record.getMessage()
    assert "hunter2" not in caplog.text + response
