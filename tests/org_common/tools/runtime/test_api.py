"""The server by itself, called as AWS's client calls it."""

import http.client
import json
import socket
import threading
import time

import pytest

from org_common.tools.runtime.api import VERSION, EnvironmentFailed, RuntimeApi


def call(api: RuntimeApi, method: str, path: str, body: str = "") -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(api.address, timeout=10)
    connection.request(method, VERSION + path, body)
    response = connection.getresponse()
    response.content = response.read()  # type: ignore[attr-defined]
    connection.close()
    return response


def test_event_goes_out_and_its_response_comes_back() -> None:
    with RuntimeApi() as api:

        def function() -> None:
            event = call(api, "GET", "/invocation/next")
            id = event.headers["Lambda-Runtime-Aws-Request-Id"]
            left_ms = int(event.headers["Lambda-Runtime-Deadline-Ms"]) - time.time() * 1000
            answer = json.dumps([json.loads(event.content), left_ms > 0])  # type: ignore[attr-defined]
            call(api, "POST", f"/invocation/{id}/response", answer)

        thread = threading.Thread(target=function)
        thread.start()
        assert api.invoke({"a": 1}).answer == [{"a": 1}, True]
        thread.join()


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/nothing"), ("POST", "/nothing"), ("POST", "/invocation/no-such-id/response")]
)
def test_unknown_path_is_404(method: str, path: str) -> None:
    with RuntimeApi() as api:
        assert call(api, method, path).status == 404


def test_init_error_is_reported_with_its_trace() -> None:
    with RuntimeApi() as api:
        call(api, "POST", "/init/error", json.dumps({"errorMessage": "no module", "stackTrace": ["line 1\n"]}))

        with pytest.raises(EnvironmentFailed, match="init failed: no module\nline 1"):
            api.wait_until_ready(5)


def test_response_that_is_not_json_is_a_string() -> None:
    with RuntimeApi() as api:
        call(api, "POST", "/restore/error", "not json")

        with pytest.raises(EnvironmentFailed, match="restore failed: not json"):
            api.wait_for_snapshot(5)


def test_start_that_never_comes_is_not_waited_for() -> None:
    with RuntimeApi() as api, pytest.raises(EnvironmentFailed, match="did not start"):
        api.wait_until_ready(0.05)


def test_invocation_after_the_end_is_reported_why() -> None:
    with RuntimeApi() as api:
        api.fail("it has ended")

        # Without a wait: the timeout is that of the function.
        with pytest.raises(EnvironmentFailed, match="it has ended"):
            api.invoke({}, timeout_s=600)


def test_event_that_was_not_handed_out_fails_with_the_environment() -> None:
    with RuntimeApi() as api:
        invocation = api.begin({})
        api.fail("it has ended")

        assert invocation.done.wait(10)
        assert invocation.error == {"errorMessage": "it has ended"}


def test_response_that_is_cut_is_none() -> None:
    with RuntimeApi() as api:
        invocation = api.begin({})
        event = call(api, "GET", "/invocation/next")
        connection = http.client.HTTPConnection(api.address, timeout=10)
        connection.putrequest("POST", f"{VERSION}/invocation/{event.headers['Lambda-Runtime-Aws-Request-Id']}/response")
        connection.putheader("Content-Length", "10")
        connection.endheaders(b'{"a"')
        assert connection.sock is not None
        connection.sock.shutdown(socket.SHUT_WR)
        assert connection.sock.recv(1) == b""
        connection.close()

        assert not invocation.done.is_set()
        api.fail("it was killed")
        assert (invocation.answer, invocation.error) == (None, {"errorMessage": "it was killed"})


def test_stream_that_is_cut_is_incomplete() -> None:
    with RuntimeApi() as api:
        invocation = api.begin({})
        event = call(api, "GET", "/invocation/next")
        connection = http.client.HTTPConnection(api.address, timeout=10)
        connection.putrequest("POST", f"{VERSION}/invocation/{event.headers['Lambda-Runtime-Aws-Request-Id']}/response")
        connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders()
        connection.send(b'5\r\n{"a":\r\n')
        connection.send(b"a\r\n1}" + bytes(8) + b"\r\n3\r\nabc\r\n")
        assert invocation.streaming.wait(10)
        assert invocation.stream is not None
        chunks = invocation.stream.chunks(10)
        first = next(chunks)
        connection.close()

        assert (first, list(chunks)) == (b"abc", [])
        assert (invocation.stream.head, invocation.stream.is_complete) == ({"a": 1}, False)
        assert invocation.done.wait(10)
