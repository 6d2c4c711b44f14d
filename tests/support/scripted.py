"""A peer that speaks PostgreSQL's protocol from a script: what no real server says on request."""

import socket
import struct
from collections.abc import Sequence
from contextlib import suppress
from threading import Event, Thread
from typing import Self


def message(kind: bytes, body: bytes = b"") -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body


def error(sqlstate: str, text: str, *, severity: str = "ERROR", localized: str | None = None) -> bytes:
    """An ErrorResponse. `localized`: the severity in the server's language; None: no other is sent, as by PgBouncer."""
    return _report(b"E", sqlstate, text, severity, localized)


def notice(sqlstate: str, text: str, *, severity: str) -> bytes:
    """A NoticeResponse."""
    return _report(b"N", sqlstate, text, severity, None)


def _report(kind: bytes, sqlstate: str, text: str, severity: str, localized: str | None) -> bytes:
    fields = [f"S{localized or severity}", f"C{sqlstate}", f"M{text}"]
    if localized is not None:
        fields.insert(1, f"V{severity}")
    return message(kind, b"".join(field.encode() + b"\0" for field in fields) + b"\0")


READY = message(b"Z", b"I")
# Parse, Bind and Describe are done; the statement returned nothing.
DONE = message(b"1") + message(b"2") + message(b"n") + message(b"C", b"SELECT 0\0")
WELCOME = message(b"R", struct.pack("!I", 0)) + READY


class Scripted:
    """Accepts one connection on 127.0.0.1:`port` and sends `pieces` when the first bytes of a request arrive.

    Then it closes the connection, unless `stays`; with `deaf` it reads nothing more. Ended by `with`.
    """

    def __init__(self, pieces: Sequence[bytes], *, stays: bool = False, deaf: bool = False) -> None:
        self._pieces = pieces
        self._stays = stays
        self._deaf = Event() if deaf else None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = Thread(target=self._serve, name="scripted", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # A thread that waits in accept() is not woken by close().
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.end()
        self._thread.join()

    def end(self) -> None:
        """Let a `deaf` peer close the connection."""
        if self._deaf is not None:
            self._deaf.set()

    def _serve(self) -> None:
        with suppress(OSError), self._listener.accept()[0] as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client.recv(65536)
            client.sendall(WELCOME)
            client.recv(65536)
            for piece in self._pieces:
                client.sendall(piece)
            if self._deaf is not None:
                self._deaf.wait()
            if self._stays:
                while client.recv(65536):
                    pass
