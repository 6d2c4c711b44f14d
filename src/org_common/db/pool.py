"""Connections for more than one request at a time: the local server and Fargate. The only home of psycopg_pool."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from psycopg_pool import ConnectionPool, PoolTimeout

from org_common.db.connection import Connection, conninfo
from org_common.errors import Unavailable
from org_common.settings import Settings

# Longer than this nobody waits for a connection: API Gateway gives up after 29 s, a caller long before.
WAIT_S = 3.0


class Pooled:
    """Up to `size` connections, opened when they are needed."""

    def __init__(self, settings: Settings, *, size: int = 10) -> None:
        self._pool = ConnectionPool(
            conninfo(settings),
            min_size=0,
            max_size=size,
            kwargs={"autocommit": True, "prepare_threshold": None},
            # By default the pool tries again ever more rarely, and is found asleep when the database is back:
            # 13.4 s later instead of 0.01 (measured).
            reconnect_timeout=1,
            open=False,
        )

    @contextmanager
    def lease(self, until_s: float) -> Iterator[Connection]:
        self._pool.open()
        wait_s = max(min(until_s - time.monotonic(), WAIT_S), 0.001)
        try:
            raw = self._pool.getconn(timeout=wait_s)
            while not Connection(raw).is_alive():
                raw.close()
                self._pool.putconn(raw)
                raw = self._pool.getconn(timeout=wait_s)
        except PoolTimeout as error:
            raise Unavailable from error
        connection = Connection(raw)
        try:
            yield connection
        finally:
            if not connection.is_idle():
                connection.close()
            self._pool.putconn(raw)

    def close(self) -> None:
        self._pool.close(timeout=1)
