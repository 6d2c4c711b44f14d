"""`Transaction`: reads and writes for one caller, all statements of a request in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, LiteralString
from uuid import UUID

from org_common.db.outbox import outbox_insert
from org_common.db.protocol.effects import changed_rows, may_write
from org_common.db.protocol.statement import Params, StatementError, Text, prepare
from org_common.db.reader import Reader
from org_common.db.scope import WriteScope
from org_common.values.errors import NotFound


class Transaction(Reader):
    """Reads and writes for one caller under one access rule, all or nothing. Injectable: name it in a signature.

    BEGIN, session setup and access rule are sent with the first statement, a re-check of role and claims with COMMIT:
    n statements take n + 1 round trips. READ COMMITTED, unless the route asks for another isolation level.

    The route commits after it has rendered the response, and rolls back on any exception. A handler cannot do either:
    a statement that failed makes the commit fail, also when the handler swallows its error.
    """

    __slots__ = ("_savepoints", "_writes")
    injected = "transaction"

    def __init__(self, scope: WriteScope) -> None:
        super().__init__(scope)
        self._writes = scope
        self._savepoints = 0

    def run(self, sql: Text, params: Params = None, *, rows: int | None) -> int:
        """Run a write that must change `rows` rows; None accepts any number. Returns the number.

        A wrong number raises, and the transaction is rolled back: `NotFound` when one row was expected and none was
        changed (it is not there, or a policy hides it), `StatementError` otherwise. The number is that of an INSERT,
        UPDATE, DELETE or MERGE. A SELECT has none, even if it calls a function that writes: read it with `value()`.
        """
        statement = prepare(sql)
        result = self._scope.send(statement.bind(params))
        transaction = self._writes.transaction
        changed = changed_rows(result)
        if changed is None and not transaction.has_written and (rows == 0 or may_write(statement.command)):
            # A SELECT has no such number, but without a transaction id it has changed nothing.
            changed = 0
        if rows is None or changed == rows:
            return changed or 0
        # A handler that swallows the error cannot commit.
        transaction.fail()
        if changed is None:
            raise StatementError(
                "rows= counts the changes of INSERT, UPDATE, DELETE or MERGE, and this statement ends in another "
                "command, such as SELECT: rolled back. Read what it returns with value(), or pass rows=None"
            )
        if rows == 1 and changed == 0:
            raise NotFound
        raise StatementError(
            f"expected the statement to change {rows} rows, it changed {changed}: rolled back. "
            "Pass rows=None when any number is right"
        )

    def many(self, sql: Text, params: Iterable[Params]) -> int:
        """Run one statement for each of the parameters, all in one round trip. Returns the rows changed in total."""
        statement = prepare(sql)
        # All are adapted before the first is sent: an invalid value among them sends none.
        batch = [statement.bind(each) for each in params]
        if not batch:
            return 0
        results = self._writes.send_all(batch)
        return sum(changed_rows(result) or 0 for result in results)

    def send(self, queue: str, message: dict[str, Any], *, key: str | None = None, org_id: UUID | None = None) -> None:
        """Put a message into the outbox: it is sent after COMMIT, and only then. Takes no round trip.

        Delivered at least once; messages with the same `key` in the order of their transactions, one transaction at a
        time. A key belongs to its sender, or to the organization `org_id`, of which the sender must be a member. The
        sink receives it as `<organization or user>/<key>`. Needs a caller: on a PUBLIC route and in a
        `service_transaction()` the transaction ends in `Forbidden`. `TypeError` for a message that is not a dict,
        `ValueError` for one of more than 1,047,552 bytes as JSON: SQS takes 1 MiB.
        """
        if not isinstance(message, dict):
            raise TypeError(f"an outbox message must be a dict, got {type(message).__name__}")
        self._scope.check_open()
        self._writes.transaction.queue(outbox_insert(queue, message, key, org_id))

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """If an exception leaves the block, its statements are rolled back and the transaction continues.

        Takes no round trip, and one to roll back.

            with suppress(Conflict), tx.savepoint():
                tx.run(ADD_TAG, {"tag": tag}, rows=1)

        Catch the exception outside the block: a `Conflict` that is caught inside leaves the transaction failed.
        """
        self._scope.check_open()
        transaction = self._writes.transaction
        self._savepoints += 1
        # Nested savepoints need distinct names, and names must be literals for the type checkers: s, ss, sss.
        name: LiteralString = "s" * self._savepoints
        transaction.savepoint(name)
        try:
            yield
        except BaseException:
            transaction.rollback_to(name)
            raise
        else:
            transaction.release(name)
        finally:
            self._savepoints -= 1
