"""What a server sends is never waited for past the deadline, however slowly it sends."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

import pytest

from cora_modules.ai.protocols.connection import Connection
from cora_modules.ai.provider import ErrorKind, ProviderError
from org_common import Deadline

HEAD = b"HTTP/1.1 200 OK\r\n"


@contextmanager
def dribbling(first: bytes, then: bytes) -> Iterator[str]:
    """A server that sends `first`, and after that one byte of `then` every 20 ms, over and over."""
    over = Event()

    def run(listener: socket.socket) -> None:
        client, _ = listener.accept()
        with client:
            client.recv(65536)
            client.sendall(first)
            while not over.wait(0.02):
                for byte in then:
                    try:
                        client.sendall(bytes([byte]))
                    except OSError:
                        return
                    if over.wait(0.02):
                        return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=run, args=(listener,))
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        over.set()
        thread.join()


def fetch(url: str, seconds: float = 0.3) -> bytes:
    connection = Connection(url, Deadline.after(seconds), gap_s=5)
    try:
        connection.send("GET", {})
        return connection.read()
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (b"", b""),
        (b"", b"HTTP/1.1 200 OK\r\nA: "),
        (HEAD, b"X-A: b\r\n"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"0"),
        (HEAD + b"Content-Length: 900\r\n\r\n", b"x"),
        (HEAD + b"\r\n", b"x"),
    ],
    ids=["nothing", "status", "headers", "chunks", "length", "body"],
)
def test_slow_server_is_a_timeout(first: bytes, then: bytes) -> None:
    """Each byte comes in time, and all of them never would."""
    with dribbling(first, then) as url, pytest.raises(ProviderError) as caught:
        fetch(url)
    assert caught.value.kind == "timeout"


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (b"", "cut"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "invalid_response"),
        (b"HTTP/1.1 abc OK\r\n\r\n", "invalid_response"),
        (HEAD + b"A" * 70_000, "invalid_response"),
        (HEAD + b"A: b\r\n" * 200 + b"\r\n", "invalid_response"),
        (HEAD + b"Content-Length: 10\r\n\r\nabc", "cut"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab", "cut"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nab", "cut"),
    ],
    ids=["nothing", "ssh", "status", "line", "headers", "length", "chunk", "size"],
)
def test_response_that_is_not_complete_http(response: bytes, kind: ErrorKind) -> None:
    def run(listener: socket.socket) -> None:
        client, _ = listener.accept()
        with client:
            client.recv(65536)
            client.sendall(response)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=run, args=(listener,))
        thread.start()
        with pytest.raises(ProviderError) as caught:
            fetch(f"http://127.0.0.1:{listener.getsockname()[1]}/v1", 5)
        thread.join()
    assert caught.value.kind == kind


def test_tls_to_a_server_without_it_is_unavailable() -> None:
    with dribbling(b"", b"") as url, pytest.raises(ProviderError) as caught:
        fetch(url.replace("http:", "https:"))
    assert caught.value.kind in ("timeout", "unavailable")
