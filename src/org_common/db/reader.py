"""`Reader`: reads for one caller, each statement in one round trip."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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
            raise StatementError(f"expected one row, got {result.ntuples}: use all(), or select a single row")
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
        by: Sequence[str],
        descending: bool = False,
    ) -> Page[M]:
        """One keyset page of a SELECT, sorted `by` fields of the model.

        "-created_at" sorts by a field in descending order, and `descending` reverses the order of all of them. Nulls
        sort as in PostgreSQL, last in ascending and first in descending order. The last field of `by` is unique among
        rows that are equal in the fields before it. The SELECT has no ORDER BY or LIMIT of its own. A row that is
        inserted or deleted between two pages neither repeats nor hides another.

        Raises `BadRequest` for a cursor of another list, sort order or caller, `TypeError` for a `by` that is not a
        field of the model, and `StatementError` where the sort order is not unique and the next page would skip a row.
        """
        # Imported here: a function without pages starts 1 ms sooner.
        from org_common.db import page as pages
        from org_common.db.cursors import Cursors
        from org_common.db.keyset import sort_by

        scope = self._scope
        sort = sort_by(model, by, descending=descending)
        cursors = Cursors(scope.cursor_keys, page.scope, str(sort), scope.identity)
        keys = cursors.open(page.cursor) if page.cursor else None
        result = scope.send(pages.request(sql, params, sort, keys, page.limit))
        return pages.read(model, result, sort, cursors, page.limit)
