"""An endpoint gets each message as a request of its own; what it does not accept is named. The server is real."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from org_common.db.delivery import Message, MessageRefused
from org_common.sinks.http import HttpSink
from tests.org_common.sinks.messages import delivered, message


class Endpoint:
    """Responds with the status that `statuses` has for the message's number; 0 closes the connection instead."""

    def __init__(self) -> None:
        self.statuses: dict[int, list[int]] = {}
        self.requests: list[tuple[str, dict[str, str], int]] = []
        self.connections = 0
        self.url = ""

    @property
    def numbers(self) -> list[int]:
        return [number for _, _, number in self.requests]


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    found = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            super().setup()
            found.connections += 1

        def do_POST(self) -> None:
            number = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["n"]
            found.requests.append((self.path, dict(self.headers.items()), number))
            status = (found.statuses.get(number) or [200]).pop(0)
            if status == 0:
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    found.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield found
    server.shutdown()
    server.server_close()
    thread.join()


def test_message_is_posted_with_its_id_and_queue(endpoint: Endpoint) -> None:
    HttpSink(endpoint.url + "/in?x=1", headers={"Authorization": "Bearer t"}).deliver([message(4711, "möwe\r\n")])

    [(path, headers, number)] = endpoint.requests
    assert (path, number) == ("/in?x=1", 4711)
    assert headers["Org-Common-Id"] == "4711"
    assert headers["Org-Common-Queue"] == "m%C3%B6we%0D%0A"
    assert headers["Content-Type"] == "application/json"
    assert headers["Authorization"] == "Bearer t"


def test_trace_of_the_sender_is_a_header(endpoint: Endpoint) -> None:
    traceparent = f"00-{'a' * 32}-{'b' * 16}-01"
    HttpSink(endpoint.url).deliver([replace(message(1), traceparent=traceparent), message(2)])

    assert [headers.get("traceparent") for _, headers, _ in endpoint.requests] == [traceparent, None]


def test_sign_adds_headers_for_each_message(endpoint: Endpoint) -> None:
    sink = HttpSink(endpoint.url, sign=lambda number, body: {"Webhook-Signature": f"{number} {body.decode()}"})

    sink.deliver([message(1), message(2)])

    signatures = [headers["Webhook-Signature"] for _, headers, _ in endpoint.requests]
    assert signatures == ['1 {"n":1}', '2 {"n":2}']


def test_message_that_cannot_be_signed_is_not_sent(endpoint: Endpoint) -> None:
    def sign(id: int, body: bytes) -> dict[str, str]:
        if id == 2:
            raise LookupError("no key")
        return {}

    error = delivered(HttpSink(endpoint.url, sign=sign), [message(1), message(2)])

    assert endpoint.numbers == [1]
    assert error.accepted == {1}
    assert "LookupError: no key" in str(error.down["mail"])


def test_messages_go_in_order_over_one_connection(endpoint: Endpoint) -> None:
    HttpSink(endpoint.url).deliver([message(number) for number in range(20)])

    assert endpoint.numbers == list(range(20))
    assert endpoint.connections == 1


@pytest.mark.parametrize("status", [400, 410, 413, 415, 422])
def test_message_that_the_endpoint_rejects_is_refused_and_ends_its_key(endpoint: Endpoint, status: int) -> None:
    endpoint.statuses = {2: [status]}
    keys = {1: "a", 2: "a", 3: "a", 4: "b", 5: None}

    error = delivered(HttpSink(endpoint.url), [Message(id, "mail", key, {"n": id}) for id, key in keys.items()])

    assert error.accepted == {1, 4, 5}
    assert isinstance(error.refused[2], MessageRefused)
    assert str(status) in str(error.refused[2])
    assert endpoint.numbers == [1, 2, 4, 5]


@pytest.mark.parametrize("status", [301, 401, 403, 404, 408, 425, 429, 500, 502, 503])
def test_any_other_status_stops_the_queue_until_the_next_run(endpoint: Endpoint, status: int) -> None:
    endpoint.statuses = {2: [status]}

    error = delivered(HttpSink(endpoint.url), [message(1), message(2), message(3), message(4, "sms")])

    assert error.accepted == {1, 4}
    assert error.refused == {}
    assert str(status) in str(error.down["mail"])
    assert endpoint.numbers == [1, 2, 4]


def test_closed_connection_is_opened_again_once(endpoint: Endpoint) -> None:
    endpoint.statuses = {2: [0]}

    HttpSink(endpoint.url).deliver([message(1), message(2), message(3)])

    assert endpoint.numbers == [1, 2, 2, 3]


def test_connection_that_is_closed_again_is_an_outage(endpoint: Endpoint) -> None:
    endpoint.statuses = {2: [0, 0]}

    error = delivered(HttpSink(endpoint.url), [message(1), message(2), message(3)])

    assert error.accepted == {1}
    assert "closed connection" in str(error.down["mail"])


def test_endpoint_that_is_out_of_reach_is_an_outage() -> None:
    error = delivered(HttpSink("http://127.0.0.1:1"), [message(1), message(2)])

    assert isinstance(error.down["mail"], ConnectionRefusedError)


@pytest.mark.parametrize("url", ["", "hooks.example.com", "ftp://example.com", "https://", "/outbox"])
def test_url_that_is_not_http_is_a_value_error(url: str) -> None:
    with pytest.raises(ValueError, match="not a valid URL of an endpoint"):
        HttpSink(url)
