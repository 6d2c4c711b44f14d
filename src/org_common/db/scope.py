"""The lifetime of a `Reader` or a `Transaction`, kept by its owner: a route, or the block of `reader()`.

Handlers get the `Reader` or `Transaction` alone, which cannot authorize, commit, roll back or close.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import LiteralString

from psycopg.pq.abc import PGresult

from org_common.db import idempotency
from org_common.db.connections.connection import Source
from org_common.db.idempotency import IdempotencyKey, StoredResponse
from org_common.db.protocol.effects import emitted_by
from org_common.db.protocol.statement import StatementError, Wire
from org_common.db.server_transaction import WriteTransaction, run_read_only
from org_common.db.session_setup import SessionSetup
from org_common.values.errors import Forbidden, NotFound, OrgError
from org_common.values.identity import Identity
from org_common.values.isolation import DEFAULT_ISOLATION, Isolation

_BEGINS: dict[Isolation, LiteralString] = {
    "read committed": "begin",
    "repeatable read": "begin isolation level repeatable read",
    "serializable": "begin isolation level serializable",
}


class HandleClosed(Exception):
    """The request that this `Reader` or `Transaction` belonged to is over."""


class ReadScope:
    """Sends the statements of one `Reader`, each in a READ ONLY transaction of its own."""

    __slots__ = ("_setup", "_source", "cursor_keys", "identity", "is_authorized", "is_closed")

    def __init__(
        self, source: Source, setup: SessionSetup, *, identity: Identity | None = None, cursor_keys: Sequence[str] = ()
    ) -> None:
        self._source = source
        self._setup = setup
        self.identity: Identity | None = identity
        """The caller that the cursors of pages are signed for."""
        self.cursor_keys: Sequence[str] = cursor_keys
        """The newest first: it signs, all verify."""
        self.is_authorized: bool = False
        """The access rule has been checked, with a statement or alone."""
        self.is_closed: bool = False

    def send(self, statement: Wire) -> PGresult:
        """Run a statement behind the session setup and the access rule, in one round trip."""
        self.check_open()
        emits = emitted_by(statement[0])
        if emits is not None:
            raise StatementError(
                f"a Reader may not call {emits}(): after a lost connection its statement is sent again. "
                "Call it in a Transaction"
            )
        result = run_read_only(self._source, self._setup, statement)
        self.is_authorized = True
        return result

    def ensure_authorized(self) -> None:
        """Check the access rule unless a statement was sent with it: a handler without statements is authorized too."""
        if not self.is_authorized:
            self._authorize()

    def stored_response(self, key: IdempotencyKey) -> StoredResponse | None:
        """The stored response of an earlier request with this key; None when it has expired."""
        return idempotency.load(self.send(key.stored()))

    def close(self) -> None:
        """End the lifetime: every later use raises `HandleClosed`."""
        self.is_closed = True

    def check_open(self) -> None:
        """`HandleClosed` when the request is over."""
        if self.is_closed:
            raise HandleClosed(
                "this Reader or Transaction was used after its request: take one in the handler that uses it"
            )

    def _authorize(self) -> None:
        run_read_only(self._source, self._setup, None)
        self.is_authorized = True


class WriteScope(ReadScope):
    """Sends the statements of one `Transaction`. Its owner calls `commit` or `rollback`, then `close`."""

    __slots__ = ("_key", "_refusal", "transaction")

    def __init__(
        self,
        source: Source,
        setup: SessionSetup,
        *,
        identity: Identity | None = None,
        cursor_keys: Sequence[str] = (),
        isolation: Isolation = DEFAULT_ISOLATION,
        key: IdempotencyKey | None = None,
    ) -> None:
        super().__init__(source, setup, identity=identity, cursor_keys=cursor_keys)
        self.transaction: WriteTransaction = WriteTransaction(source, setup, _BEGINS[isolation])
        self._key = key
        self._refusal: OrgError | None = None
        if key is not None:
            self.transaction.queue(key.claim())

    def send(self, statement: Wire) -> PGresult:
        """Run a statement of the transaction, in one round trip."""
        return self.send_all([statement])[0]

    def send_all(self, statements: list[Wire]) -> list[PGresult]:
        """Run statements of the transaction, all in one round trip."""
        self.check_open()
        try:
            return self.transaction.send(statements)
        except (Forbidden, NotFound) as refusal:
            if not self.is_authorized and self._refusal is None:
                self._refusal = refusal
            raise
        finally:
            # Not by success alone: a savepoint may undo a failure that came after the access rule had passed.
            self.is_authorized: bool = self.transaction.is_authorized

    def ensure_authorized(self) -> None:
        """As for reading; raises the refusal again when the handler swallowed it."""
        if self._refusal is not None and self.transaction.has_failed:
            raise self._refusal
        super().ensure_authorized()

    def commit(self, response: StoredResponse | None = None) -> None:
        """Commit; with an idempotency key, store the response in the same transaction."""
        if self._key is not None and response is not None:
            self.transaction.commit(self._key.store(response))
        else:
            self.transaction.commit()

    def rollback(self) -> None:
        """Roll back. Raises nothing."""
        self.transaction.rollback()

    def _authorize(self) -> None:
        if self.transaction.has_queued or self.transaction.has_failed:
            # Queued statements need the rule as well. A failed transaction raises here, without another connection.
            self.send_all([])
        else:
            super()._authorize()
