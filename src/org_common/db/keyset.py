"""The sort order of a keyset page, and the SQL that reads one."""

from __future__ import annotations

import datetime
import decimal
import uuid
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from psycopg import sql

from org_common.db.protocol.clauses import outer_clauses
from org_common.db.protocol.statement import Statement, StatementError, Text, prepare
from org_common.db.rows import is_simple

TYPE_CHECKING = False

if TYPE_CHECKING:
    from org_common.values.model import Model

RANK = "_rank"
"""The column behind the list's own: how a row ranks among those of its page. A field cannot begin with "_"."""
LIMIT = "_limit"
KEY = "_key_"
_LIMIT = sql.Placeholder(LIMIT)
# Types that refuse None, unless a validator of their field or model takes it.
_NEVER_NULL: frozenset[Any] = frozenset(
    {
        *(bool, bytes, float, int, str, decimal.Decimal, uuid.UUID),
        *(datetime.date, datetime.datetime, datetime.time, datetime.timedelta),
    }
)


def key_name(at: int) -> str:
    """The placeholder of a sort key."""
    return f"{KEY}{at}"


class Column(NamedTuple):
    """A column to sort by. Nulls sort as PostgreSQL has it: last when ascending, first when descending."""

    name: str
    descending: bool
    nullable: bool
    """The model takes null in it. Where it does not, a null is an error of `load`, and must not get lost instead."""


class Sort(NamedTuple):
    """The columns to sort by, the most significant first."""

    columns: tuple[Column, ...]

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        return [column.name for column in self.columns]

    def __str__(self) -> str:
        """As `by` has it: `-created_at,id`. A cursor is bound to it."""
        return ",".join([("-" if column.descending else "") + column.name for column in self.columns])


def sort_by(model: type[Model], by: Sequence[str], *, descending: bool) -> Sort:
    """The sort order that `by` describes; `TypeError` for a name that is not a field of the model.

    `descending` reverses the order of all columns.
    """
    if isinstance(by, str):
        raise TypeError(f"`by` must be a sequence of field names, got a string: write by=({by!r},)")
    return _sort_by(model, tuple(by), descending)


@lru_cache(maxsize=1024)
def _sort_by(model: type[Model], by: tuple[str, ...], descending: bool) -> Sort:  # noqa: FBT001 # lru_cache takes keywords in any order
    if not by:
        raise StatementError("page() needs the columns to sort by, the last of them unique: by=('name', 'id')")
    fields = model.__pydantic_fields__
    columns: list[Column] = []
    for name in by:
        field = name.removeprefix("-")
        if field not in fields:
            raise TypeError(
                f"page() cannot sort by {name!r}: {model.__name__} has no such field, only {', '.join(fields)}. "
                "Write '-created_at' for a field in descending order"
            )
        columns.append(Column(field, name.startswith("-") is not bool(descending), not _refuses_none(model, field)))
    return Sort(tuple(columns))


def _refuses_none(model: type[Model], name: str) -> bool:
    """Whether a null in this column certainly fails to load. False costs a little speed and never a row."""
    field = model.__pydantic_fields__[name]
    return (
        field.annotation in _NEVER_NULL
        and not any(hasattr(constraint, "__get_pydantic_core_schema__") for constraint in field.metadata)
        and is_simple(model)
    )


def page_statement(text: Text, sort: Sort, nulls: Sequence[bool] | None) -> Statement:
    """The statement of one page: its rows in order, one more than the page holds, and their rank.

    `nulls` says which sort keys of the cursor are null; None is for the first page.
    """
    return _page_statement(
        text if isinstance(text, str) else text.as_string(None), sort, None if nulls is None else tuple(nulls)
    )


@lru_cache(maxsize=1024)
def _page_statement(text: str, sort: Sort, nulls: tuple[bool, ...] | None) -> Statement:
    inner = sql.SQL(text)  # pyright: ignore[reportArgumentType] # page_statement() got it as the program's own
    _check(inner, text)
    order = sql.SQL(", ").join(_ordered(column) for column in sort.columns)
    regions = [] if nulls is None else _regions(sort.columns, nulls)
    if len(regions) > 1:
        rows = _chained(inner, regions, order)
    else:
        where = sql.SQL("where {}").format(*regions) if regions else sql.SQL("")
        rows = sql.SQL("select * from (\n{}\n) as page {} order by {} limit {}").format(inner, where, order, _LIMIT)
    # Ranked by the server, which knows what it takes for equal: 1.0 and 1.00, or two spellings of one name.
    return prepare(
        sql.SQL("select *, rank() over (order by {order}) as {rank} from (\n{rows}\n) as page order by {order}").format(
            order=order, rank=sql.Identifier(RANK), rows=rows
        )
    )


def _check(inner: sql.SQL, text: str) -> None:
    """`StatementError` for a statement that cannot be paged."""
    names = [name for name in prepare(inner).names if is_own(name)]
    if names:
        raise StatementError(f"page() has parameters of this name itself: rename {', '.join(names)}")
    clauses = outer_clauses(text)
    if clauses:
        raise StatementError(
            f"page() adds ORDER BY and LIMIT, and the statement ends with its own {' and '.join(clauses)}. Leave it "
            "out, or write a subquery around it: select * from (select ... order by size limit 100) as largest"
        )


def _chained(inner: sql.SQL, regions: Sequence[sql.Composable], order: sql.Composable) -> sql.Composable:
    """The rows of the regions, one region after the other until the page is full.

    Each region is one range of an index. A LIMIT of 0 never starts what it limits: a region behind a full page costs
    its planning (0.1 ms), and only the last page of a list reads them all. The inner LIMIT tells the planner how few
    rows are wanted, which it cannot know of a difference.
    """
    named = [sql.Identifier(f"region_{at}") for at in range(len(regions))]
    parts = [sql.SQL("with list as not materialized (\n{}\n)").format(inner)]
    for at, (name, region) in enumerate(zip(named, regions, strict=True)):
        before = [sql.SQL(" - (select count(*) from {})").format(other) for other in named[:at]]
        parts.append(
            sql.SQL(
                ", {} as materialized (select * from (select * from list where {} order by {} limit {limit}) as page "
                "limit {limit}{})"
            ).format(name, region, order, sql.Composed(before), limit=_LIMIT)
        )
    parts.append(sql.SQL(" union all ").join(sql.SQL("select * from {}").format(name) for name in named))
    return sql.SQL("\n").join(parts)


def _regions(columns: Sequence[Column], nulls: Sequence[bool]) -> list[sql.Composable]:
    """The rows behind a cursor as conditions, each of them one range of an index, in the order of the sort.

    Behind (a, b) come the rows of the same a with a greater b, or with null for it; then those with a greater a, or
    with null for it. Row comparison, `(a, b) > (1, 2)`, is all of this in one range, but it loses each null.
    IS NULL is also true of a composite value whose fields are all null; IS NOT DISTINCT FROM NULL is not.
    """
    regions: list[sql.Composable] = []
    # The last region is a comparison of the columns from the next one to this one.
    last: int | None = None
    for at in reversed(range(len(columns))):
        column = columns[at]
        if nulls[at]:
            # Nothing else comes behind a null that is sorted last, and all the others behind one that is sorted first.
            if column.descending:
                regions.append(_where(columns, nulls, at, sql.SQL("{} is distinct from null").format(_name(column))))
            last = None
            continue
        if last is not None and columns[at + 1].descending == column.descending:
            regions.pop()
        else:
            last = at
        regions.append(_where(columns, nulls, at, _behind(columns, at, last)))
        if column.nullable and not column.descending:
            regions.append(_where(columns, nulls, at, sql.SQL("{} is not distinct from null").format(_name(column))))
            last = None
    return [*regions, *_unexpected(columns, nulls)] or [sql.SQL("false")]


def _behind(columns: Sequence[Column], first: int, last: int) -> sql.Composable:
    compared = range(first, last + 1)
    return sql.SQL("({}) {} ({})").format(
        sql.SQL(", ").join(_name(columns[at]) for at in compared),
        sql.SQL("<" if columns[first].descending else ">"),
        sql.SQL(", ").join(sql.Placeholder(key_name(at)) for at in compared),
    )


def _where(columns: Sequence[Column], nulls: Sequence[bool], at: int, condition: sql.Composable) -> sql.Composable:
    """The condition, for rows that are equal to the cursor in the columns before."""
    equal = [
        sql.SQL("{} is not distinct from null").format(_name(columns[before]))
        if nulls[before]
        else sql.SQL("{} = {}").format(_name(columns[before]), sql.Placeholder(key_name(before)))
        for before in range(at)
    ]
    return sql.SQL(" and ").join([*equal, condition])


def _unexpected(columns: Sequence[Column], nulls: Sequence[bool]) -> list[sql.Composable]:
    """Rows with a null that their model refuses: they come last, so that `load` finds them, and none is lost silently.

    From PostgreSQL 17 on the planner drops this for columns that are NOT NULL.
    """
    refused = [
        sql.SQL("{} is not distinct from null").format(_name(column))
        for column, null in zip(columns, nulls, strict=True)
        if not (null or column.nullable or column.descending)
    ]
    return [sql.SQL(" or ").join(refused)] if refused else []


def is_own(name: str) -> bool:
    """The placeholder is one that a page adds."""
    return name == LIMIT or name.startswith(KEY)


def _ordered(column: Column) -> sql.Composable:
    return sql.SQL("{} desc" if column.descending else "{}").format(_name(column))


def _name(column: Column) -> sql.Identifier:
    return sql.Identifier(column.name)
