"""Connections for more than one request at a time: the local server and Fargate. The only home of psycopg_pool."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from psycopg_pool import ConnectionPool, PoolTimeout

from org_common.config.settings import Settings
from org_common.db.connections.connect import ConnectFailed, Raw, conninfo
from org_common.db.connections.connection import Connection, Url, login_url, open_connection
from org_common.db.connections.guard import Guard
from org_common.db.connections.profile import PROFILES
from org_common.db.protocol.counters import Counters
from org_common.lifecycle.fork import reset_in_child
from org_common.values.errors import OrgError, Unavailable
from org_common.values.secret import Secret

# Longer than this nobody waits for a connection: API Gateway gives up after 29 s, a caller long before.
WAIT_S = 3.0
# How soon a request that waits for a connection to open learns that none will.
NOTICE_S = 0.05


class Kept(Raw):
    """A connection of the pool, with what units know of it."""

    leased: Connection | None = None


# Referenced for the life of a child process: collecting a pool waits for its lock and its threads, which exist in the
# parent alone.
_inherited: list[ConnectionPool[Kept]] = []


class Pooled:
    """Up to `size` connections, opened when they are needed. Safe to make before a fork: a child opens its own."""

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
        self._pool: ConnectionPool[Kept] | None = None
        self._leased = 0
        self._failure: OrgError | None = None
        # When no connection could be opened last, for a reason that no other try mends.
        self._hopeless_s = 0.0
        reset_in_child(self._reset_in_child)

    @contextmanager
    def lease(self, deadline_s: float) -> Iterator[Connection]:
        """Waits for a connection for 3 s at the most, and no longer for one that cannot open (a wrong password)."""
        pool = self._opened()
        raw, connection = self._take(pool, min(deadline_s, time.monotonic() + self._wait_s))
        self._count(1)
        try:
            yield connection
            connection.touch()
        finally:
            if connection.is_inherited:
                # Pool and connection are the parent's, which goes on with them.
                connection.close()
            else:
                self._count(-1)
                if not connection.is_idle():
                    self._give_up(connection, "in doubt")
                pool.putconn(raw)

    def close(self) -> None:
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.close(timeout=1)

    def _opened(self) -> ConnectionPool[Kept]:
        with self._lock:
            if self._pool is None:
                self._pool = self._made()
            return self._pool

    def _reset_in_child(self) -> None:
        if self._pool is not None:
            _inherited.append(self._pool)
        self._lock, self._pool, self._leased = threading.Lock(), None, 0

    def _made(self) -> ConnectionPool[Kept]:
        owner = self

        class Opened(Kept):
            """Opened as the table of retries says; why it failed is kept: the pool only says that it timed out."""

            @classmethod
            def connect(cls, conninfo: str = "", **kwargs: Any) -> Any:
                try:
                    # Not until one's own wait is over: the next one has it, and a slow secret is had at all.
                    raw = open_connection(owner._connect, owner._url, owner.counters, math.inf)
                except OrgError as error:
                    owner._failure = error
                    cause = error.__cause__
                    if not isinstance(error, Unavailable) or (isinstance(cause, ConnectFailed) and cause.is_final):
                        owner._hopeless_s = time.monotonic()
                    raise
                owner._failure = None
                return raw

        return ConnectionPool(
            connection_class=Opened,
            min_size=0,
            max_size=self._size,
            # By default the pool tries again ever more rarely, and is found asleep when the database is back:
            # 13.4 s later instead of 0.01 (measured).
            reconnect_timeout=1,
            open=True,
        )

    def _connect(self, url: Secret, deadline_s: float) -> Raw:
        return Kept.connect(conninfo(url.reveal(), self._application_name), deadline_s=deadline_s)

    def _take(self, pool: ConnectionPool[Kept], deadline_s: float) -> tuple[Kept, Connection]:
        began_s = time.monotonic()
        while True:
            left_s = max(deadline_s - time.monotonic(), 0.001)
            try:
                # The pool tells those who wait nothing but that they have waited. Whoever waits for another to be
                # done does so in his turn; with nobody to wait for, what opening has come to is looked at.
                raw = pool.getconn(timeout=left_s if self._leased else min(left_s, NOTICE_S))
            except PoolTimeout as error:
                if time.monotonic() < deadline_s and (self._leased or self._hopeless_s < began_s):
                    continue
                self.counters.waits += 1
                failure = self._failure
                if failure is not None and not isinstance(failure, Unavailable):
                    # A fault of the set-up is answered as that, here as on a connection of one's own.
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
            self._give_up(connection, doubt)
            pool.putconn(raw)

    def _count(self, more: int) -> None:
        with self._lock:
            self._leased += more

    def _give_up(self, connection: Connection, reason: str) -> None:
        self.counters.dropped[reason] += 1
        connection.close()
