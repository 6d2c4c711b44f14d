"""Hooks of a Lambda environment: what to import at init, and when to close the database."""

from __future__ import annotations

import os
import signal
import threading
from typing import Protocol

from org_common.lifecycle import startup

RUNTIME_API = "AWS_LAMBDA_RUNTIME_API"


class Closable(Protocol):
    """A database, or anything else with connections to close."""

    def close(self) -> None:
        """Close what is open; it opens again when it is used again."""


def register_hooks(database: Closable) -> None:
    """Close the database before a SnapStart snapshot and at SIGTERM. Does nothing outside of Lambda.

    A snapshot is restored many times, and all restores would share its sockets; after a restore the first statement
    opens a new connection. SIGTERM comes 300 ms before the end, and only where an extension is registered: closing then
    is a courtesy to the server, and nothing relies on it.
    """
    if startup.initialization_type() == startup.SNAP_START:
        startup.before_snapshot(database.close)
    if RUNTIME_API in os.environ and threading.current_thread() is threading.main_thread():
        _at_sigterm(database)


def prepare() -> None:
    """Import early what a request would wait for, where Lambda runs init ahead of requests. Opens no connection.

    It also reseeds `random` after a restore: environments of one snapshot that pause for the same "random" time would
    all return at once.
    """
    if startup.is_early():
        __import__("tenacity")  # which the first retry would import
    startup.reseed_after_restore()


def _at_sigterm(database: Closable) -> None:
    previous = signal.getsignal(signal.SIGTERM)

    def close(number: int, frame: object) -> None:
        database.close()
        if callable(previous):
            previous(number, frame)  # type: ignore[arg-type]  # the frame, as this handler received it
        else:
            raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, close)
