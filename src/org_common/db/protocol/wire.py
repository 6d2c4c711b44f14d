"""One round trip: statements out, one Sync, results in.

Uses libpq's pipeline mode below psycopg's cursors, for three reasons. An exception between two statements of psycopg's
own pipeline still sends and commits what was queued (measured); here all statements of a round trip are adapted before
the first byte is sent. The wait has its own deadline, so an unresponsive peer cannot delay the response. And it is
faster.
"""

from __future__ import annotations

import select
import time
from collections.abc import Iterator, Sequence

from psycopg.errors import OperationalError
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult

from org_common.db.protocol.errors import ConnectionLost, StatementFailed, failure
from org_common.db.protocol.plans import Key, Plans
from org_common.db.protocol.pooler_plans import PoolerPlans
from org_common.db.protocol.statement import TEXT_FORMAT, Wire
from org_common.values.errors import GatewayTimeout

_GOOD = frozenset({ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK, ExecStatus.EMPTY_QUERY})
# After an error of these severities the server closes the connection.
FATAL = frozenset({"FATAL", "PANIC"})
_ERROR = FATAL | {"ERROR"}


def exchange(
    pgconn: PGconn,
    statements: Sequence[Wire],
    deadline_s: float,
    plans: Plans | None = None,
    pooler: PoolerPlans | None = None,
) -> list[PGresult]:
    """Send the statements with one Sync and read the result of each: one round trip.

    Without a BEGIN among them they are one implicit transaction: the first failure rolls it back.
    Raises the first `StatementFailed`, after which the connection is intact; `ConnectionLost` when the peer is gone or
    said that it goes; `GatewayTimeout` when `deadline_s` (of `time.monotonic()`) passed first. After the last two the
    connection is unusable. With `plans` a statement is prepared in the same round trip, and sent by name from then on.
    With `pooler` the round trip begins with its question.
    """
    if pgconn.transaction_status == TransactionStatus.ACTIVE:
        raise ConnectionLost("a result of an earlier round trip is still pending")
    parses: list[_Parse] = []
    asked = 0
    try:
        asked = pooler.ask(pgconn) if pooler is not None else 0
        _send(pgconn, statements, plans, parses)
        pgconn.pipeline_sync()
        results = _results(pgconn, deadline_s)
    except OperationalError as error:
        raise _lost(pgconn, error) from error
    except StatementFailed as failed:
        if pooler is not None:
            pooler.hear(failed.done[:asked])
            if len(failed.done) < asked:
                # The pooler does not understand the question, so nothing was executed.
                return exchange(pgconn, statements, deadline_s, plans)
        failed.done = _learn(plans, parses, failed.done[asked:])
        if len(failed.done) < len(statements):
            failed.statement = statements[len(failed.done)]
            if failed.origin is not None:
                failed.origin.command = failed.statement[0]
        raise
    if pooler is not None:
        pooler.hear(results[:asked])
    results = _learn(plans, parses, results[asked:])
    if len(results) != len(statements):
        # What is missing would be read as the results of the next transaction.
        raise ConnectionLost(f"{len(results)} results for {len(statements)} statements")
    return results


# The index of a Parse among the results, its statement and its name.
_Parse = tuple[int, Wire, bytes]


def _send(pgconn: PGconn, statements: Sequence[Wire], plans: Plans | None, parses: list[_Parse]) -> None:
    """Queue the statements; append the Parses among them to `parses`."""
    fresh: dict[Key, bytes] = {}
    for at, statement in enumerate(statements):
        command, values, types, formats = statement
        name = plans and (plans.name(statement) or fresh.get((command, types)))
        if plans is not None and name is None:
            name = plans.new(statement)
            if name is not None:
                fresh[(command, types)] = name
                pgconn.send_prepare(name, command, types)
                parses.append((at + len(parses), statement, name))
        if name:
            pgconn.send_query_prepared(name, values, formats, TEXT_FORMAT)
        else:
            pgconn.send_query_params(command, values, types, formats, TEXT_FORMAT)


def _learn(plans: Plans | None, parses: Sequence[_Parse], results: list[PGresult]) -> list[PGresult]:
    """Record what the server has parsed, which stays even if the transaction failed. Returns the other results."""
    if plans is None or not parses:
        return results
    done = {place: (statement, name) for place, statement, name in parses if place < len(results)}
    for statement, name in done.values():
        plans.learned(statement, name)
    return [result for place, result in enumerate(results) if place not in done]


def _results(pgconn: PGconn, deadline_s: float) -> list[PGresult]:
    results: list[PGresult] = []
    # The first error is the statement's. If the connection breaks, the last one says why.
    failed: StatementFailed | None = None
    last: StatementFailed | None = None
    ended = False
    unsent = pgconn.flush()
    while True:
        try:
            if pgconn.is_busy():
                unsent = _receive(pgconn, unsent, deadline_s)
        except OperationalError as broken:
            # A pooler that closes the connection may call its reason an ERROR.
            raise _lost(pgconn, broken, last) from broken
        result = pgconn.get_result()
        if result is None:
            # The end of one statement's results, or the connection is closed.
            if pgconn.status == ConnStatus.BAD or ended:
                raise ConnectionLost("the server closed the connection", last)
            ended = True
            continue
        ended = False
        status = result.status
        if status in _GOOD:
            results.append(result)
        elif status == ExecStatus.PIPELINE_SYNC:
            if failed is not None:
                raise failed
            return results
        elif status == ExecStatus.FATAL_ERROR:
            error = failure(result, results)
            _refuse_end(error, result, last)
            failed, last = failed or error, error
        elif status != ExecStatus.PIPELINE_ABORTED:
            raise ConnectionLost(f"unexpected result: {ExecStatus(status).name}")


def _receive(pgconn: PGconn, unsent: int, deadline_s: float) -> int:
    """Wait for the next result. Returns whether a part of the statements is still `unsent`."""
    # A large statement does not fit into the socket's buffer. Results are read while the rest waits, or both sides
    # would wait for each other, and the reason of a peer that reads no further would be lost.
    while pgconn.is_busy():
        events = _wait(pgconn, select.POLLIN | select.POLLOUT if unsent else select.POLLIN, deadline_s)
        if events & ~select.POLLOUT:
            pgconn.consume_input()
        if unsent:
            unsent = pgconn.flush()
    return unsent


def _refuse_end(error: StatementFailed, result: PGresult, last: StatementFailed | None) -> None:
    """Raise `ConnectionLost` for an error after which nothing more can be read from the connection.

    `last` is the server's last error before it.
    """
    if not error.sqlstate:
        # libpq's own, about a message that it does not understand: those behind it cannot be trusted.
        message = " ".join(result.error_message.decode(errors="replace").split())
        raise ConnectionLost(f"{last}; {message}" if last else message, last) from error
    # The end of the connection is seen only by the next read, which would lose the reason.
    if error.severity in FATAL:
        raise ConnectionLost(str(error), error) from error


def _lost(pgconn: PGconn, error: OperationalError, last: StatementFailed | None = None) -> ConnectionLost:
    """The error of a broken connection, with the last error that arrived on it."""
    reason = _last_error(pgconn) or last
    message = " ".join(str(error).split())
    return ConnectionLost(f"{reason}; {message}" if reason else message, reason)


def _last_error(pgconn: PGconn) -> StatementFailed | None:
    """The last error that was received but not read yet. Does not wait."""
    errors: list[StatementFailed] = []
    handler = pgconn.notice_handler

    def notice(result: PGresult) -> None:
        if handler is not None:
            handler(result)
        error = failure(result, [])
        if error.sqlstate and error.severity in _ERROR:
            errors.append(error)

    # A send that fails ends libpq's pipeline mode: it reports all errors but the first result's as notices.
    pgconn.notice_handler = notice
    try:
        errors += _unread_errors(pgconn)
    finally:
        pgconn.notice_handler = handler
    return errors[-1] if errors else None


def _unread_errors(pgconn: PGconn) -> Iterator[StatementFailed]:
    """The errors among the results that were received and not read."""
    ended = False
    while pgconn.status == ConnStatus.BAD:
        # Parses what was received.
        pgconn.is_busy()
        result = pgconn.get_result()
        if result is None and ended:
            return
        ended = result is None
        if result is not None and result.status == ExecStatus.FATAL_ERROR:
            error = failure(result, [])
            if not error.sqlstate:
                # libpq's own: nothing more was received.
                return
            yield error


def _wait(pgconn: PGconn, events: int, deadline_s: float) -> int:
    poll = select.poll()
    poll.register(pgconn.socket, events)
    left_s = deadline_s - time.monotonic()
    ready = poll.poll(max(left_s * 1000, 0))
    if not ready:
        raise GatewayTimeout from TimeoutError("the database did not answer in time")
    return ready[0][1]
