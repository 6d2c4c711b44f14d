"""Connections: opened late, never trusted after a pause, dropped on any doubt."""

from __future__ import annotations

import logging
import select
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import PipelineStatus, TransactionStatus
from psycopg.pq.abc import PGresult

from org_common.db.statement import Wire
from org_common.db.wire import exchange
from org_common.errors import Unavailable
from org_common.settings import Settings

logger = logging.getLogger(__name__)

# All four of the TCP settings: with `tcp_user_timeout` alone a path that dies while we wait for the answer still hangs
# at 20 s, with the keepalives it is an error after 2 s (measured with real packet loss).
_ALWAYS: dict[str, str | int] = {
    "connect_timeout": 2,
    "tcp_user_timeout": 2000,
    "keepalives": 1,
    "keepalives_idle": 1,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "target_session_attrs": "read-write",
    "client_encoding": "UTF8",
    # Asked for by nobody here, and its negotiation costs a turn.
    "gssencmode": "disable",
}
_LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})


class Connection:
    """One connection to the server or pooler, always idle between units.

    `exchange` holds a lock from the first byte to the last: two threads on one connection would tear a statement from
    its prelude.
    """

    __slots__ = ("_lock", "_raw")

    def __init__(self, raw: psycopg.Connection) -> None:
        self._raw = raw
        self._lock = threading.Lock()
        pgconn = raw.pgconn
        if pgconn.pipeline_status == PipelineStatus.OFF:
            pgconn.nonblocking = 1
            pgconn.enter_pipeline_mode()

    def exchange(self, statements: Sequence[Wire], until_s: float) -> list[PGresult]:
        """One turn: see `wire.exchange`."""
        with self._lock:
            return exchange(self._raw.pgconn, statements, until_s)

    def is_idle(self) -> bool:
        """No transaction and no answer is outstanding: only then may another unit use this connection."""
        return self._raw.pgconn.transaction_status == TransactionStatus.IDLE

    def is_alive(self) -> bool:
        """No round trip: an idle connection whose socket is readable was closed by the peer, or holds what nobody asked for."""
        if self._raw.closed:
            return False
        poll = select.poll()
        poll.register(self._raw.pgconn.socket, select.POLLIN)
        return not poll.poll(0)

    def close(self) -> None:
        self._raw.close()


class Source(Protocol):
    """Where units get their connection from."""

    def lease(self, until_s: float) -> AbstractContextManager[Connection]:
        """A connection for the length of a block, idle at both ends; `Unavailable` when there is none to be had."""

    def close(self) -> None: ...


class Single:
    """The one connection of a Lambda environment, opened at first use in the caller's thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._connection: Connection | None = None
        self._busy = threading.Lock()
        self._holder: int | None = None

    @contextmanager
    def lease(self, until_s: float) -> Iterator[Connection]:
        """Waits for another thread's unit to end, not longer than `until_s`."""
        if self._holder == threading.get_ident():
            raise RuntimeError("the one connection is held by a transaction of this thread: end it first, or use it")
        if not self._busy.acquire(timeout=max(until_s - time.monotonic(), 0)):
            raise Unavailable
        self._holder = threading.get_ident()
        try:
            connection = self._connection
            if connection is None or not connection.is_alive():
                self._drop()
                connection = self._connection = Connection(connect(self._settings))
            yield connection
        finally:
            if self._connection is not None and not self._connection.is_idle():
                self._drop()
            self._holder = None
            self._busy.release()

    def close(self) -> None:
        self._drop()

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def connect(settings: Settings) -> psycopg.Connection:
    """Open a connection; `Unavailable` when that fails, with the cause for the log."""
    try:
        return psycopg.connect(conninfo(settings), autocommit=True, prepare_threshold=None)
    except psycopg.OperationalError as error:
        raise Unavailable from error


def conninfo(settings: Settings) -> str:
    """The settings' URL with what is always set; what the URL says itself wins."""
    if settings.database_url is None:
        raise Unavailable from MissingUrl()
    given = conninfo_to_dict(settings.database_url)
    if given.get("host") not in _LOCAL:
        # Anything weaker accepts whoever answers (libpq documentation, section 34.19.1).
        given.setdefault("sslmode", "verify-full")
    return make_conninfo(
        "", **{**_ALWAYS, "application_name": settings.application_name, **given}
    )


class MissingUrl(Exception):
    def __str__(self) -> str:
        return "ORG_COMMON_DATABASE_URL is not set. Example: postgresql://app_login:PASSWORD@db.example.com:6432/app"
