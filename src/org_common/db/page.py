"""Keyset pages over any SELECT."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg.pq.abc import PGresult

from org_common.db import rows
from org_common.db.cursors import Cursors, SortKey
from org_common.db.keyset import LIMIT, RANK, Sort, is_own, key_name, page_statement
from org_common.db.protocol.statement import Params, StatementError, Text, Wire, given
from org_common.db.rows import M
from org_common.values.paging import Page

# record and record[]: rows without a type of their own, which PostgreSQL writes and cannot read.
_ANONYMOUS = frozenset({2249, 2287})


def request(text: Text, params: Params, sort: Sort, keys: Sequence[SortKey] | None, limit: int) -> Wire:
    """The statement for one page of a SELECT: behind the sort keys of its cursor, or the first one."""
    statement = page_statement(text, sort, None if keys is None else [key.text is None for key in keys])
    names = [name for name in statement.names if not is_own(name)]
    filled = {**dict(zip(names, given(params, names), strict=True)), LIMIT: limit + 1}
    oids: dict[str, int] = {}
    for at, key in enumerate(keys or ()):
        filled[key_name(at)], oids[key_name(at)] = key
    command, values, types, formats = statement.bind(filled)
    # A key is read as its column's type: `column > $1` alone reads that of a regclass as a number, and none of a row.
    typed = tuple([oids.get(name, oid) for name, oid in zip(statement.names, types, strict=True)])
    return command, values, typed, formats


def read(model: type[M], result: PGresult, sort: Sort, cursors: Cursors, limit: int) -> Page[M]:
    """The page of a result, with the cursor behind it. `StatementError` where the next page would lose a row."""
    names = [result.fname(at) for at in range(result.nfields)]
    places = [names.index(name.encode()) for name in sort.names]
    for name, place in zip(sort.names, places, strict=True):
        if result.ftype(place) in _ANONYMOUS:
            raise StatementError(f"page() cannot sort by {name}, a row without a type: sort by its columns")
    items = rows.load(model, result, extra=1)
    if len(items) <= limit:
        return Page(items, None)
    # Without ties, the row behind the page has as its rank how many rows there are.
    if int(result.get_value(limit, names.index(RANK.encode())) or 0) != limit + 1:
        raise StatementError(
            f"the sort order {sort} is not unique: the last row of this page and the one behind it are equal in it, so "
            "the next page would skip one. End `by` with a unique column: by=('name', 'id')"
        )
    del items[limit:]
    return Page(items, cursors.seal([_key(result, limit - 1, place) for place in places]))


def _key(result: PGresult, row: int, place: int) -> SortKey:
    """The text that the server sent for a value: its own form, which it reads back without loss."""
    raw = result.get_value(row, place)
    return SortKey(None if raw is None else raw.decode(), result.ftype(place))
