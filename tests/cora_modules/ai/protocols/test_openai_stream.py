"""The stream of an OpenAI-compatible server, and what each fault of it becomes."""

import pytest

from cora_modules.ai.provider import ErrorKind, FinishReason, Usage
from org_common import Deadline
from tests.cora_modules.ai.protocols.frames import DONE, SSE, chunk, data
from tests.cora_modules.ai.protocols.openai_calls import ANSWER, BEFORE, REQUEST, model, read
from tests.cora_modules.ai.protocols.server import Answer, End, Server


def test_answer_is_read_to_its_end(server: Server) -> None:
    server.answers = [Answer(ANSWER, headers=SSE)]

    assert read(model(server)) == (["The", " end"], None, "stop", Usage(12, 3))


@pytest.mark.parametrize(
    ("reason", "expected"),
    [("stop", "stop"), ("length", "length"), ("content_filter", "filtered"), ("tool_calls", "stop"), ("new", "stop")],
)
def test_reason_of_the_end(server: Server, reason: str, expected: FinishReason) -> None:
    server.answers = [Answer([chunk("a"), chunk(reason=reason), DONE], headers=SSE)]

    assert read(model(server))[2] == expected


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_events_may_arrive_in_any_parts(server: Server, size: int) -> None:
    stream = b"\xef\xbb\xbf: a comment\r\n\r\nretry: 10\r\n\r\n" + b"".join(
        [chunk("Ä\u2028\x85").replace(b"\n", b"\r\n"), chunk("b").replace(b"\n", b"\r"), chunk(reason="stop"), DONE]
    )
    server.answers = [Answer([stream[at : at + size] for at in range(0, len(stream), size)], headers=SSE)]

    assert read(model(server))[:3] == (["Ä\u2028\x85", "b"], None, "stop")


def test_first_delta_is_read_before_the_last_is_sent(server: Server) -> None:
    server.answers = [Answer([chunk("The")], headers=SSE, end="silence")]
    reply = model(server).chat(REQUEST, Deadline.after(5))

    assert next(reply.deltas) == "The"
    reply.close()
    assert server.closed.wait(5)


def test_answer_that_nobody_reads_is_closed_too(server: Server) -> None:
    server.answers = [Answer([], headers=SSE, end="silence")]

    model(server).chat(REQUEST, Deadline.after(5)).close()

    assert server.closed.wait(5)


@pytest.mark.parametrize(
    "event",
    [
        {"choices": []},
        {"choices": None},
        {"object": "something.else"},
        {"choices": [{"delta": {"role": "assistant"}}]},
        {"choices": [{"delta": None, "finish_reason": None}]},
        {"choices": [{"delta": {"tool_calls": []}}]},
    ],
)
def test_events_of_other_kinds_are_passed_over(server: Server, event: object) -> None:
    server.answers = [Answer([chunk("a"), data(event), chunk(reason="stop"), DONE], headers=SSE)]

    assert read(model(server))[:3] == (["a"], None, "stop")


def test_usage_that_is_missing_or_wrong_is_estimated(server: Server) -> None:
    for wrong in ([], [data({"choices": [], "usage": {"prompt_tokens": "12", "completion_tokens": -1}})]):
        server.answers = [Answer([chunk("1234" * 10), chunk(reason="stop"), *wrong, DONE], headers=SSE)]
        found = read(model(server))[3]
        assert (found.tokens_in > 20, found.tokens_out) == (True, 10)


# --- streams that do not end well ---


@pytest.mark.parametrize("end", ["complete", "close", "reset"])
@pytest.mark.parametrize("rest", [b"", b'data: {"choices": [{"del', chunk("lost").removesuffix(b"\n")])
def test_stream_without_an_end_was_cut(server: Server, rest: bytes, end: End) -> None:
    """At the boundary of an event and inside, and also if the connection closes as it should."""
    server.answers = [Answer([*BEFORE, rest] if rest else BEFORE, headers=SSE, end=end)]

    deltas, kind, finish, used = read(model(server))

    assert (kind, finish) == ("cut", None)
    assert deltas == ["The", " end"][: len(deltas)]
    assert used.tokens_in > 0


@pytest.mark.parametrize("end", ["close", "reset"])
def test_answer_that_is_complete_is_kept_when_the_connection_breaks(server: Server, end: End) -> None:
    server.answers = [Answer([*BEFORE, chunk(reason="stop")], headers=SSE, end=end)]

    deltas, kind, finish, _ = read(model(server))

    # A reset may discard what has arrived.
    assert (deltas, kind, finish) == (["The", " end"], None, "stop") or (end, kind) == ("reset", "cut")


@pytest.mark.parametrize("parts", [[], BEFORE, [b"data: {"]])
def test_silence_is_a_timeout(server: Server, parts: list[bytes]) -> None:
    server.answers = [Answer(parts, headers=SSE, end="silence")]

    deltas, kind, finish, _ = read(model(server, gap_s=0.2))

    assert (kind, finish) == ("timeout", None)
    assert len(deltas) == len(parts) // 2 * 2


def test_stream_past_the_deadline_is_a_timeout(server: Server) -> None:
    server.answers = [Answer(BEFORE, headers=SSE, end="silence")]

    assert read(model(server), seconds=0.3)[1] == "timeout"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"type": "overloaded_error", "message": "sk-secret"}, "unavailable"),
        ({"type": "server_error", "code": None}, "unavailable"),
        ({"type": "rate_limit_error"}, "throttled"),
        ({"code": "rate_limit_exceeded", "type": "tokens"}, "throttled"),
        ({"type": "timeout_error"}, "timeout"),
        ({"type": "an unknown one"}, "invalid_response"),
        ("text", "invalid_response"),
    ],
)
def test_error_in_the_stream(server: Server, error: object, kind: ErrorKind) -> None:
    server.answers = [Answer([*BEFORE, data({"error": error})], headers=SSE)]

    assert read(model(server))[:3] == (["The", " end"], kind, None)


@pytest.mark.parametrize(
    "bad",
    [
        b"data: {\n\n",
        b"data: []\n\n",
        b"data: NaN\n\n",
        data({"choices": [1]}),
        data({"choices": 1}),
        data({"choices": [{"delta": {"content": 7}}]}),
        data({"choices": [{"delta": {"content": "a"}, "finish_reason": 7}]}),
        b"data: " + b"x" * (1024 * 1024) + b"\n\n",
        b"y" * (1024 * 1024 + 1),
        b"data: x\n" * 200_000,
    ],
    ids=["json", "list", "nan", "choice", "choices", "content", "reason", "event", "line", "lines"],
)
def test_bad_event_is_an_invalid_response(server: Server, bad: bytes) -> None:
    server.answers = [Answer([*BEFORE, bad, DONE], headers=SSE)]

    assert read(model(server))[:3] == (["The", " end"], "invalid_response", None)
