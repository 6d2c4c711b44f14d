"""`Reader`: reads for one caller, each statement in one round trip."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, LiteralString

from org_common.db import page as pages
from org_common.db import rows
from org_common.db.protocol.statement import Params, StatementError, Text, prepare
from org_common.db.rows import M
from org_common.db.scope import ReadScope
from org_common.values.errors import NotFound
from org_common.values.paging import Page, PageRequest


class Reader:
    """Reads for one caller under one access rule. Injectable: name it in a handler's signature.

    Each call is one round trip: role, claims, time limits, identity and the route's access rule are sent in front of
    its statement, in the same READ ONLY transaction. Refusals of the database are raised as `OrgError`: `Forbidden`
    and `NotFound` from the access rule, `Unprocessable` for a value that does not fit, `Unavailable` without a
    database, `GatewayTimeout` when time is up. Bugs of the program (a wrong column, a missing parameter) are raised as
    `StatementError`.

    SQL is a string of the program with named placeholders, `%(org_id)s`; parameters are a mapping or a model. Columns
    are named like the model's fields. Using a `Reader` after its request raises `HandleClosed`.
    """

    __slots__ = ("_scope",)
    injected = "reader"

    def __init__(self, scope: ReadScope) -> None:
        self._scope = scope

    def all(self, model: type[M], sql: Text, params: Params = None) -> list[M]:
        """Every row; an empty list when there is none."""
        return rows.load(model, self._scope.send(prepare(sql).bind(params)))

    def one(self, model: type[M], sql: Text, params: Params = None) -> M:
        """The only row. Raises `NotFound` when there is none, `StatementError` when there are more."""
        row = self.maybe(model, sql, params)
        if row is None:
            raise NotFound
        return row

    def maybe(self, model: type[M], sql: Text, params: Params = None) -> M | None:
        """The only row or None. Raises `StatementError` when there are more."""
        result = self._scope.send(prepare(sql).bind(params))
        if result.ntuples > 1:
            raise StatementError(f"expected one row, got {result.ntuples}")
        loaded = rows.load(model, result)
        return loaded[0] if loaded else None

    def value(self, sql: Text, params: Params = None) -> Any:
        """The only column of the only row; None when there is no row."""
        return rows.scalar(self._scope.send(prepare(sql).bind(params)), self.value)

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
        SELECT has no ORDER BY or LIMIT of its own. A row that is inserted or deleted between two pages neither repeats
        nor hides another. Raises `BadRequest` for a cursor of another list or caller.
        """
        scope = self._scope
        cursors = pages.Cursors(scope.cursor_keys, page.scope, scope.identity)
        keys = cursors.open(page.cursor, len(by)) if page.cursor else []
        statement = prepare(pages.query(sql, by, descending=descending, after=bool(keys)))
        filled = pages.parameters(params, statement.names, keys, page.limit)
        items = rows.load(model, scope.send(statement.bind(filled)))
        if len(items) <= page.limit:
            return Page(items, None)
        del items[page.limit :]
        return Page(items, cursors.seal([getattr(items[-1], name) for name in by]))
