"""Statuses of an OpenAI-compatible server, and what each becomes."""

import json
from collections.abc import Callable

import pytest

from cora_modules.ai.protocols.attempts import ATTEMPTS, Attempts
from cora_modules.ai.protocols.circuit import Circuit
from cora_modules.ai.protocols.openai import OpenAi
from cora_modules.ai.provider import ErrorKind, ProviderError
from org_common import Deadline
from tests.cora_modules.ai.protocols.frames import JSON, SSE
from tests.cora_modules.ai.protocols.openai_calls import ANSWER, BEFORE, REQUEST, model, read
from tests.cora_modules.ai.protocols.server import Answer, End, Server


@pytest.mark.parametrize(
    ("status", "code", "kind", "requests"),
    [
        (400, "bad", "refused", 1),
        (401, "invalid_api_key", "refused", 1),
        (403, None, "refused", 1),
        (404, "model_not_found", "refused", 1),
        (302, None, "refused", 1),
        (408, None, "unavailable", ATTEMPTS),
        (429, "rate_limit_exceeded", "throttled", ATTEMPTS),
        (429, "insufficient_quota", "refused", 1),
        (500, None, "unavailable", ATTEMPTS),
        (503, None, "unavailable", ATTEMPTS),
        (529, "overloaded_error", "unavailable", ATTEMPTS),
    ],
)
def test_status_is_a_typed_error(server: Server, status: int, code: str | None, kind: ErrorKind, requests: int) -> None:
    body = json.dumps({"error": {"code": code, "message": "Incorrect key: sk-secret"}}).encode()
    server.answers = [Answer([body], status, JSON)]

    calls: list[Callable[[], object]] = [
        lambda: model(server).chat(REQUEST, Deadline.after(5)),
        lambda: model(server).embed(["a"], Deadline.after(5)),
    ]
    for call in calls:
        server.requests.clear()
        with pytest.raises(ProviderError) as caught:
            call()
        assert (caught.value.kind, len(server.requests)) == (kind, requests)
        assert str(status) in str(caught.value)
        assert "sk-secret" not in str(caught.value)


def test_throttled_call_succeeds_at_the_next_attempt(server: Server) -> None:
    server.answers = [Answer(status=429), Answer(status=503), Answer(ANSWER, headers=SSE)]

    assert read(model(server))[0] == ["The", " end"]
    assert len(server.requests) == 3


def test_pause_that_the_server_asks_for_does_not_fit_into_the_deadline(server: Server) -> None:
    server.answers = [Answer(status=429, headers={"Retry-After": "60"})]

    with pytest.raises(ProviderError) as caught:
        model(server).chat(REQUEST, Deadline.after(5))

    assert (caught.value.kind, caught.value.retry_after_s, len(server.requests)) == ("throttled", 60, 1)


@pytest.mark.parametrize("end", ["close", "reset"])
def test_stream_that_has_begun_is_not_repeated(server: Server, end: End) -> None:
    server.answers = [Answer(BEFORE, headers=SSE, end=end)]

    assert read(model(server))[1] == "cut"
    assert len(server.requests) == 1


def test_success_that_is_no_stream(server: Server) -> None:
    server.answers = [Answer([b"{}"], headers=JSON)]

    with pytest.raises(ProviderError) as caught:
        model(server).chat(REQUEST, Deadline.after(5))
    assert caught.value.kind == "invalid_response"


def test_unreachable_server_is_unavailable() -> None:
    openai = OpenAi("large", "http://127.0.0.1:9/v1", Attempts(Circuit(), pause_s=0.001))

    with pytest.raises(ProviderError) as caught:
        openai.chat(REQUEST, Deadline.after(5))
    assert caught.value.kind == "unavailable"


def test_passed_deadline_sends_nothing(server: Server) -> None:
    with pytest.raises(ProviderError) as caught:
        model(server).chat(REQUEST, Deadline.after(0))
    assert (caught.value.kind, server.requests) == ("timeout", [])
