"""The turns in the life of a Lambda environment: what it does before it serves, and when no connection may be open."""

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
        from org_common.lifecycle.startup import before_snapshot

        before_snapshot(database.close)
    if RUNTIME_API in os.environ and threading.current_thread() is threading.main_thread():
        _at_sigterm(database)


def prepare() -> None:
    """Do early what a request would wait for, where init is done before there is one. At import; opens nothing.

    After a restore `random` begins anew: environments of one snapshot that pause for the same "random" time come back
    all at once.
    """
    kind = os.environ.get(INITIALIZATION_TYPE)
    if kind in ("snap-start", "provisioned-concurrency"):
        __import__("tenacity")  # what a first retry would load
    if kind == "snap-start":
        from org_common.lifecycle.startup import reseed_after_restore

        reseed_after_restore()


def _at_sigterm(database: Closable) -> None:
    before = signal.getsignal(signal.SIGTERM)

    def close(number: int, frame: object) -> None:
        database.close()
        if callable(before):
            before(number, frame)  # type: ignore[arg-type]  # a handler takes what a handler gets
        else:
            raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, close)
