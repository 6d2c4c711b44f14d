"""Reading: each statement a READ ONLY unit of its own, in one round trip."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, LiteralString

from psycopg.pq.abc import PGresult

from org_common.db import idempotency, rows
from org_common.db import page as pages
from org_common.db.connections.connection import Source
from org_common.db.idempotency import IdempotencyKey
from org_common.db.protocol.statement import Params, StatementError, Text, Wire, prepare
from org_common.db.rows import M
from org_common.db.session_setup import SessionSetup
from org_common.db.unit import read
from org_common.values.errors import NotFound
from org_common.values.identity import Identity
from org_common.values.paging import Page, PageRequest


class HandleClosed(Exception):
    """The request that this `Reader` or `Transaction` belonged to is over."""


class Reader:
    """Reads for one caller under one rule. Injectable: name it in a handler's signature.

    Each call is one round trip: role, claims, limits, identity and the route's rule are sent in front of its statement,
    in the same READ ONLY transaction. The database's refusals come as `OrgError`: `Forbidden` and `NotFound` from the
    rule, `Unprocessable` for a value that does not fit, `Unavailable` without a database, `GatewayTimeout` without
    time. Faults of the program (a wrong column, a missing parameter) come as `StatementError`.

    SQL is text of the program with named placeholders, `%(org_id)s`; parameters are a mapping or a model. Columns are
    named like the model's fields. Not for use after the request, nor from two threads at once within a transaction.
    """

    injected = "reader"

    def __init__(
        self,
        source: Source,
        prelude: SessionSetup,
        *,
        identity: Identity | None = None,
        cursor_keys: Sequence[str] = (),
    ) -> None:
        self._source = source
        self._prelude = prelude
        self._identity = identity
        self._cursor_keys = cursor_keys
        self._closed = False
        self._authorized = False

    def all(self, model: type[M], sql: Text, params: Params = None) -> list[M]:
        """Every row; an empty list when there is none."""
        return rows.load(model, self._run(sql, params))

    def one(self, model: type[M], sql: Text, params: Params = None) -> M:
        """The only row; `NotFound` when there is none, `StatementError` when there are more."""
        found = self.maybe(model, sql, params)
        if found is None:
            raise NotFound
        return found

    def maybe(self, model: type[M], sql: Text, params: Params = None) -> M | None:
        """The only row or None; `StatementError` when there are more."""
        result = self._run(sql, params)
        if result.ntuples > 1:
            raise StatementError(f"one row was expected, and there are {result.ntuples}")
        found = rows.load(model, result)
        return found[0] if found else None

    def value(self, sql: Text, params: Params = None) -> Any:
        """The only column of the only row, None when there is no row."""
        return rows.scalar(self._run(sql, params), self.value)

    def page(
        self,
        model: type[M],
        sql: Text,
        params: Params = None,
        *,
        page: PageRequest,
        by: Sequence[LiteralString],
        descending: bool = False,
    ) -> Page[M]:
        """One keyset page of a SELECT, sorted `by` columns of it, all in one direction.

        The columns of `by` are fields of the model and not null, the last of them (with those before it) unique; the
        SELECT has no ORDER BY or LIMIT of its own. Rows that come or go between two pages repeat and hide no other.
        `BadRequest` for a cursor of another list or caller.
        """
        cursors = pages.Cursors(self._cursor_keys, page.scope, self._identity)
        keys = cursors.open(page.cursor, len(by)) if page.cursor else []
        statement = prepare(pages.query(sql, by, descending=descending, after=bool(keys)))
        filled = pages.parameters(params, statement.names, keys, page.limit)
        items = rows.load(model, self._send(statement.bind(filled)))
        if len(items) <= page.limit:
            return Page(items, None)
        del items[page.limit :]
        return Page(items, cursors.seal([getattr(items[-1], name) for name in by]))

    def ensure_authorized(self) -> None:
        """Ask the route's rule if no statement has taken it along. The app calls this: no route answers unasked."""
        if not self._authorized:
            self._ask()

    def stored_answer(self, key: IdempotencyKey) -> tuple[int, dict[str, str], bytes, list[str]] | None:
        """Status, headers, body and cookies of a request that was answered before. The app calls this."""
        return idempotency.answer(self._send(key.stored()))

    def close(self) -> None:
        """The request is over. The app calls this."""
        self._closed = True

    def _run(self, sql: Text, params: Params) -> PGresult:
        return self._send(prepare(sql).bind(params))

    def _send(self, statement: Wire) -> PGresult:
        self._check_open()
        result = read(self._source, self._prelude, statement)
        self._authorized = True
        return result

    def _ask(self) -> None:
        read(self._source, self._prelude, None)
        self._authorized = True

    def _check_open(self) -> None:
        if self._closed:
            raise HandleClosed(
                "this handle's request is over: take a Reader or Transaction in the handler that uses it"
            )
