"""Connection pool for concurrent requests: the local server and Fargate. The only module that uses psycopg_pool."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

from org_common.config.settings import Settings
from org_common.db.connections.connect import ConnectFailed, LastWords, conninfo, open_pgconn
from org_common.db.connections.connection import Connection, Url, login_url, open_connection
from org_common.db.connections.guard import Guard
from org_common.db.connections.profile import PROFILES
from org_common.db.protocol.counters import Counters
from org_common.lifecycle.fork import reset_in_child
from org_common.values.errors import OrgError, Unavailable
from org_common.values.secret import Secret

# The longest wait for a connection: API Gateway gives up after 29 s, a caller long before.
WAIT_S = 3.0
# How often a request that waits for a connection to open checks whether opening has failed for good.
NOTICE_S = 0.05


class PooledRaw(psycopg.Connection[Any]):
    """A connection of the pool in pipeline mode, with the `Connection` that transactions use."""

    leased: Connection | None = None
    last_words: LastWords

    @classmethod
    def open(cls, conninfo: str, deadline_s: float) -> PooledRaw:
        """Open a connection. `deadline_s` is a value of `time.monotonic()`. Raises `ConnectFailed`."""
        connection = cls(open_pgconn(conninfo, deadline_s))
        connection._autocommit = True
        connection.last_words = LastWords()
        connection.pgconn.notice_handler = connection.last_words
        return connection


# Referenced for the life of a child process: collecting a pool waits for its lock and its threads, which exist only in
# the parent.
_inherited: list[ConnectionPool[PooledRaw]] = []


class Pooled:
    """Up to `size` connections, opened on demand. Safe to create before a fork: a child opens its own."""

    def __init__(self, settings: Settings, url: Url | None = None, *, size: int = 10, wait_s: float = WAIT_S) -> None:
        """`url` returns the URL of the login, by default that of the settings.

        `wait_s` is the longest wait for a connection.
        """
        self.counters: Counters = Counters()
        self.guard: Guard = Guard()
        self._url = url or login_url(settings)
        self._application_name = settings.application_name
        self._profile = PROFILES[settings.database_profile]
        self._size = size
        self._wait_s = wait_s
        self._lock = threading.Lock()
        self._pool: ConnectionPool[PooledRaw] | None = None
        self._leased = 0
        self._failure: OrgError | None = None
        # When opening a connection last failed for a reason that another attempt does not cure.
        self._failed_for_good_s = 0.0
        reset_in_child(self._reset_in_child)

    @contextmanager
    def lease(self, deadline_s: float) -> Iterator[Connection]:
        """Waits at most 3 s for a connection. Fails at once when none can open, for example with a wrong password."""
        pool = self._open_pool()
        raw, connection = self._take(pool, min(deadline_s, time.monotonic() + self._wait_s))
        self._count(1)
        try:
            yield connection
            connection.touch()
        finally:
            if connection.is_inherited:
                # Pool and connection belong to the parent, which continues to use them.
                connection.close()
            else:
                self._count(-1)
                if not connection.is_idle():
                    self._drop(raw, connection, "in doubt")
                pool.putconn(raw)

    def close(self) -> None:
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.close(timeout=1)

    def _open_pool(self) -> ConnectionPool[PooledRaw]:
        with self._lock:
            if self._pool is None:
                self._pool = self._create_pool()
            return self._pool

    def _reset_in_child(self) -> None:
        if self._pool is not None:
            _inherited.append(self._pool)
        self._lock, self._pool, self._leased = threading.Lock(), None, 0

    def _create_pool(self) -> ConnectionPool[PooledRaw]:
        owner = self

        class Opened(PooledRaw):
            """Opened as the retry table says. Records why opening failed: the pool only reports a timeout."""

            @classmethod
            def connect(cls, conninfo: str = "", **kwargs: Any) -> Any:
                try:
                    # Without the deadline of this request: the next one uses the connection, and a slow secret arrives.
                    raw = open_connection(owner._connect, owner._url, owner.counters, math.inf)
                except OrgError as error:
                    owner._failure = error
                    cause = error.__cause__
                    if not isinstance(error, Unavailable) or (isinstance(cause, ConnectFailed) and cause.is_final):
                        owner._failed_for_good_s = time.monotonic()
                    raise
                owner._failure = None
                return raw

        return ConnectionPool(
            connection_class=Opened,
            min_size=0,
            max_size=self._size,
            # `open_connection` has retried already. A pause of the pool, 1 s and then twice the last, would go on when
            # the database is back: recovery takes 13.4 s instead of 0.01 by default, and up to 1 s with 1 (measured).
            reconnect_timeout=0,
            open=True,
        )

    def _connect(self, url: Secret, deadline_s: float) -> PooledRaw:
        return PooledRaw.open(conninfo(url.reveal(), self._application_name), deadline_s)

    def _take(self, pool: ConnectionPool[PooledRaw], deadline_s: float) -> tuple[PooledRaw, Connection]:
        began_s = time.monotonic()
        while True:
            left_s = max(deadline_s - time.monotonic(), 0.001)
            try:
                # The pool reports only a timeout. While others hold connections, wait in line. Otherwise wait briefly,
                # then check why opening failed.
                raw = pool.getconn(timeout=left_s if self._leased else min(left_s, NOTICE_S))
            except PoolTimeout as error:
                if time.monotonic() < deadline_s and (self._leased or self._failed_for_good_s < began_s):
                    continue
                self.counters.waits += 1
                failure = self._failure
                if failure is not None and not isinstance(failure, Unavailable):
                    # A wrong setting is reported as such, as without a pool.
                    raise failure.with_traceback(None) from failure.__cause__
                raise Unavailable from (failure or error)
            connection = raw.leased
            if connection is None:
                connection = raw.leased = Connection(raw, self.counters, self._profile)
            else:
                self.counters.reused += 1
            doubt = connection.doubt()
            if doubt is None:
                return raw, connection
            self._drop(raw, connection, doubt)
            pool.putconn(raw)

    def _count(self, more: int) -> None:
        with self._lock:
            self._leased += more

    def _drop(self, raw: PooledRaw, connection: Connection, reason: str) -> None:
        self.counters.dropped[reason] += 1
        connection.close()
        # Each refers to the other: otherwise 4 kB per connection wait for a full garbage collection, which is rare in a
        # process with many objects.
        raw.leased = None
