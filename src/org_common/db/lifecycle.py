"""The turns in the life of a Lambda environment at which a connection must not be open."""

from __future__ import annotations

import os
import signal
import threading
from typing import Protocol

INITIALIZATION_TYPE = "AWS_LAMBDA_INITIALIZATION_TYPE"
RUNTIME_API = "AWS_LAMBDA_RUNTIME_API"


class Closable(Protocol):
    def close(self) -> None: ...


def attend(database: Closable) -> None:
    """Close the database before a SnapStart snapshot and at SIGTERM. Does nothing outside of Lambda.

    A snapshot is restored many times, and its sockets would be the same one in each; after it the first statement opens
    a connection anew. SIGTERM comes 300 ms before the end, and only where an extension is registered: it is a courtesy
    to the server, nothing relies on it.
    """
    if os.environ.get(INITIALIZATION_TYPE) == "snap-start":
        _before_snapshot(database)
    if RUNTIME_API in os.environ and threading.current_thread() is threading.main_thread():
        _at_sigterm(database)


def _before_snapshot(database: Closable) -> None:
    try:
        from snapshot_restore_py import register_before_snapshot  # type: ignore[import-untyped]
    except ImportError:
        # Part of the runtime wherever SnapStart is.
        return
    register_before_snapshot(database.close)


def _at_sigterm(database: Closable) -> None:
    before = signal.getsignal(signal.SIGTERM)

    def close(number: int, frame: object) -> None:
        database.close()
        if callable(before):
            before(number, frame)  # type: ignore[arg-type]  # a handler takes what a handler gets
        else:
            raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, close)
