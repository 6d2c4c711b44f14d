"""The stream of ConverseStream, and what each fault of it becomes."""

import pytest

from cora_modules.ai.protocols import bedrock_client
from cora_modules.ai.provider import ErrorKind, FinishReason, Usage
from org_common import Deadline
from tests.cora_modules.ai.protocols.bedrock_calls import ANSWER, BEFORE, REQUEST, model, read
from tests.cora_modules.ai.protocols.frames import (
    EVENT_STREAM,
    delta,
    event,
    exception,
    frame,
    metadata,
    stop,
    unmodeled_error,
)
from tests.cora_modules.ai.protocols.server import Answer, End, Server


def test_answer_is_read_to_its_end(aws: Server) -> None:
    aws.answers = [Answer(ANSWER, headers=EVENT_STREAM)]

    assert read(model(aws)) == (["The", " end"], None, "stop", Usage(12, 3))


@pytest.mark.parametrize(
    ("reason", "expected"),
    [("end_turn", "stop"), ("max_tokens", "length"), ("guardrail_intervened", "filtered"), ("new", "stop")],
)
def test_reason_of_the_end(aws: Server, reason: str, expected: FinishReason) -> None:
    aws.answers = [Answer([*BEFORE, stop(reason), metadata()], headers=EVENT_STREAM)]

    assert read(model(aws))[2] == expected


def test_frames_may_arrive_in_any_parts(aws: Server) -> None:
    stream = b"".join(ANSWER)
    aws.answers = [Answer([stream[at : at + 3] for at in range(0, len(stream), 3)], headers=EVENT_STREAM)]

    assert read(model(aws))[:3] == (["The", " end"], None, "stop")


@pytest.mark.parametrize(
    "unknown", [event("aNewEvent", a=1), frame({":message-type": "strange"}, b"{}"), frame({}, b"{}")]
)
def test_unknown_event_is_passed_over(aws: Server, unknown: bytes) -> None:
    aws.answers = [Answer([*BEFORE, unknown, stop()], headers=EVENT_STREAM)]

    assert read(model(aws))[:3] == (["The", " end"], None, "stop")


def test_first_delta_is_read_before_the_last_is_sent_and_closing_hangs_up(aws: Server) -> None:
    aws.answers = [Answer(BEFORE, headers=EVENT_STREAM, end="silence")]
    reply = model(aws).chat(REQUEST, Deadline.after(20))

    assert next(reply.deltas) == "The"
    reply.close()
    assert aws.closed.wait(5)


def test_answer_that_nobody_reads_is_closed_too(aws: Server) -> None:
    aws.answers = [Answer(headers=EVENT_STREAM, end="silence")]

    model(aws).chat(REQUEST, Deadline.after(20)).close()

    assert aws.closed.wait(5)


# --- streams that do not end well ---


@pytest.mark.parametrize("end", ["complete", "close", "reset"])
@pytest.mark.parametrize("rest", [b"", delta("lost")[:7], delta("lost")[:40], delta("lost")[:-1]])
def test_stream_without_an_end_was_cut(aws: Server, rest: bytes, end: End) -> None:
    """At the boundary of a frame and inside. botocore ends its loop without an error."""
    aws.answers = [Answer([*BEFORE, rest] if rest else BEFORE, headers=EVENT_STREAM, end=end)]

    deltas, kind, finish, used = read(model(aws))

    assert (kind, finish) == ("cut", None)
    assert deltas == ["The", " end"][: len(deltas)]
    assert used.tokens_in > 0


def test_answer_that_is_complete_is_kept_when_the_connection_breaks(aws: Server) -> None:
    aws.answers = [Answer([*BEFORE, stop()], headers=EVENT_STREAM, end="close")]

    deltas, kind, finish, used = read(model(aws))

    assert (deltas, kind, finish) == (["The", " end"], None, "stop")
    assert used.tokens_out == 2


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("throttlingException", "throttled"),
        ("serviceUnavailableException", "unavailable"),
        ("internalServerException", "unavailable"),
        ("modelStreamErrorException", "unavailable"),
        ("validationException", "refused"),
        ("aNewException", "unavailable"),
    ],
)
def test_modeled_error_in_the_stream(aws: Server, name: str, kind: ErrorKind) -> None:
    aws.answers = [Answer([*BEFORE, exception(name)], headers=EVENT_STREAM)]

    assert read(model(aws))[:3] == (["The", " end"], kind, None)
    assert len(aws.requests) == 1


def test_unmodeled_error_in_the_stream(aws: Server) -> None:
    aws.answers = [Answer([*BEFORE, unmodeled_error("InternalFailure")], headers=EVENT_STREAM)]

    assert read(model(aws))[:3] == (["The", " end"], "unavailable", None)


def damaged(message: bytes, at: int) -> bytes:
    return message[:at] + bytes([message[at] ^ 1]) + message[at + 1 :]


@pytest.mark.parametrize(
    "bad",
    [
        damaged(delta("x"), -2 % len(delta("x"))),
        damaged(delta("x"), 9),
        damaged(delta("x"), 40),
        b"HTTP/1.1 200 OK\r\n\r\nhello, this is no frame",
        frame({":message-type": "event", ":event-type": "contentBlockDelta"}, b"{"),
        frame({":message-type": "event", ":event-type": "contentBlockDelta"}, b"[]"),
        frame({":message-type": "event", ":event-type": "contentBlockDelta"}, b'{"delta": 7}'),
        frame({":message-type": "event", ":event-type": "messageStop"}, b"7"),
        frame({":message-type": "event", ":event-type": "contentBlockDelta"}, b"\xff"),
    ],
    ids=["checksum", "head", "header", "other", "json", "list", "delta", "stop", "utf-8"],
)
def test_damaged_frame_is_an_invalid_response(aws: Server, bad: bytes) -> None:
    aws.answers = [Answer([*BEFORE, bad], headers=EVENT_STREAM)]

    deltas, kind, finish, _ = read(model(aws))

    assert (deltas, finish) == (["The", " end"], None)
    assert kind == "invalid_response"


@pytest.mark.parametrize("parts", [[], BEFORE])
def test_silence_is_a_timeout(aws: Server, parts: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bedrock_client, "GAPS_S", (0.2,))
    aws.answers = [Answer(parts, headers=EVENT_STREAM, end="silence")]

    deltas, kind, finish, _ = read(model(aws))

    assert (kind, finish) == ("timeout", None)
    assert deltas == ["The", " end"][: len(parts)]
