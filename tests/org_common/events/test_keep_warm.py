"""Pings that keep a function warm are neither requests nor errors; everything else is treated as before."""

from __future__ import annotations

import copy
from contextlib import nullcontext
from typing import Any, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st

from org_common import ALB, FUNCTION_URL, HTTP_API, KEEP_WARM, PUBLIC, REST_API, App, KeepWarm
from org_common.http.observer import Observer
from org_common.values.errors import OrgError
from org_common.values.types import LocalContext
from tests.support.recorded import recorded

CONTEXT = LocalContext("r-lambda", 29)
PINGS: dict[str, dict[str, Any]] = {
    "EventBridge rule": {
        "version": "0",
        "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "123456789012",
        "time": "2015-10-08T16:53:06Z",
        "region": "us-east-1",
        "resources": ["arn:aws:events:us-east-1:123456789012:rule/my-scheduled-rule"],
        "detail": {},
    },
    "EventBridge Scheduler": {
        "version": "0",
        "id": "a",
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "detail": "{}",
    },
    "serverless-plugin-warmup": {"source": "serverless-plugin-warmup"},
    "serverless-plugin-warmup, concurrent": {"source": "serverless-plugin-warmup", "concurrencyIndex": 1},
    "serverless-plugin-lambda-warmup": {"source": "serverless-plugin-lambda-warmup"},
    "lambda-warmer": {"warmer": True, "concurrency": 3},
    "lambda-warmer, fan-out": {
        "warmer": True,
        "concurrency": 3,
        "__WARMER_INVOCATION__": 2,
        "__WARMER_CORRELATIONID__": "a",
    },
    "lambda-warmer-py": {"warmer": True, "concurrency": 2, "func": {"name": "f", "version": "1"}},
}
OTHERS: dict[str, Any] = {
    "another EventBridge event": {"detail-type": "EC2 Instance State-change", "source": "aws.ec2", "detail": {}},
    "SQS": {"Records": [{"messageId": "1", "body": "{}", "eventSource": "aws:sqs"}]},
    "a test event of the console": {"key1": "value1", "key2": "value2"},
    "an empty object": {},
    "warmer that is not true": {"warmer": "yes"},
    "a list": [],
    "a string": "ping",
    "null": None,
}


class Counting(Observer):
    """Counts the requests that are observed."""

    count = 0

    def __enter__(self) -> Self:
        Counting.count += 1
        return self


def made(*events: Any) -> App:
    app = App("orders", events=events)

    @app.get("/", allow=PUBLIC)
    def get() -> str:
        return "got"

    return app


@pytest.fixture
def observed(monkeypatch: pytest.MonkeyPatch) -> type[Counting]:
    monkeypatch.setattr("org_common.pipeline.IGNORE", Counting())
    Counting.count = 0
    return Counting


@pytest.mark.parametrize("events", [(HTTP_API, KEEP_WARM), (KEEP_WARM, HTTP_API), (REST_API, KEEP_WARM)], ids=str)
@pytest.mark.parametrize("name", PINGS)
def test_ping_is_no_request_and_no_error(
    name: str, events: tuple[Any, ...], caplog: pytest.LogCaptureFixture, observed: type[Counting]
) -> None:
    assert made(*events)(PINGS[name], CONTEXT) == {}
    assert (caplog.records, observed.count) == ([], 0)


@pytest.mark.parametrize("name", OTHERS)
def test_other_events_are_unknown_still(name: str, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(OrgError) if "SQS" in name or "EventBridge" in name else nullcontext():
        assert made(HTTP_API, KEEP_WARM)(OTHERS[name], CONTEXT)["statusCode"] == 500
    assert "was invoked with" in caplog.text


@pytest.mark.parametrize("name", PINGS)
def test_without_the_event_source_the_log_names_it(name: str, caplog: pytest.LogCaptureFixture) -> None:
    assert made(HTTP_API)(PINGS[name], CONTEXT)["statusCode"] == 500
    assert "(KEEP_WARM)" in caplog.text


@pytest.mark.parametrize("name", ["http_api", "function_url", "rest_api", "http_api_format_1", "alb"])
def test_a_request_is_never_a_ping(name: str) -> None:
    for ping in PINGS.values():
        event = {**copy.deepcopy(recorded(name)), **ping}
        assert not KEEP_WARM.is_ping(event)


@given(
    st.dictionaries(st.text(max_size=3), st.none() | st.booleans() | st.integers() | st.text(max_size=3), min_size=1),
    st.dictionaries(st.text(max_size=3), st.integers()),
)
def test_a_ping_of_ones_own_has_all_its_keys(ping: dict[str, Any], more: dict[str, Any]) -> None:
    source = KeepWarm(ping)

    assert source.is_ping({**more, **ping})
    for key in ping:
        assert not source.is_ping({name: value for name, value in ping.items() if name != key} | {key: object()})


def test_it_needs_another_source_and_no_empty_pattern() -> None:
    with pytest.raises(TypeError, match="events= is empty"):
        App("orders", events=(KEEP_WARM,))
    with pytest.raises(TypeError, match="would match every event"):
        KeepWarm({})


def test_it_needs_no_authorizer() -> None:
    """Any identity goes with it, as it brings no requests."""
    from org_common import Bearer, Issuer

    bearer = Bearer([Issuer("https://a.test", audience="a", algorithms=["RS256"])])

    assert made(HTTP_API, KEEP_WARM).events == (HTTP_API, KEEP_WARM)
    assert App("orders", identity=bearer, events=(ALB, FUNCTION_URL, KEEP_WARM)).events[-1] is KEEP_WARM


def test_it_shows_what_it_matches() -> None:
    assert (repr(KEEP_WARM), repr(KeepWarm({"ping": 1}))) == ("KEEP_WARM", "KeepWarm({'ping': 1})")
