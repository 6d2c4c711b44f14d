"""Statuses of Bedrock, and what each becomes."""

from collections.abc import Callable

import pytest

from cora_modules.ai.protocols import bedrock_client
from cora_modules.ai.protocols.attempts import ATTEMPTS, Attempts
from cora_modules.ai.protocols.bedrock import Bedrock
from cora_modules.ai.protocols.circuit import Circuit
from cora_modules.ai.provider import ErrorKind, ProviderError
from org_common import Deadline
from tests.cora_modules.ai.protocols.bedrock_calls import ANSWER, CLAUDE, REQUEST, TITAN, model, read
from tests.cora_modules.ai.protocols.frames import (
    EVENT_STREAM,
    JSON,
)
from tests.cora_modules.ai.protocols.server import Answer, Server


@pytest.mark.parametrize(
    ("status", "name", "kind", "requests"),
    [
        (400, "ValidationException", "refused", 1),
        (403, "AccessDeniedException", "refused", 1),
        (404, "ResourceNotFoundException", "refused", 1),
        (408, "ModelTimeoutException", "timeout", ATTEMPTS),
        (424, "ModelErrorException", "unavailable", ATTEMPTS),
        (429, "ThrottlingException", "throttled", ATTEMPTS),
        (429, "ModelNotReadyException", "unavailable", ATTEMPTS),
        (500, "InternalServerException", "unavailable", ATTEMPTS),
        (503, "ServiceUnavailableException", "unavailable", ATTEMPTS),
        (503, "", "unavailable", ATTEMPTS),
    ],
)
def test_status_is_a_typed_error(aws: Server, status: int, name: str, kind: ErrorKind, requests: int) -> None:
    aws.answers = [Answer([b'{"message": "no"}'], status, {**JSON, "x-amzn-errortype": name})]

    calls: list[Callable[[], object]] = [
        lambda: model(aws).chat(REQUEST, Deadline.after(5)),
        lambda: model(aws, TITAN).embed(["a"], Deadline.after(5)),
    ]
    for call in calls:
        aws.requests.clear()
        with pytest.raises(ProviderError) as caught:
            call()
        # botocore makes one attempt, and the others are ours.
        assert (caught.value.kind, len(aws.requests)) == (kind, requests)


def test_throttled_call_succeeds_at_the_next_attempt(aws: Server) -> None:
    throttled = Answer([b"{}"], 429, {**JSON, "x-amzn-errortype": "ThrottlingException"})
    aws.answers = [throttled, throttled, Answer(ANSWER, headers=EVENT_STREAM)]

    assert read(model(aws))[0] == ["The", " end"]


def test_unreachable_endpoint_is_unavailable(aws: Server) -> None:
    bedrock = Bedrock(CLAUDE, Attempts(Circuit(), 0.001), region="eu-central-1", endpoint_url="http://127.0.0.1:9")

    with pytest.raises(ProviderError) as caught:
        bedrock.chat(REQUEST, Deadline.after(5))
    assert caught.value.kind == "unavailable"


def test_missing_credentials_are_refused(aws: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    bedrock_client.reset()

    with pytest.raises(ProviderError) as caught:
        model(aws).chat(REQUEST, Deadline.after(5))
    bedrock_client.reset()
    assert (caught.value.kind, aws.requests) == ("refused", [])
