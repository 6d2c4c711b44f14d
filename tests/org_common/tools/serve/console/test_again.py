"""A request is sent again as another person: what is passed on, what is not, and when it ends."""

import asyncio
from typing import Any

import pytest

from org_common.http.request import Request
from org_common.http.response import Response
from org_common.pipeline import Pipeline
from org_common.tools.openapi.explorer import Receive, Send
from org_common.tools.project.project import ToolError
from org_common.tools.serve.console.again import SentResponse, check_repeatable, send_again
from org_common.tools.serve.console.capture import MARK, MAX_BYTES, Capture
from org_common.values.types import Deadline
from tests.org_common.tools.serve.console.conftest import ask_app

SENT = {
    "authorization": "Bearer secret",
    "cookie": "session=1",
    "idempotency-key": "k",
    "if-none-match": '"etag"',
    "x-own": "kept",
    "host": "127.0.0.1:8000",
}


def capture(method: str = "POST", body: bytes = b"{}") -> Capture:
    pipeline: Pipeline = ask_app.pipeline
    made = Capture(pipeline)
    made.read(Request(method, "/a b", "/a b", "q=1", SENT, body, "id", None, Deadline.after(1)))
    made.responded(Response(b"before", status=201, headers={"content-type": "text/plain"}))
    return made


class Application:
    """Answers with parts, and remembers what it was sent."""

    def __init__(self, *parts: bytes) -> None:
        self.parts = parts
        self.scope: dict[str, Any] = {}
        self.body = b""
        self.hung_up = False

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        self.scope = scope
        self.body = (await receive())["body"]
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        for part in self.parts:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        if sum(map(len, self.parts)) > 2 * MAX_BYTES:
            self.hung_up = (await receive())["type"] == "http.disconnect"
        await send({"type": "http.response.body", "body": b""})


def send(application: Application, token: str | None = "theirs") -> SentResponse:
    return asyncio.run(send_again(application, capture(), token))


def test_request_is_the_same_with_the_token_of_the_other_person() -> None:
    application = Application(b"one", b"two")

    response = send(application)

    headers = {name.decode(): value.decode() for name, value in application.scope["headers"]}
    assert (response.status, response.content_type, response.body) == (200, "text/plain", "onetwo")
    assert (application.scope["method"], application.scope["path"], application.scope["raw_path"]) == (
        "POST",
        "/a b",
        b"/a%20b",
    )
    assert (application.scope["query_string"], application.body) == (b"q=1", b"{}")
    assert headers == {
        "authorization": "Bearer theirs",
        "x-own": "kept",
        "host": "127.0.0.1:8000",
        "content-length": "2",
        MARK: response.mark,
    }


def test_caller_without_a_token_sends_none() -> None:
    application = Application()

    send(application, None)

    assert b"authorization" not in dict(application.scope["headers"])


def test_long_response_is_not_read_to_its_end() -> None:
    application = Application(*[b"x" * MAX_BYTES] * 3)

    response = send(application)

    assert (response.status, response.body, application.hung_up) == (200, None, True)


def test_binary_response_is_not_shown() -> None:
    assert send(Application(b"\xff")).body is None


def test_response_of_the_captured_request_is_kept() -> None:
    assert SentResponse.of(capture()) == SentResponse(201, "text/plain", "before")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_write_needs_a_confirmation(method: str) -> None:
    check_repeatable(capture(method), is_confirmed=True)
    with pytest.raises(ToolError, match=f"confirm that {method} may write once more"):
        check_repeatable(capture(method), is_confirmed=False)


def test_read_needs_no_confirmation() -> None:
    check_repeatable(capture("GET"), is_confirmed=False)


def test_message_of_a_queue_cannot_be_sent_again() -> None:
    with pytest.raises(ToolError, match="only an HTTP request"):
        check_repeatable(capture("SQS"), is_confirmed=True)


def test_request_without_its_body_cannot_be_sent_again() -> None:
    made = capture()
    made.trim()

    with pytest.raises(ToolError, match="no longer in memory"):
        check_repeatable(made, is_confirmed=True)
