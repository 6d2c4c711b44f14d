"""Connections: opened lazily, checked before each reuse, closed on any doubt."""

from __future__ import annotations

import logging
import math
import select
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Protocol, TypeVar

from psycopg.errors import OperationalError
from psycopg.pq import TransactionStatus
from psycopg.pq.abc import PGresult

from org_common.config.settings import Settings, SettingsError
from org_common.db.connections.connect import (
    CONNECT_TIMEOUT_S,
    CONNECTING_S,
    ConnectFailed,
    LibpqConnection,
    Raw,
    conninfo,
)
from org_common.db.connections.guard import Guard
from org_common.db.connections.profile import PROFILES, TRANSACTION_POOLER, Profile
from org_common.db.connections.retry import Action, Phase, action, retry_with_backoff
from org_common.db.protocol.counters import Counters
from org_common.db.protocol.errors import ConnectionLost, StatementFailed
from org_common.db.protocol.exchange_span import ExchangeSpan
from org_common.db.protocol.plans import Plans
from org_common.db.protocol.pooler_plans import PoolerPlans
from org_common.db.protocol.statement import Wire
from org_common.db.protocol.wire import exchange
from org_common.lifecycle.clock import elapsed_s, now
from org_common.lifecycle.fork import reset_in_child
from org_common.values.errors import OrgError, Unavailable
from org_common.values.secret import Secret

R = TypeVar("R", bound=LibpqConnection)

logger: logging.Logger = logging.getLogger(__name__)

# AWS's NAT gateways and load balancers drop a flow silently after 350 s: a connection idle for longer is not reused.
MAX_IDLE_S = 300.0


class Url(Protocol):
    """Source of the database URL, called before each connection because passwords rotate."""

    def __call__(self, *, force_refresh: bool = False, deadline_s: float = math.inf) -> str:
        """The URL of the login. `force_refresh` bypasses caches, after the server refused the previous URL.

        `deadline_s` is a value of `time.monotonic()`. Raises `OrgError` when the URL is not available by then.
        """
        ...


def login_url(settings: Settings) -> Url:
    """The URL of app_login: from a secret, with an RDS token, or from the settings, which do not rotate."""
    if settings.database_secret is None and settings.database_auth == "password":
        return fixed(settings.database_url, "ORG_COMMON_DATABASE", "app_login")
    # Imported only when there is a secret to fetch.
    from org_common.secrets import login

    return login.url(settings)


def fixed(plain: Secret | None, variable: str, user: str) -> Url:
    """A fixed URL. Calling it raises `OrgError` from `SettingsError` when it is not set."""

    def url(*, force_refresh: bool = False, deadline_s: float = math.inf) -> str:
        if plain is None or not plain.reveal().strip():
            raise OrgError from SettingsError(
                f"{variable}_URL is not set, and neither is {variable}_SECRET. Example: "
                f"{variable}_SECRET=prod/app/database, or on your machine "
                f"{variable}_URL=postgresql://{user}:PASSWORD@127.0.0.1:5432/app"
            )
        return plain.reveal()

    return url


def cursor_keys(settings: Settings) -> Sequence[str]:
    """The keys that sign page cursors. Keys from a secret are fetched at first use."""
    if settings.cursor_keys_secret is None:
        return [key.reveal() for key in settings.cursor_keys]
    from org_common.secrets import login

    return login.cursor_keys(settings.cursor_keys_secret, settings)


class Connection:
    """One connection to the server or pooler, always idle between transactions.

    `exchange` holds a lock from the first byte to the last: otherwise two threads could separate a statement from its
    session setup.
    """

    __slots__ = (
        "__weakref__",
        "_counters",
        "_lock",
        "_plans",
        "_pooler",
        "_profile",
        "_raw",
        "_used_at",
        "is_inherited",
    )

    def __init__(self, raw: LibpqConnection, counters: Counters, profile: Profile = TRANSACTION_POOLER) -> None:
        self._raw = raw
        self._pooler = PoolerPlans() if profile.asks else None
        self._profile = profile
        self._plans = Plans() if profile.prepares else None
        self._counters = counters
        self._lock = threading.Lock()
        self.is_inherited: bool = False
        """True in a child process: the socket belongs to the parent, which continues to use it."""
        reset_in_child(self._inherit)
        self.touch()

    def exchange(self, statements: Sequence[Wire], deadline_s: float) -> list[PGresult]:
        """One round trip: see `wire.exchange`. Raises `StatementError` for SQL that is too long for the profile.

        Raises `ConnectionLost` in a child process.
        """
        if self.is_inherited:
            # The socket is the parent's: what a child sends would become part of the parent's transaction.
            raise ConnectionLost("opened by the process that this one was forked from")
        self._profile.check(statements)
        with self._lock, ExchangeSpan(statements):
            self._counters.round_trips += 1
            pooler = self._pooler
            plans = self._plans if pooler is None else pooler.plans
            try:
                asked = None if pooler is None or pooler.is_asked else pooler
                return exchange(self._raw.pgconn, statements, deadline_s, plans, asked)
            except StatementFailed as failed:
                if plans is not None and failed.is_stale_plan:
                    self._forget(plans, failed)
                raise
            except ConnectionLost as lost:
                words = self._raw.last_words.text
                if words and lost.reason is None:
                    raise ConnectionLost(f"{words}; {lost}") from lost
                raise

    def _forget(self, plans: Plans, failed: StatementFailed) -> None:
        plans.forget()
        if self._pooler is not None:
            # Under a new name the pooler would find the same statement again, by its text.
            self._pooler.lose()
            logger.warning("a prepared statement is outdated or gone, so this connection stops using them: %s", failed)

    def is_idle(self) -> bool:
        """True when no transaction and no result is pending: only then may another transaction use the connection."""
        return self._raw.pgconn.transaction_status == TransactionStatus.IDLE

    def touch(self) -> None:
        """Record that the connection worked just now."""
        self._used_at = now()

    def doubt(self) -> str | None:
        """Why this connection must not be reused, None when it may be. Costs no round trip.

        An idle connection whose socket is readable was closed by the peer, or holds data that no statement asked for.
        """
        if self.is_inherited:
            return "forked"
        if self._raw.closed:
            return "dead"
        if elapsed_s(self._used_at, now()) > MAX_IDLE_S:
            return "idle too long"
        poll = select.poll()
        poll.register(self._raw.pgconn.socket, select.POLLIN)
        if not poll.poll(0):
            return None
        self._log_last_words()
        # What was read is gone from the socket, so a second check would find nothing.
        self.close()
        return "dead"

    def close(self) -> None:
        """Close the connection; in a child process only drop the reference, since the parent still uses the socket."""
        if self.is_inherited:
            _inherited.append(self._raw)
        else:
            self._raw.close()

    def _log_last_words(self) -> None:
        """Log why the peer closed the idle connection. libpq passes its error to the notice handler."""
        with suppress(OperationalError):
            self._raw.pgconn.consume_input()
            self._raw.pgconn.is_busy()
        logger.info("replacing an idle connection: %s", self._raw.last_words.text or "the peer gave no reason")

    def _inherit(self) -> None:
        self.is_inherited = True


# Referenced, so that collecting them does not send a Terminate message on the parent's connection.
_inherited: list[LibpqConnection] = []


class Source(Protocol):
    """Where transactions get their connection from."""

    counters: Counters
    guard: Guard

    def lease(self, deadline_s: float) -> AbstractContextManager[Connection]:
        """A connection for a `with` block, idle at both ends. Raises `Unavailable` when none opens in time."""
        ...

    def close(self) -> None:
        """Close what is open. A later lease opens a new connection."""
        ...


class Single:
    """The single connection of a Lambda environment, opened at first use in the caller's thread."""

    def __init__(self, settings: Settings, url: Url | None = None) -> None:
        """`url` returns the URL of the login, by default that of the settings."""
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
        """Waits until `deadline_s` for the transaction of another thread to end."""
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
            raise RuntimeError(
                "the only connection is held by a transaction of this thread: use that transaction, or end it first"
            )
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
        return Raw.connect(conninfo(url.reveal(), self._application_name), deadline_s)

    def _drop(self, reason: str | None) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            if reason is not None:
                self.counters.dropped[reason] += 1
            connection.close()


def open_connection(connect: Callable[[Secret, float], R], url: Url, counters: Counters, deadline_s: float) -> R:
    """Connect, and retry as the retry table says. Raises `Unavailable` with the cause for the log.

    Raises `OrgError` (500) when the URL is wrong or its database does not exist: a retry does not help.

    The cause has no traceback: printed with local variables, its frames would show the password.
    """
    current = Secret(url(deadline_s=deadline_s))
    # Counted from here: the time to fetch a secret, from a store that may throttle, is not the database's.
    limit_s = min(deadline_s, time.monotonic() + CONNECTING_S)
    refreshed = False

    def attempt() -> R:
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
        is_misconfigured = action(failed.signal, Phase.CONNECT) is Action.MISCONFIGURED
        raise (OrgError if is_misconfigured else Unavailable) from failed.with_traceback(None)
    counters.opened += 1
    return raw
