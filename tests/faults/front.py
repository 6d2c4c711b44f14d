"""A door in front of a server that decides for each new connection: pass it on, refuse it in words, or say nothing."""

import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Thread
from typing import Self

from tests.support.proxy import relocated

SSL_REQUEST = 80877103
PASS = None
SILENCE = b"silence"
HANG_UP_LATE = b"late"
LATE_S = 1.4

# What becomes of the n-th connection, from 1: PASS, SILENCE, HANG_UP_LATE, or the bytes to answer with at once.
Plan = Callable[[int], bytes | None]


class Front:
    """A TCP server on 127.0.0.1:`port` in front of `upstream`; ended by `with`."""

    def __init__(self, upstream: int, plan: Plan) -> None:
        self.connections = 0
        self._upstream = upstream
        self._plan = plan
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self._thread = Thread(target=self._accept, name="front", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # A thread that waits in accept() or recv() is not woken by close().
        for each in (self._listener, *self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        self._thread.join()

    def url(self, url: str) -> str:
        return relocated(url, self.port)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(client)
            self.connections += 1
            Thread(target=self._serve, args=(client, self._plan(self.connections)), daemon=True).start()

    def _serve(self, client: socket.socket, said: bytes | None) -> None:
        with suppress(OSError):
            if said is PASS:
                self._pass(client)
            elif said is not SILENCE:
                if said == HANG_UP_LATE:
                    time.sleep(LATE_S)
                else:
                    _startup(client)
                    client.sendall(said)
                client.shutdown(socket.SHUT_RDWR)
                client.close()

    def _pass(self, client: socket.socket) -> None:
        server = socket.create_connection(("127.0.0.1", self._upstream))
        self._open.append(server)
        Thread(target=_pump, args=(server, client), daemon=True).start()
        _pump(client, server)


def refusal(sqlstate: str, message: str, severity: str = "FATAL") -> bytes:
    """PostgreSQL's ErrorResponse; `severity` and `message` may be in the server's language."""
    fields = [f"S{severity}", "VFATAL", f"C{sqlstate}", f"M{message}"]
    body = b"".join(field.encode() + b"\0" for field in fields) + b"\0"
    return b"E" + struct.pack("!I", len(body) + 4) + body


@contextmanager
def mute_address() -> Iterator[int]:
    """A port whose packets vanish: its backlog is full, so that the kernel drops each further SYN."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
            fillers.append(filler)
        try:
            yield listener.getsockname()[1]
        finally:
            for filler in fillers:
                filler.close()


def _startup(client: socket.socket) -> None:
    """Read the start-up packet; TLS is declined."""
    while True:
        size, code = struct.unpack("!II", _exactly(client, 8))
        _exactly(client, size - 8)
        if code != SSL_REQUEST:
            return
        client.sendall(b"N")


def _exactly(peer: socket.socket, size: int) -> bytes:
    read = b""
    while len(read) < size:
        chunk = peer.recv(size - len(read))
        if not chunk:
            raise ConnectionResetError
        read += chunk
    return read


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(65536):
            target.sendall(chunk)
    for each in (source, target):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()
