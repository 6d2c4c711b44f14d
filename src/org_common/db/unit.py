"""Units: what happens between the first byte of a prelude and the end of its transaction."""

from __future__ import annotations

import logging
import time
from contextlib import ExitStack
from typing import LiteralString

from psycopg.pq.abc import PGresult

from org_common.db.connections import guard
from org_common.db.connections.connection import Connection, Source
from org_common.db.connections.retry import Action, Phase, Signal, action, signal
from org_common.db.idempotency import REPLAY, Replay
from org_common.db.protocol.errors import ConnectionLost, RolledBack, StatementFailed, UnitMoved, answer
from org_common.db.protocol.statement import Wire, prepare_own
from org_common.db.session_setup import SessionSetup
from org_common.values.errors import CommitUnknown, GatewayTimeout, OrgError, Unavailable

logger = logging.getLogger(__name__)

BEGIN: LiteralString = "begin"
_COMMIT = prepare_own("commit").bind(None)
_ROLLBACK = prepare_own("rollback").bind(None)
# Rides behind each write, so that the fate of a COMMIT can be asked for: null until something was written.
_XID = prepare_own("select pg_current_xact_id_if_assigned()::text, (pg_stat_get_wal()).stats_reset::text").bind(None)
_STATUS = prepare_own("select pg_xact_status(%(xid)s::xid8), (pg_stat_get_wal()).stats_reset::text")
_ASK_AGAIN_S = 0.05
_DENIED = "42501"
# The server's function that raises what PL/pgSQL says.
_RAISE = "exec_stmt_raise"


class TransactionAborted(Exception):
    """A statement of the transaction failed and the error was swallowed: nothing is left that could be committed."""


def read(source: Source, prelude: SessionSetup, statement: Wire | None) -> PGresult:
    """Run one statement in a READ ONLY transaction, in one round trip; without a statement, check the rule alone.

    Sent once more where the table of retries says so: the server guarantees that nothing was changed.
    """
    try:
        return _read(source, prelude, statement)
    except (ConnectionLost, StatementFailed) as error:
        if action(_signal(error), Phase.READ) is not Action.RESEND:
            raise _answer(error, read_only=True) from error
        logger.info("read again: %s", error)
    source.counters.resent += 1
    try:
        return _read(source, prelude, statement)
    except (ConnectionLost, StatementFailed) as error:
        raise _answer(error, read_only=True) from error


def _read(source: Source, prelude: SessionSetup, statement: Wire | None) -> PGresult:
    statements = prelude.opening(read_only=True)
    if statement is not None:
        statements.append(statement)
    guard_pending = not source.guard.passed
    if guard_pending:
        statements.insert(0, guard.STATEMENT)
    with source.lease(prelude.deadline_s) as connection:
        results = connection.exchange(statements, prelude.deadline_s)
    if guard_pending:
        source.guard.judge(results[0])
    return results[-1]


class Write:
    """One read-write transaction. BEGIN and the prelude ride with the first statement, the re-check with COMMIT.

    n statements cost n + 1 round trips. It holds its connection from the first statement to `commit` or `rollback`;
    whoever made it calls one of the two.
    """

    __slots__ = (
        "_authorized",
        "_begin",
        "_claims",
        "_connection",
        "_failed",
        "_lease",
        "_prelude",
        "_riders",
        "_server",
        "_source",
        "_xid",
    )

    def __init__(self, source: Source, prelude: SessionSetup, begin: LiteralString = BEGIN) -> None:
        self._source = source
        self._prelude = prelude
        self._begin = prepare_own(begin).bind(None)
        self._lease = ExitStack()
        self._connection: Connection | None = None
        self._claims = prelude.claims
        self._failed = False
        self._authorized = False
        self._xid: bytes | None = None
        self._server: bytes | None = None
        self._riders: list[Wire] = []

    @property
    def carries(self) -> bool:
        """Something rides that was not sent yet."""
        return bool(self._riders)

    @property
    def has_failed(self) -> bool:
        """It cannot be committed, unless a savepoint undoes what went wrong."""
        return self._failed

    @property
    def is_authorized(self) -> bool:
        """Its opening went well, the rule with it; no savepoint undoes that."""
        return self._authorized

    def fail(self) -> None:
        """Nothing of this transaction may be kept."""
        self._failed = True

    def ride(self, statement: Wire) -> None:
        """Send this with the next statement, or with COMMIT, whichever comes first: no round trip of its own."""
        self._riders.append(statement)

    def send(self, statements: list[Wire]) -> list[PGresult]:
        """Run statements in one round trip and answer the results of each."""
        if self._failed:
            raise OrgError from TransactionAborted("an earlier statement of this transaction failed")
        # Until all of it has succeeded: whoever swallows what is raised here, even that there was no time, does not get
        # to commit the statements before it.
        self._failed = True
        connection, opening = self._opening()
        riders, self._riders = self._riders, []
        try:
            results = connection.exchange([*opening, *riders, *statements, _XID], self._prelude.deadline_s)
        except (ConnectionLost, StatementFailed) as error:
            if isinstance(error, StatementFailed):
                if len(error.done) >= len(opening):
                    # Opened, for whoever goes back to a savepoint.
                    self._opened(opening, error.done)
                if error.sqlstate == REPLAY:
                    raise Replay from None
            if action(_signal(error), Phase.WRITE) is Action.DROP:
                connection.close()
            raise _answer(error, read_only=False) from error
        self._opened(opening, results)
        self._failed = False
        self._know(results[-1])
        return results[len(opening) + len(riders) : -1]

    def savepoint(self, name: LiteralString) -> None:
        """Rides with what is sent next."""
        self.ride(prepare_own("savepoint " + name).bind(None))

    def release(self, name: LiteralString) -> None:
        """What was done since the savepoint stays. Rides with what is sent next."""
        self.ride(prepare_own("release savepoint " + name).bind(None))

    def rollback_to(self, name: LiteralString) -> None:
        """Undo what was done since the savepoint, a failure too: one round trip, or none when nothing was sent.

        Raises nothing: where there is nothing to go back to, the transaction stays failed.
        """
        savepoint = prepare_own("savepoint " + name).bind(None)
        if savepoint in self._riders:
            # The last of them: blocks that follow each other have the same name.
            del self._riders[len(self._riders) - 1 - self._riders[::-1].index(savepoint) :]
            return
        connection = self._connection
        # What was refused at the opening, the login too, no savepoint heals.
        if connection is None or connection.is_idle() or not self._authorized:
            return
        back = [prepare_own(verb + name).bind(None) for verb in ("rollback to savepoint ", "release savepoint ")]
        try:
            # What stands before the savepoint may have been written in the round trip that failed.
            results = connection.exchange([*back, _XID], self._prelude.deadline_s)
        except (ConnectionLost, StatementFailed, OrgError) as error:
            self._failed = True
            logger.info("no way back to the savepoint: %s", error)
            return
        self._know(results[-1])
        self._riders = []
        self._failed = False

    def commit(self, *riders: Wire) -> None:
        """End it for good; `riders` go in front of COMMIT, in its round trip.

        Raises when a statement had failed, and when role or claims have moved; then nothing is kept.
        """
        if self._failed:
            self.rollback()
            raise OrgError from TransactionAborted("a statement failed, and its error was swallowed")
        if self._connection is None and not (riders or self._riders):
            return
        if self._connection is None:
            self.send([])
        connection = self._connection
        assert connection is not None
        # `GatewayTimeout`, while it is certain that nothing is kept.
        self._prelude.server_timeout_ms()
        last = [*self._riders, *riders]
        self._riders = []
        try:
            connection.exchange([*last, self._prelude.recheck(self._claims), _COMMIT], self._prelude.deadline_s)
        except StatementFailed as failed:
            self.rollback()
            if action(_signal(failed), Phase.COMMIT) is Action.DROP:
                connection.close()
            if len(failed.done) == len(last):
                # The re-check itself: moved, or without the rights to ask.
                raise OrgError from UnitMoved(str(failed))
            raise _answer(failed, read_only=False) from failed
        except (ConnectionLost, GatewayTimeout) as lost:
            self._end()
            if self._xid is None and not last:
                # Nothing was written, so there is nothing that could be lost.
                return
            self._settle(lost)
        finally:
            self._end()

    def rollback(self) -> None:
        """End it without a trace. Raises nothing: a connection that cannot even roll back is closed, which does."""
        connection = self._connection
        if connection is not None and not connection.is_idle():
            try:
                connection.exchange([_ROLLBACK], self._prelude.deadline_s)
            except (ConnectionLost, StatementFailed, OrgError) as error:
                logger.info("rolled back by closing the connection: %s", error)
        self._end()

    def _opening(self) -> tuple[Connection, list[Wire]]:
        prelude = self._prelude
        if self._connection is not None:
            return self._connection, [prelude.timeout()]
        opening = prelude.opening(read_only=False)
        connection = self._connection = self._lease.enter_context(self._source.lease(prelude.deadline_s))
        look = [] if self._source.guard.passed else [guard.STATEMENT]
        return connection, [self._begin, *look, *opening]

    def _opened(self, opening: list[Wire], results: list[PGresult]) -> None:
        if opening[0] is not self._begin:
            return
        if opening[1] is guard.STATEMENT:
            self._source.guard.judge(results[1])
        at = self._prelude.identified(opening)
        if at is not None:
            self._claims = results[at].get_value(0, 0) or b""
        self._authorized = True

    def _know(self, answer: PGresult) -> None:
        """The number of this transaction, and since when its server has not crashed."""
        self._xid, self._server = answer.get_value(0, 0), answer.get_value(0, 1)

    def _settle(self, lost: Exception) -> None:
        """COMMIT was sent, and no answer came: what became of it? Answers when it was committed, raises when not."""
        counters = self._source.counters
        if self._xid is not None:
            state = _status(self._source, self._xid, self._server, self._prelude.deadline_s)
            if state == b"committed":
                counters.settled += 1
                return
            if state == b"aborted":
                counters.settled += 1
                raise RolledBack from lost
        counters.unknown_commits += 1
        raise CommitUnknown from lost

    def _end(self) -> None:
        self._connection = None
        # The lease drops a connection that is not idle.
        self._lease.close()


def _status(source: Source, xid: bytes, server: bytes | None, deadline_s: float) -> bytes | None:
    """Committed, aborted, or None for what cannot be known: a failover that lost writes has lost this answer too.

    So has a crash: what was not on disk is gone, and its number may have been given to another transaction since (15 of
    16,685 acknowledgements over 40 restarts were such). Statistics begin anew after a crash, so their age tells.
    """
    wire = _STATUS.bind({"xid": xid.decode()})
    while time.monotonic() + _ASK_AGAIN_S < deadline_s:
        try:
            with source.lease(deadline_s) as connection:
                answer = connection.exchange([wire], deadline_s)[0]
        except (ConnectionLost, Unavailable):
            time.sleep(_ASK_AGAIN_S)
            continue
        except (StatementFailed, OrgError):
            return None
        if answer.get_value(0, 1) != server:
            return None
        state = answer.get_value(0, 0)
        if state != b"in progress":
            return state
        time.sleep(_ASK_AGAIN_S)
    return None


def _signal(error: ConnectionLost | StatementFailed) -> Signal | None:
    if isinstance(error, ConnectionLost):
        return Signal.LOST
    if error.is_stale_plan:
        return Signal.STALE_PLAN
    return signal(error.sqlstate)


def _answer(error: ConnectionLost | StatementFailed, *, read_only: bool) -> OrgError:
    if not read_only and action(_signal(error), Phase.WRITE) is Action.RERUN:
        return RolledBack()
    if isinstance(error, StatementFailed) and error.sqlstate == _DENIED:
        # A missing grant looks to the caller like any other refusal. A function's own words may hold values.
        logger.warning("%s", error if error.routine != _RAISE else "a function has refused (SQLSTATE 42501)")
    return Unavailable() if isinstance(error, ConnectionLost) else answer(error, read_only=read_only)
