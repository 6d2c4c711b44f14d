"""Writing: all statements of a request in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, LiteralString

from psycopg.pq.abc import PGresult

from org_common.db.connections.connection import Source
from org_common.db.idempotency import IdempotencyKey
from org_common.db.outbox import sending
from org_common.db.protocol.statement import Params, StatementError, Text, Wire, prepare
from org_common.db.reader import Reader
from org_common.db.session_setup import SessionSetup
from org_common.db.unit import Write
from org_common.values.errors import Forbidden, NotFound, OrgError
from org_common.values.identity import Identity

Isolation = Literal["read committed", "repeatable read", "serializable"]
_BEGINS: dict[Isolation, LiteralString] = {
    "read committed": "begin",
    "repeatable read": "begin isolation level repeatable read",
    "serializable": "begin isolation level serializable",
}


class Transaction(Reader):
    """Reads and writes for one caller under one rule, all or nothing. Injectable: name it in a handler's signature.

    BEGIN, prelude and rule ride with the first statement, a re-check of role and claims with COMMIT: n statements cost
    n + 1 round trips. READ COMMITTED. The app commits after the response was rendered and rolls back on any exception;
    a statement that failed makes the commit fail too, should a handler swallow its error.
    """

    injected = "transaction"

    def __init__(
        self,
        source: Source,
        prelude: SessionSetup,
        *,
        identity: Identity | None = None,
        cursor_keys: Sequence[str] = (),
        isolation: Isolation = "read committed",
        key: IdempotencyKey | None = None,
    ) -> None:
        super().__init__(source, prelude, identity=identity, cursor_keys=cursor_keys)
        self._unit = Write(source, prelude, _BEGINS[isolation])
        self._key = key
        self._savepoints = 0
        self._refusal: OrgError | None = None
        if key is not None:
            self._unit.ride(key.claim())

    def run(self, sql: Text, params: Params = None, *, rows: int | None) -> int:
        """Run a write that must change `rows` rows; None says that any number is right. Answers the number.

        A wrong number raises, and the transaction is rolled back: `NotFound` when none of one was there (or may be
        seen), `StatementError` otherwise.
        """
        changed = self._send(prepare(sql).bind(params)).command_tuples or 0
        if rows is not None and changed != rows:
            # Whoever swallows what is raised here does not get to commit.
            self._unit.fail()
            if rows == 1 and changed == 0:
                raise NotFound
            raise StatementError(f"the statement was to change {rows} rows and changed {changed}: nothing is kept")
        return changed

    def many(self, sql: Text, params: Iterable[Params]) -> int:
        """Run one statement for each of the parameters, all in one round trip. Answers the rows changed in all."""
        statement = prepare(sql)
        # Adapted before the first is sent: a fault among them sends none.
        batch = [statement.bind(each) for each in params]
        if not batch:
            return 0
        return sum(result.command_tuples or 0 for result in self._sent(batch))

    def send(self, queue: str, message: dict[str, Any], *, key: str | None = None) -> None:
        """Put a message into the outbox: it is sent after COMMIT, and only then. Costs no round trip.

        At least once; the messages of one `key` in the order of their transactions, one transaction at a time.
        Only callers send: on a PUBLIC route and in a `service_transaction()` the transaction ends in `Forbidden`.
        """
        self._check_open()
        self._unit.ride(sending(queue, message, key))

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """A block that is undone by itself when an exception leaves it; the transaction goes on.

        Costs no round trip, and one to undo.

            with suppress(Conflict), tx.savepoint():
                tx.run(ADD_TAG, {"tag": tag}, rows=1)

        A `Conflict` that is caught within the block instead leaves the transaction failed.
        """
        self._check_open()
        self._savepoints += 1
        # Each depth has a name of its own.
        name: LiteralString = "s" * self._savepoints
        self._unit.savepoint(name)
        try:
            yield
        except BaseException:
            self._unit.rollback_to(name)
            raise
        else:
            self._unit.release(name)
        finally:
            self._savepoints -= 1

    def commit(self, *answer: Any) -> None:
        """The app calls this, or the block of `transaction()`. `answer`: status, headers, body and cookies."""
        if self._key is not None and answer:
            self._unit.commit(self._key.store(*answer))
        else:
            self._unit.commit()

    def rollback(self) -> None:
        """The app calls this, or the block of `transaction()`."""
        self._unit.rollback()

    def ensure_authorized(self) -> None:
        """As for reading. A refusal that the handler has swallowed is the answer all the same."""
        if self._refusal is not None and self._unit.has_failed:
            raise self._refusal
        super().ensure_authorized()

    def _ask(self) -> None:
        if self._unit.carries or self._unit.has_failed:
            # What rides is sent under the rule as well. What has failed says so, on no other connection.
            self._sent([])
        else:
            super()._ask()

    def _send(self, statement: Wire) -> PGresult:
        return self._sent([statement])[0]

    def _sent(self, statements: list[Wire]) -> list[PGresult]:
        self._check_open()
        try:
            return self._unit.send(statements)
        except (Forbidden, NotFound) as refusal:
            if not self._authorized and self._refusal is None:
                self._refusal = refusal
            raise
        finally:
            # Not by success alone: a savepoint may undo what failed behind the rule.
            self._authorized = self._unit.is_authorized
