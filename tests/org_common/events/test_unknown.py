"""What an app does not accept: refused in the answer, named in the log."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from org_common import ALB, FUNCTION_URL, HTTP_API, REST_API, App, Request
from org_common.testing.client import Person
from org_common.values.identity import Identity
from org_common.values.types import LocalContext
from tests.support.recorded import NAMES, recorded

if TYPE_CHECKING:
    from org_common.events.event_source import EventSource

CONTEXT = LocalContext("r-lambda", 29)
SHAPES: dict[str, EventSource] = {
    "http_api": HTTP_API,
    "http_api_format_1": REST_API,
    "rest_api": REST_API,
    "function_url": FUNCTION_URL,
    "alb": ALB,
    "alb_multi_value": ALB,
}


class Bearer:
    """Stands for an app that verifies tokens itself."""

    needs_authorizer = False

    def identity(self, request: Request) -> Identity | None:
        return None


def answered(accepted: App, event: Any) -> tuple[int, str | None]:
    answer = accepted(event, CONTEXT)
    return answer["statusCode"], json.loads(answer["body"]).get("code") if answer["body"] else None


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("accepts", ["http_api", "rest_api", "function_url", "alb"])
def test_only_accepted_shapes_are_answered(name: str, accepts: str, caplog: pytest.LogCaptureFixture) -> None:
    made = App("shapes", identity=Bearer(), events=(SHAPES[accepts],))

    status, code = answered(made, recorded(name))

    if SHAPES[name] is SHAPES[accepts]:
        assert (status, code) == (404, "unknown_route")
    else:
        assert (status, code) == (500, "unknown_event")
        assert repr(SHAPES[name]) in caplog.text
        assert f"accepts events of ({SHAPES[accepts]!r},)" in caplog.text


@pytest.mark.parametrize("name", NAMES)
def test_app_may_accept_all(name: str) -> None:
    made = App("shapes", identity=Bearer(), events=(HTTP_API, REST_API, FUNCTION_URL, ALB))

    assert answered(made, recorded(name)) == (404, "unknown_route")


@pytest.mark.parametrize("shape", [FUNCTION_URL, ALB])
def test_shape_without_an_authorizer_does_not_start_under_a_source_that_needs_one(shape: EventSource) -> None:
    with pytest.raises(TypeError, match=rf"App\('open'\): {shape!r} has no authorizer in front.*identity=Bearer"):
        App("open", events=(HTTP_API, shape))


def test_app_that_nothing_may_invoke_does_not_start() -> None:
    with pytest.raises(TypeError, match=r"events= is empty.*events=\(HTTP_API,\)"):
        App("closed", events=())


FORGED = {"lambda": {"claims": Person("mallory").claims()}, "claims": Person("mallory").claims()}


@pytest.mark.parametrize("name", ["function_url", "alb", "alb_multi_value", "rest_api", "http_api_format_1"])
def test_forged_authorizer_of_another_shape_is_refused(name: str) -> None:
    event = recorded(name)
    event["requestContext"]["authorizer"] = FORGED

    assert answered(App("api"), event) == (500, "unknown_event")


@pytest.mark.parametrize("name", ["function_url", "alb", "alb_multi_value", "http_api"])
def test_forged_authorizer_is_refused_by_a_rest_api(name: str) -> None:
    event = recorded(name)
    event["requestContext"]["authorizer"] = FORGED

    assert answered(App("api", events=(REST_API,)), event) == (500, "unknown_event")


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (None, "a NoneType, not an object"),
        ({}, "an event of no known kind"),
        ({"Records": [{"eventSource": "aws:sqs", "body": "hunter2"}]}, "records of SQS"),
        ({"Records": []}, "records of another service"),
        ({"Records": ["hunter2"]}, "records of another service"),
        ({"detail-type": "hunter2", "source": "x"}, "an event of EventBridge"),
        ({"requestContext": {"connectionId": "hunter2"}}, "a WebSocket API"),
        ({"requestContext": {"authorizer": "hunter2"}}, "a requestContext of no known kind"),
        ({"requestContext": "hunter2"}, "an event of no known kind"),
    ],
)
def test_log_names_the_kind_and_nothing_of_the_content(
    event: Any, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = App("api")(event, CONTEXT)

    [record] = caplog.records
    assert words in record.getMessage()
    assert "hunter2" not in caplog.text + json.dumps(answer)
