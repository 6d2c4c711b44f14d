"""The client of the Runtime API against the server of our tools."""

import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from org_common.lifecycle import runtime_api
from org_common.tools.runtime.api import EnvironmentFailed, RuntimeApi

WAIT_S = 20.0


@pytest.fixture
def server() -> Iterator[RuntimeApi]:
    with RuntimeApi() as running:
        yield running


@pytest.fixture
def client(server: RuntimeApi) -> Iterator[runtime_api.RuntimeApi]:
    made = runtime_api.RuntimeApi(server.address)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _own_trace_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "none")


def in_thread(call: Callable[[], Any]) -> threading.Thread:
    thread = threading.Thread(target=call)
    thread.start()
    return thread


def test_invocation_is_received_and_responded_to(server: RuntimeApi, client: runtime_api.RuntimeApi) -> None:
    invocation = server.begin({"a": 1})

    context, body = client.next()
    client.respond(context.aws_request_id, b'{"b":2}')

    assert body == b'{"a": 1}'
    assert context.aws_request_id == invocation.id
    assert context.invoked_function_arn.startswith("arn:aws:lambda:")
    assert 0 < context.get_remaining_time_in_millis() <= 30_000
    assert os.environ["_X_AMZN_TRACE_ID"].startswith("Root=1-")
    assert (invocation.done.wait(WAIT_S), invocation.answer) == (True, {"b": 2})


def test_stream_is_sent_in_chunks_and_the_connection_is_used_again(
    server: RuntimeApi, client: runtime_api.RuntimeApi
) -> None:
    first, second = server.begin(1), server.begin(2)

    body = client.stream(client.next()[0].aws_request_id, {"statusCode": 200})
    body.send(b"a" * 100_000)
    body.send(b"")
    body.send(bytes(16))
    assert not body.is_closed()
    body.end()
    client.respond(client.next()[0].aws_request_id, b"2")

    assert first.stream is not None
    assert list(first.stream.chunks()) == [b"a" * 100_000, bytes(16)]
    assert (first.stream.head, first.stream.is_complete) == ({"statusCode": 200}, True)
    assert second.done.wait(WAIT_S)


def test_closed_connection_is_noticed(server: RuntimeApi, client: runtime_api.RuntimeApi) -> None:
    invocation, following = server.begin(1), server.begin(2)
    body = client.stream(client.next()[0].aws_request_id, {})
    assert invocation.streaming.wait(WAIT_S)
    assert invocation.stream is not None

    invocation.stream.hang_up()
    assert invocation.done.wait(WAIT_S)

    assert body.is_closed()
    body.abort()
    client.respond(client.next()[0].aws_request_id, b"2")
    assert following.done.wait(WAIT_S)
    assert not invocation.stream.is_complete


def test_error_is_reported_and_printed(
    server: RuntimeApi, client: runtime_api.RuntimeApi, capsys: pytest.CaptureFixture[str]
) -> None:

    client.fail("/init/error", ValueError("no"))

    with pytest.raises(EnvironmentFailed, match="init failed: no"):
        server.wait_until_ready(WAIT_S)
    assert "ValueError: no" in capsys.readouterr().err


def test_refusal_of_the_runtime_api_is_an_error(server: RuntimeApi, client: runtime_api.RuntimeApi) -> None:

    with pytest.raises(RuntimeError, match="POST /invocation/unknown/response: the Runtime API responded with 404"):
        client.respond("unknown", b"{}")


def test_restore_is_waited_for(server: RuntimeApi, client: runtime_api.RuntimeApi) -> None:
    waiting = in_thread(client.wait_for_restore)

    server.wait_for_snapshot(WAIT_S)
    server.restore()
    waiting.join(WAIT_S)

    assert not waiting.is_alive()
