"""Transactions on the server: a statement in a READ ONLY one, or a read-write one from BEGIN to COMMIT."""

from __future__ import annotations

import logging
import time
from contextlib import ExitStack
from typing import LiteralString

from psycopg.pq.abc import PGresult

from org_common.db.connections import guard
from org_common.db.connections.connection import Connection, Source
from org_common.db.connections.retry import Action, Phase, Signal, action, signal_in_flight
from org_common.db.idempotency import REPLAY, Replay
from org_common.db.protocol.effects import may_notify
from org_common.db.protocol.errors import ConnectionLost, IdentityMoved, RolledBack, StatementFailed, to_org_error
from org_common.db.protocol.statement import Wire, prepare_own
from org_common.db.session_setup import SessionSetup
from org_common.values.errors import CommitUnknown, GatewayTimeout, OrgError, Unavailable

logger: logging.Logger = logging.getLogger(__name__)

BEGIN: LiteralString = "begin"
_COMMIT = prepare_own("commit").bind(None)
_ROLLBACK = prepare_own("rollback").bind(None)
# Sent behind each write, so that the outcome of a COMMIT can be queried: null until something was written.
_XID = prepare_own("select pg_current_xact_id_if_assigned()::text, (pg_stat_get_wal()).stats_reset::text").bind(None)
# NOTIFY gets a transaction id only within COMMIT. Assigned before, the outcome of COMMIT can be queried. A standby, on
# which a failover left the connection, cannot assign one.
_ASSIGNED_XID = prepare_own(
    "select (case when not pg_is_in_recovery() then pg_current_xact_id() end)::text, "
    "(pg_stat_get_wal()).stats_reset::text"
).bind(None)
_STATUS = prepare_own("select pg_xact_status(%(xid)s::xid8), (pg_stat_get_wal()).stats_reset::text")
_STATUS_INTERVAL_S = 0.05


class TransactionAborted(Exception):
    """A statement failed and its error was swallowed: the transaction can only be rolled back."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"{reason}, and its error was swallowed, so the transaction can only be rolled back. Let the error end the "
            "request, or put the statement into `with tx.savepoint():` and catch the error outside of that block"
        )


def run_read_only(source: Source, setup: SessionSetup, statement: Wire | None) -> PGresult:
    """Run one statement in a READ ONLY transaction, in one round trip; without a statement, check the rule alone.

    Retried once where the retry table says so: the server guarantees that nothing was changed.
    """
    try:
        return _read_once(source, setup, statement)
    except (ConnectionLost, StatementFailed) as error:
        if action(signal_in_flight(error), Phase.READ) is not Action.RESEND:
            raise _to_org_error(error, read_only=True) from error
        logger.info("retrying a read: %s", error)
    source.counters.resent += 1
    try:
        return _read_once(source, setup, statement)
    except (ConnectionLost, StatementFailed) as error:
        raise _to_org_error(error, read_only=True) from error


def _read_once(source: Source, setup: SessionSetup, statement: Wire | None) -> PGresult:
    statements = setup.statements(read_only=True)
    if statement is not None:
        statements.append(statement)
    guard_pending = not source.guard.passed
    if guard_pending:
        statements.insert(0, guard.STATEMENT)
    with source.lease(setup.deadline_s) as connection:
        results = connection.exchange(statements, setup.deadline_s)
    if guard_pending:
        source.guard.judge(results[0])
    return results[-1]


class WriteTransaction:
    """One read-write transaction. BEGIN and session setup are sent with the first statement, a re-check with COMMIT.

    n statements take n + 1 round trips. It holds its connection from the first statement to `commit` or `rollback`;
    its owner calls one of the two.
    """

    __slots__ = (
        "_authorized",
        "_begin",
        "_claims",
        "_connection",
        "_failed",
        "_lease",
        "_queued",
        "_reason",
        "_server",
        "_setup",
        "_source",
        "_xid",
    )

    def __init__(self, source: Source, setup: SessionSetup, begin: LiteralString = BEGIN) -> None:
        self._source = source
        self._setup = setup
        self._begin = prepare_own(begin).bind(None)
        self._lease = ExitStack()
        self._connection: Connection | None = None
        self._claims = setup.claims
        self._failed = False
        # Of the latest failure, without values.
        self._reason = "a statement failed"
        self._authorized = False
        self._xid: bytes | None = None
        self._server: bytes | None = None
        self._queued: list[Wire] = []

    @property
    def has_queued(self) -> bool:
        """Some queued statement has not been sent yet."""
        return bool(self._queued)

    @property
    def has_failed(self) -> bool:
        """It cannot be committed, unless it goes back to a savepoint."""
        return self._failed

    @property
    def has_written(self) -> bool:
        """A statement has written something, or may have notified: the transaction has an id."""
        return self._xid is not None

    @property
    def is_authorized(self) -> bool:
        """The session setup and the access rule have passed. Going back to a savepoint does not undo that."""
        return self._authorized

    @property
    def claims(self) -> bytes:
        """The claims that apply: those of `app.identify()` once the first statement was sent."""
        return self._claims

    def fail(self) -> None:
        """Mark it failed: it can only be rolled back."""
        self._failed = True

    def queue(self, statement: Wire) -> None:
        """Send this with the next statement or with COMMIT, whichever comes first: no extra round trip."""
        self._queued.append(statement)

    def send(self, statements: list[Wire]) -> list[PGresult]:
        """Run statements in one round trip and return the result of each."""
        if self._failed:
            raise OrgError from TransactionAborted(self._reason)
        # Marked failed until it succeeds, so a handler that swallows the error (even a timeout) cannot commit earlier
        # statements.
        self._failed = True
        connection, opening = self._opening()
        queued, self._queued = self._queued, []
        try:
            results = connection.exchange(
                [*opening, *queued, *statements, self._xid_statement(statements)], self._setup.deadline_s
            )
        except (ConnectionLost, StatementFailed) as error:
            if isinstance(error, StatementFailed):
                self._reason = _reason(error)
                if len(error.done) >= len(opening):
                    # The session setup has passed, so a savepoint may be restored.
                    self._mark_opened(opening, error.done)
                if error.sqlstate == REPLAY:
                    raise Replay from None
            if action(signal_in_flight(error), Phase.WRITE) is Action.DROP:
                connection.close()
            raise _to_org_error(error, read_only=False) from error
        self._mark_opened(opening, results)
        self._failed = False
        self._remember(results[-1])
        return results[len(opening) + len(queued) : -1]

    def savepoint(self, name: LiteralString) -> None:
        """Set a savepoint. Sent with the next statement."""
        self.queue(prepare_own("savepoint " + name).bind(None))

    def release(self, name: LiteralString) -> None:
        """Keep what was done since the savepoint. Sent with the next statement."""
        self.queue(prepare_own("release savepoint " + name).bind(None))

    def rollback_to(self, name: LiteralString) -> None:
        """Roll back to the savepoint, which clears a failure: one round trip, or none when nothing was sent since.

        Raises nothing: without a savepoint on the server the transaction stays failed.
        """
        savepoint = prepare_own("savepoint " + name).bind(None)
        if savepoint in self._queued:
            # The last one: consecutive blocks use the same name.
            del self._queued[len(self._queued) - 1 - self._queued[::-1].index(savepoint) :]
            return
        connection = self._connection
        # A savepoint cannot undo a refusal that happened while the transaction was being opened.
        if connection is None or connection.is_idle() or not self._authorized:
            return
        back = [prepare_own(verb + name).bind(None) for verb in ("rollback to savepoint ", "release savepoint ")]
        try:
            # Statements before the savepoint may have written something in the round trip that failed.
            results = connection.exchange([*back, _XID], self._setup.deadline_s)
        except (ConnectionLost, StatementFailed, OrgError) as error:
            self._failed = True
            logger.info("cannot roll back to the savepoint: %s", error)
            return
        self._remember(results[-1])
        self._queued = []
        self._failed = False

    def commit(self, *queued: Wire) -> None:
        """Commit; `queued` statements are sent in front of COMMIT, in its round trip.

        Raises, and rolls back, when a statement failed earlier and when role or claims have changed.
        """
        if self._failed:
            self.rollback()
            raise OrgError from TransactionAborted(self._reason)
        if self._connection is None and not (queued or self._queued):
            return
        if self._connection is None:
            self.send([])
        connection = self._connection
        assert connection is not None
        # Raises `GatewayTimeout` while it is certain that nothing was committed.
        self._setup.server_timeout_ms()
        last = [*self._queued, *queued]
        self._queued = []
        try:
            connection.exchange([*last, self._setup.recheck(self._claims), _COMMIT], self._setup.deadline_s)
        except StatementFailed as failed:
            self.rollback()
            if action(signal_in_flight(failed), Phase.COMMIT) is Action.DROP:
                connection.close()
            if len(failed.done) == len(last):
                # The re-check itself failed: role or claims have changed, or the new role may not call it.
                raise OrgError from IdentityMoved(str(failed))
            raise _to_org_error(failed, read_only=False) from failed
        except (ConnectionLost, GatewayTimeout) as lost:
            self._release()
            if self._xid is None and not last:
                # Nothing was written, so nothing can be lost.
                return
            self._settle(lost)
        finally:
            self._release()

    def rollback(self) -> None:
        """Roll back. Raises nothing: a connection that cannot roll back is closed, which has the same effect."""
        connection = self._connection
        if connection is not None and not connection.is_idle():
            try:
                connection.exchange([_ROLLBACK], self._setup.deadline_s)
            except (ConnectionLost, StatementFailed, OrgError) as error:
                logger.info("rolled back by closing the connection: %s", error)
        self._release()

    def _opening(self) -> tuple[Connection, list[Wire]]:
        setup = self._setup
        if self._connection is not None:
            return self._connection, [setup.timeout()]
        opening = setup.statements(read_only=False)
        connection = self._connection = self._lease.enter_context(self._source.lease(setup.deadline_s))
        look = [] if self._source.guard.passed else [guard.STATEMENT]
        return connection, [self._begin, *look, *opening]

    def _mark_opened(self, opening: list[Wire], results: list[PGresult]) -> None:
        if opening[0] is not self._begin:
            return
        if opening[1] is guard.STATEMENT:
            self._source.guard.judge(results[1])
        at = self._setup.identify_index(opening)
        if at is not None:
            self._claims = results[at].get_value(0, 0) or b""
        self._authorized = True

    def _xid_statement(self, statements: list[Wire]) -> Wire:
        if self._xid is not None:
            return _XID
        has_search_path = self._setup.has_search_path
        notifies = any(may_notify(command, has_search_path=has_search_path) for command, _, _, _ in statements)
        return _ASSIGNED_XID if notifies else _XID

    def _remember(self, result: PGresult) -> None:
        """Keep the transaction id, and the time since which its server has not crashed."""
        self._xid, self._server = result.get_value(0, 0), result.get_value(0, 1)

    def _settle(self, lost: Exception) -> None:
        """Find out the outcome of a COMMIT that got no response. Returns when it was committed, raises otherwise."""
        counters = self._source.counters
        if self._xid is not None:
            state = _status(self._source, self._xid, self._server, self._setup.deadline_s)
            if state == b"committed":
                logger.info("committed, although the connection was lost: %s", lost)
                counters.settled += 1
                return
            if state == b"aborted":
                counters.settled += 1
                if isinstance(lost, ConnectionLost) and signal_in_flight(lost) is Signal.TIME_LIMIT:
                    raise GatewayTimeout from lost
                raise RolledBack from lost
        counters.unknown_commits += 1
        raise CommitUnknown from lost

    def _release(self) -> None:
        self._connection = None
        # The lease drops a connection that is not idle.
        self._lease.close()


def _status(source: Source, xid: bytes, server: bytes | None, deadline_s: float) -> bytes | None:
    """Committed, aborted, or None when the outcome is unknown: a failover that lost writes has lost the status too.

    So has a crash: what was not on disk is gone, and its id may have been reused by another transaction (15 of 16,685
    acknowledgements over 40 restarts were such). Statistics are reset by a crash, so their age shows it.
    """
    wire = _STATUS.bind({"xid": xid.decode()})
    while time.monotonic() + _STATUS_INTERVAL_S < deadline_s:
        try:
            with source.lease(deadline_s) as connection:
                result = connection.exchange([wire], deadline_s)[0]
        except (ConnectionLost, Unavailable):
            time.sleep(_STATUS_INTERVAL_S)
            continue
        except (StatementFailed, OrgError):
            return None
        if result.get_value(0, 1) != server:
            return None
        state = result.get_value(0, 0)
        if state != b"in progress":
            return state
        time.sleep(_STATUS_INTERVAL_S)
    return None


def _reason(failed: StatementFailed) -> str:
    statement = failed.origin and failed.origin.statement
    constraint = f" ({failed.constraint})" if failed.constraint else ""
    return f"{statement or 'a statement'} failed with SQLSTATE {failed.sqlstate}{constraint}"


def _to_org_error(error: ConnectionLost | StatementFailed, *, read_only: bool) -> OrgError:
    found = action(signal_in_flight(error), Phase.READ if read_only else Phase.WRITE)
    if found is Action.RERUN:
        return RolledBack()
    if found is Action.TIMEOUT:
        return GatewayTimeout()
    return Unavailable() if isinstance(error, ConnectionLost) else to_org_error(error, read_only=read_only)
