"""Connections: opened late, never trusted after a pause, dropped on any doubt."""

from __future__ import annotations

import math
import select
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from psycopg.pq import TransactionStatus
from psycopg.pq.abc import PGresult

from org_common.config.settings import Settings, SettingsError
from org_common.db.connections.connect import CONNECT_TIMEOUT_S, CONNECTING_S, ConnectFailed, Raw, conninfo
from org_common.db.connections.guard import Guard
from org_common.db.connections.profile import PROFILES, TRANSACTION_POOLER, Profile
from org_common.db.connections.retry import Action, Phase, action, retry_with_backoff
from org_common.db.protocol.counters import Counters
from org_common.db.protocol.errors import ConnectionLost, StatementFailed
from org_common.db.protocol.exchange_span import ExchangeSpan
from org_common.db.protocol.plans import Plans
from org_common.db.protocol.statement import Wire
from org_common.db.protocol.wire import exchange
from org_common.lifecycle.clock import elapsed_s, now
from org_common.lifecycle.fork import reset_in_child
from org_common.values.errors import OrgError, Unavailable
from org_common.values.secret import Secret

# AWS's NAT and load balancers forget a flow after 350 s, silently: what has been idle for longer is not tried.
MAX_IDLE_S = 300.0


class Url(Protocol):
    """Where the database's URL comes from: asked for before each connection, since passwords rotate."""

    def __call__(self, *, force_refresh: bool = False, deadline_s: float = math.inf) -> str:
        """The URL of the login; with `force_refresh` not from any cache: the server has refused the one before.

        `OrgError` when it cannot be had by `deadline_s`, on the monotonic clock.
        """
        ...


def login_url(settings: Settings) -> Url:
    """The URL of app_login: a secret, one with a token of RDS, or that of the settings, which does not rotate."""
    if settings.database_secret is None and settings.database_auth == "password":
        return fixed(settings.database_url, "ORG_COMMON_DATABASE", "app_login")
    # Loaded only where there is a secret to be fetched.
    from org_common.secrets import login

    return login.url(settings)


def fixed(plain: Secret | None, variable: str, user: str) -> Url:
    """A URL that was given as it is; that it is missing is told when it is asked for."""

    def url(*, force_refresh: bool = False, deadline_s: float = math.inf) -> str:
        if plain is None:
            raise OrgError from SettingsError(
                f"{variable}_URL is not set, and neither is {variable}_SECRET. Example: "
                f"{variable}_SECRET=prod/app/database, or on your own machine "
                f"{variable}_URL=postgresql://{user}:PASSWORD@127.0.0.1:5432/app"
            )
        return plain.reveal()

    return url


def cursor_keys(settings: Settings) -> Sequence[str]:
    """What signs the cursors of pages; those of a secret are fetched when they are looked at."""
    if settings.cursor_keys_secret is None:
        return [key.reveal() for key in settings.cursor_keys]
    from org_common.secrets import login

    return login.cursor_keys(settings.cursor_keys_secret, settings)


class Connection:
    """One connection to the server or pooler, always idle between units.

    `exchange` holds a lock from the first byte to the last: two threads on one connection would tear a statement from
    its prelude.
    """

    __slots__ = ("__weakref__", "_counters", "_lock", "_plans", "_profile", "_raw", "_used_at", "is_inherited")

    def __init__(self, raw: Raw, counters: Counters, profile: Profile = TRANSACTION_POOLER) -> None:
        self._raw = raw
        self._profile = profile
        self._plans = Plans() if profile.prepares else None
        self._counters = counters
        self._lock = threading.Lock()
        self.is_inherited: bool = False
        """True in a child process: the socket belongs to the parent, which continues to use it."""
        reset_in_child(self._inherit)
        self.touch()

    def exchange(self, statements: Sequence[Wire], deadline_s: float) -> list[PGresult]:
        """One round trip: see `wire.exchange`. `StatementError` for a text that the profile has no room for.

        `ConnectionLost` in a child process.
        """
        if self.is_inherited:
            # The socket is the parent's: what a child says on it would become a part of the parent's transaction.
            raise ConnectionLost("opened by the process that this one was forked from")
        self._profile.check(statements)
        with self._lock, ExchangeSpan(statements):
            self._counters.round_trips += 1
            try:
                return exchange(self._raw.pgconn, statements, deadline_s, self._plans)
            except StatementFailed as failed:
                if self._plans is not None and failed.is_stale_plan:
                    self._plans.forget()
                raise

    def is_idle(self) -> bool:
        """No transaction and no answer is outstanding: only then may another unit use this connection."""
        return self._raw.pgconn.transaction_status == TransactionStatus.IDLE

    def touch(self) -> None:
        """It was of use just now."""
        self._used_at = now()

    def doubt(self) -> str | None:
        """Why this connection must not be used again, None when it may. No round trip.

        An idle connection whose socket is readable was closed by the peer, or holds what nobody asked for.
        """
        if self.is_inherited:
            return "forked"
        if self._raw.closed:
            return "dead"
        if elapsed_s(self._used_at, now()) > MAX_IDLE_S:
            return "idle too long"
        poll = select.poll()
        poll.register(self._raw.pgconn.socket, select.POLLIN)
        return "dead" if poll.poll(0) else None

    def close(self) -> None:
        """Close it; in a child process only forget it, since the socket is the parent's as well."""
        if self.is_inherited:
            _forgotten.append(self._raw)
        else:
            self._raw.close()

    def _inherit(self) -> None:
        self.is_inherited = True


# Kept, so that nothing says goodbye to the server in the parent's name when they are collected.
_forgotten: list[Raw] = []


class Source(Protocol):
    """Where units get their connection from."""

    counters: Counters
    guard: Guard

    def lease(self, deadline_s: float) -> AbstractContextManager[Connection]:
        """A connection for the length of a block, idle at both ends; `Unavailable` when there is none to be had."""
        ...

    def close(self) -> None:
        """Close what is open. A later lease opens anew."""
        ...


class Single:
    """The one connection of a Lambda environment, opened at first use in the caller's thread."""

    def __init__(self, settings: Settings, url: Url | None = None) -> None:
        """`url`: where the login's URL comes from, if not from the settings."""
        self.counters: Counters = Counters()
        self.guard: Guard = Guard()
        self._url = url or login_url(settings)
        self._application_name = settings.application_name
        self._profile = PROFILES[settings.database_profile]
        self._connection: Connection | None = None
        self._busy = threading.Lock()
        self._holder: int | None = None
        reset_in_child(self._reset_in_child)

    @contextmanager
    def lease(self, deadline_s: float) -> Iterator[Connection]:
        """Waits for another thread's unit to end, not longer than `deadline_s`."""
        self._take(threading.get_ident(), deadline_s)
        # After a fork within the block the child has another lock.
        busy = self._busy
        try:
            connection = self._usable(deadline_s)
            yield connection
            connection.touch()
        finally:
            if self._connection is not None and not self._connection.is_idle():
                self._drop("in doubt")
            self._holder = None
            busy.release()

    def close(self) -> None:
        self._drop(None)

    def _reset_in_child(self) -> None:
        self._busy, self._holder = threading.Lock(), None

    def _take(self, thread: int, deadline_s: float) -> None:
        if self._holder == thread:
            raise RuntimeError("the one connection is held by a transaction of this thread: end it first, or use it")
        if not self._busy.acquire(blocking=False):
            self.counters.waits += 1
            if not self._busy.acquire(timeout=max(deadline_s - time.monotonic(), 0)):
                raise Unavailable
        self._holder = thread

    def _usable(self, deadline_s: float) -> Connection:
        if self._connection is not None:
            doubt = self._connection.doubt()
            if doubt is None:
                self.counters.reused += 1
                return self._connection
            self._drop(doubt)
        raw = open_connection(self._connect, self._url, self.counters, deadline_s)
        self._connection = Connection(raw, self.counters, self._profile)
        return self._connection

    def _connect(self, url: Secret, deadline_s: float) -> Raw:
        return Raw.connect(conninfo(url.reveal(), self._application_name), deadline_s=deadline_s)

    def _drop(self, reason: str | None) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            if reason is not None:
                self.counters.dropped[reason] += 1
            connection.close()


def open_connection(connect: Callable[[Secret, float], Raw], url: Url, counters: Counters, deadline_s: float) -> Raw:
    """Connect, and again where the table says so; `Unavailable` when it is given up, with the cause for the log.

    The cause comes without its traceback: printed with variables, its frames would show the password.
    """
    current = Secret(url(deadline_s=deadline_s))
    # From here on: what it takes to fetch a secret, from a store that throttles, is not the database's.
    limit_s = min(deadline_s, time.monotonic() + CONNECTING_S)
    refreshed = False

    def attempt() -> Raw:
        nonlocal current, limit_s, refreshed
        try:
            return connect(current, min(limit_s, time.monotonic() + CONNECT_TIMEOUT_S))
        except ConnectFailed as failed:
            if refreshed or action(failed.signal, Phase.CONNECT) is not Action.REFRESH:
                raise
            refusal = failed.with_traceback(None)
        refreshed = True
        before, current = current, Secret(url(force_refresh=True, deadline_s=deadline_s))
        if current == before:
            raise refusal
        counters.refreshed += 1
        limit_s = min(deadline_s, time.monotonic() + CONNECTING_S)
        return attempt()

    try:
        raw = retry_with_backoff(
            attempt, lambda error: isinstance(error, ConnectFailed) and not error.is_final, limit_s
        )
    except ConnectFailed as failed:
        failed.__context__ = None
        raise Unavailable from failed.with_traceback(None)
    counters.opened += 1
    return raw
