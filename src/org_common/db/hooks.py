"""Hooks of a Lambda environment: imports at init, and closing the database."""

from __future__ import annotations

import os
import signal
import threading
from typing import Protocol

from org_common.lifecycle import startup

RUNTIME_API = "AWS_LAMBDA_RUNTIME_API"


class Closable(Protocol):
    """A database, or another object with connections to close."""

    def close(self) -> None:
        """Close the open connections; the next use opens new ones."""


def register_hooks(database: Closable) -> None:
    """Close the database before a SnapStart snapshot and at SIGTERM. Does nothing outside of Lambda.

    All restores of a snapshot would share its sockets; the first statement after a restore opens a new connection.
    Lambda sends SIGTERM 300 ms before it kills the process, and only if an extension is registered: closing then is a
    courtesy to the server, and nothing relies on it.
    """
    if startup.initialization_type() == startup.SNAP_START:
        startup.before_snapshot(database.close)
    if RUNTIME_API in os.environ and threading.current_thread() is threading.main_thread():
        _at_sigterm(database)


def prepare() -> None:
    """Import modules that a request would wait for, if Lambda runs init ahead of requests. Opens no connection.

    Also reseeds `random` after a restore: otherwise all environments of one snapshot would back off for the same time
    and retry at once.
    """
    if startup.is_early():
        __import__("tenacity")  # otherwise imported by the first retry
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
