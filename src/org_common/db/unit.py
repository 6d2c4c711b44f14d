"""Units: what happens between the first byte of a prelude and the end of its transaction."""

from __future__ import annotations

import logging
from contextlib import ExitStack

from psycopg.pq.abc import PGresult

from org_common.db.connection import Connection, Source
from org_common.db.errors import MOVED, ConnectionLost, StatementFailed, UnitMoved, answer
from org_common.db.prelude import Prelude
from org_common.db.statement import Wire, prepare_own
from org_common.errors import CommitUnknown, GatewayTimeout, OrgError, Unavailable

logger = logging.getLogger(__name__)

_BEGIN = prepare_own("begin").bind(None)
_COMMIT = prepare_own("commit").bind(None)
_ROLLBACK = prepare_own("rollback").bind(None)


class TransactionAborted(Exception):
    """A statement of the transaction failed and the error was swallowed: there is nothing left that could be committed."""


def read(source: Source, prelude: Prelude, statement: Wire | None) -> PGresult:
    """Run one statement in a READ ONLY transaction of its own, in one turn. Without a statement only the rule is asked.

    A connection that is lost is tried once more: the server guarantees that nothing was changed.
    """
    try:
        return _read(source, prelude, statement)
    except ConnectionLost as error:
        logger.info("connection lost, read again: %s", error)
    try:
        return _read(source, prelude, statement)
    except ConnectionLost as error:
        raise Unavailable from error


def _read(source: Source, prelude: Prelude, statement: Wire | None) -> PGresult:
    statements = prelude.opening(read_only=True)
    if statement is not None:
        statements.append(statement)
    with source.lease(prelude.until_s) as connection:
        try:
            return connection.exchange(statements, prelude.until_s)[-1]
        except StatementFailed as failed:
            raise answer(failed, read_only=True) from failed


class Write:
    """One read-write transaction. BEGIN and the prelude ride with the first statement, the re-check with COMMIT.

    n statements cost n + 1 turns. It holds its connection from the first statement to `commit` or `rollback`; whoever
    made it calls one of the two.
    """

    __slots__ = ("_claims", "_connection", "_failed", "_lease", "_prelude", "_source")

    def __init__(self, source: Source, prelude: Prelude) -> None:
        self._source = source
        self._prelude = prelude
        self._lease = ExitStack()
        self._connection: Connection | None = None
        self._claims = prelude.claims
        self._failed = False

    @property
    def is_open(self) -> bool:
        return self._connection is not None

    def send(self, statements: list[Wire]) -> list[PGresult]:
        """Run statements in one turn and answer the results of each."""
        if self._failed:
            raise TransactionAborted("an earlier statement of this transaction failed")
        prelude = self._prelude
        if self._connection is None:
            connection = self._connection = self._lease.enter_context(self._source.lease(prelude.until_s))
            opening = [_BEGIN, *prelude.opening(read_only=False)]
        else:
            connection = self._connection
            opening = [prelude.timeout()]
        self._failed = True
        results = self._exchange(connection, opening + statements)
        self._failed = False
        if prelude.identifies and opening[0] is _BEGIN:
            self._claims = results[2].get_value(0, 0) or b""
        return results[len(opening) :]

    def commit(self) -> None:
        """End it for good. Raises when a statement had failed, and when role or claims have moved; then nothing is kept."""
        if self._failed:
            self.rollback()
            raise OrgError from TransactionAborted("a statement failed, and its error was swallowed")
        connection = self._connection
        if connection is None:
            return
        try:
            connection.exchange([self._prelude.recheck(self._claims), _COMMIT], self._prelude.until_s)
        except StatementFailed as failed:
            self.rollback()
            if failed.sqlstate == MOVED or failed.sqlstate == "42501":
                raise OrgError from UnitMoved(str(failed))
            raise answer(failed, read_only=False) from failed
        except (ConnectionLost, GatewayTimeout) as lost:
            raise CommitUnknown from lost
        finally:
            self._end()

    def rollback(self) -> None:
        """End it without a trace. Raises nothing: a connection that cannot even roll back is closed, which does."""
        connection = self._connection
        if connection is not None and not connection.is_idle():
            try:
                connection.exchange([_ROLLBACK], self._prelude.until_s)
            except (ConnectionLost, StatementFailed, OrgError) as error:
                logger.info("rolled back by closing the connection: %s", error)
        self._end()

    def _exchange(self, connection: Connection, statements: list[Wire]) -> list[PGresult]:
        try:
            return connection.exchange(statements, self._prelude.until_s)
        except StatementFailed as failed:
            raise answer(failed, read_only=False) from failed
        except ConnectionLost as lost:
            # Before COMMIT nothing is kept, so this is no unknown outcome.
            raise Unavailable from lost

    def _end(self) -> None:
        self._connection = None
        # The lease drops a connection that is not idle.
        self._lease.close()
