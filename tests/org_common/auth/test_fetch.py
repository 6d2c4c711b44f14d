"""A document comes whole, small and in time from the host that was named, or not at all. Over real connections."""

import socket
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from org_common.auth.fetch import MAX_BYTES, Fetch, FetchError
from tests.org_common.auth.keyserver import (
    Answer,
    chunked,
    client_tls,
    closed_port,
    drip,
    key_server,
    megabytes,
    raw,
    send,
    server_tls,
)

BODY = b'{"keys": []}'
HEAD = b"HTTP/1.1 200 OK\r\n"


def fetched(answer: Answer, *, timeout_s: float = 60) -> bytes:
    with key_server() as server:
        server.answer = answer
        return Fetch(server.url, timeout_s=timeout_s)()


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(send(BODY), id="with its length"),
        pytest.param(raw(HEAD + b"\r\n" + BODY), id="until the end of the connection"),
        pytest.param(chunked(BODY[:5], BODY[5:]), id="in chunks"),
        pytest.param(drip(HEAD + b"\r\n" + BODY, 0), id="a byte at a time"),
    ],
)
def test_document_comes_whole(answer: Answer) -> None:
    assert fetched(answer) == BODY


def test_unresponsive_resolver_is_not_waited_for() -> None:
    answered = threading.Event()
    began_s = time.monotonic()

    with pytest.raises(FetchError, match=r"no response within 0\.2 s"):
        Fetch("https://issuer.example/keys", timeout_s=0.2, resolve=lambda *_, **__: answered.wait(60))()

    assert time.monotonic() - began_s < 30
    answered.set()


def test_unknown_host_is_reported() -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror("the issuer's name")

    with pytest.raises(FetchError, match="the request failed: gaierror"):
        Fetch("https://issuer.invalid/keys", timeout_s=10, resolve=unknown)()


def test_largest_document_is_taken() -> None:
    assert len(fetched(send(b" " * MAX_BYTES))) == MAX_BYTES


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        pytest.param(send(b" " * (MAX_BYTES + 1)), "more than 262144 bytes", id="a byte too many"),
        pytest.param(megabytes(50, announced=True), "more than 262144 bytes", id="50 MB announced"),
        pytest.param(megabytes(50, announced=False), "more than 262144 bytes", id="50 MB, not announced"),
        pytest.param(chunked(*[b" " * 65536] * 8), "more than 262144 bytes", id="too much in chunks"),
        pytest.param(send(BODY, status=301, Location="https://evil.test/"), "responded 301", id="301"),
        pytest.param(send(BODY, status=302, Location="/elsewhere"), "responded 302", id="302"),
        pytest.param(send(BODY, status=307, Location="file:///etc/passwd"), "responded 307", id="307"),
        pytest.param(send(BODY, status=404), "responded 404", id="404"),
        pytest.param(send(BODY, status=500), "responded 500", id="500"),
        pytest.param(send(BODY, status=204), "responded 204", id="204"),
        pytest.param(send(BODY, status=206), "responded 206", id="206"),
        pytest.param(send(BODY, length=len(BODY) + 5), "is incomplete", id="cut off"),
        pytest.param(send(b"", length=5), "is incomplete", id="nothing of what was announced"),
        pytest.param(raw(b""), "the request failed", id="no answer"),
        pytest.param(raw(b"\x15\x03\x01\x00\x02\x02"), "the request failed", id="no HTTP"),
        pytest.param(raw(b"HTTP/1.1 twohundred OK\r\n\r\n"), "the request failed", id="no status"),
        pytest.param(raw(HEAD + b"X: " + b"a" * 70_000 + b"\r\n\r\n"), "the request failed", id="a line of 70 KB"),
        pytest.param(raw(HEAD + b"X: a\r\n" * 200 + b"\r\n"), "the request failed", id="200 headers"),
        pytest.param(raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"), "the request failed", id="no chunk"),
        pytest.param(raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab"), "the request failed", id="half a chunk"),
    ],
)
def test_other_answers_are_faults(answer: Answer, fault: str) -> None:
    with pytest.raises(FetchError, match=fault):
        fetched(answer)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(drip(HEAD + b"\r\n" + b" " * 1000, 0.05), id="body"),
        pytest.param(drip(HEAD + b"X-Padding: " + b"a" * 1000, 0.05), id="headers"),
        pytest.param(lambda handler: time.sleep(1), id="nothing"),
    ],
)
def test_all_of_it_has_one_time_limit(answer: Answer) -> None:
    with pytest.raises(FetchError, match=r"no response within 0\.3 s"):
        fetched(answer, timeout_s=0.3)


def test_redirect_is_not_followed() -> None:
    with key_server() as other, key_server() as server:
        server.answer = send(b"", status=302, Location=other.url)

        with pytest.raises(FetchError):
            Fetch(server.url, timeout_s=60)()

        assert (server.requests, other.requests) == (1, 0)


def test_fault_tells_nothing_of_the_answer() -> None:
    with pytest.raises(FetchError) as caught:
        fetched(raw(b"hunter2\r\n\r\n"))

    assert "hunter2" not in f"{caught.value!r}"
    assert caught.value.__suppress_context__


def test_nobody_there_is_a_fault() -> None:
    with pytest.raises(FetchError, match="the request failed: ConnectionRefusedError"):
        Fetch(f"http://127.0.0.1:{closed_port()}/")()


def test_host_that_takes_no_connection_is_a_fault_in_time() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        # The queue of who waits is full: a further one is not answered at all.
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(address)

        with pytest.raises(FetchError, match=r"no response within 0\.3 s"):
            Fetch(f"http://127.0.0.1:{address[1]}/", timeout_s=0.3)()

        for each in waiting:
            each.close()


def test_unknown_host_is_a_fault() -> None:
    with pytest.raises(FetchError, match="the request failed: gaierror"):
        Fetch("https://no-such-host.invalid/")()


def test_https_is_verified_and_read(tmp_path: Path) -> None:
    with key_server(server_tls(tmp_path)) as server:
        server.answer = send(BODY)

        assert Fetch(server.url, tls=client_tls(), timeout_s=60)() == BODY


def test_certificate_that_nobody_knows_is_a_fault(tmp_path: Path) -> None:
    with key_server(server_tls(tmp_path)) as server:
        with pytest.raises(FetchError, match="the request failed: SSLCertVerificationError"):
            Fetch(server.url, timeout_s=60)()

        assert server.requests == 0


def test_certificate_of_another_name_is_a_fault(tmp_path: Path) -> None:
    with key_server(server_tls(tmp_path)) as server:
        with pytest.raises(FetchError, match="the request failed: SSLCertVerificationError"):
            Fetch(server.url.replace("127.0.0.1", "localhost"), tls=client_tls(), timeout_s=60)()

        assert server.requests == 0


def test_plain_http_behind_an_https_url_is_a_fault() -> None:
    with key_server() as server, pytest.raises(FetchError, match="the request failed: SSLError"):
        Fetch(server.url.replace("http:", "https:"), tls=client_tls(), timeout_s=60)()


def test_proxies_of_the_environment_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{closed_port()}")

    assert fetched(send(BODY)) == BODY


def test_request_names_path_query_and_host() -> None:
    heads: list[str] = []
    with key_server() as server:
        server.answer = lambda handler: heads.append(f"{handler.headers}") or send(BODY)(handler)  # type: ignore[func-returns-value]

        Fetch(server.url + "?p=b2c_1", timeout_s=60)()

        assert server.paths == ["/.well-known/jwks.json?p=b2c_1"]
        assert f"Host: {server.url.split('/')[2]}\n" in heads[0]


def test_connection_is_closed() -> None:
    closed = threading.Event()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        send(BODY)(handler)
        if handler.connection.recv(1) == b"":
            closed.set()

    with key_server() as server:
        server.answer = answer
        Fetch(server.url, timeout_s=60)()

        assert closed.wait(10)
