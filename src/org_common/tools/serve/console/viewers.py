"""Who else would see the rows of a statement: its rows for each demo user, compared with those of the request."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import psycopg

from org_common.db.protocol.errors import StatementFailed
from org_common.db.protocol.statement import Wire
from org_common.telemetry.causes import message_of
from org_common.tools.database.tap import VERDICTS
from org_common.tools.project.project import ToolError
from org_common.tools.serve.console.people import People
from org_common.tools.serve.console.transaction import CapturedStatement, connected, send
from org_common.values.errors import OrgError

MAX_PEOPLE = 20
MAX_ROWS = 1000
# For all of them: a slow statement leaves the last ones without a number.
TOTAL_S = 10.0
# One statement is sent, and a subquery can only read. The digests stay in this process.
_DIGESTS = b"select pg_catalog.md5(seen::text) from (\n%s\n) seen limit %d"


@dataclass(frozen=True)
class Viewer:
    """What one person would see."""

    person: str
    rule: str | None
    """What the access rule decides for them: "allowed", "denied: 403"; None if it needs no database."""
    rows: int | None
    """How many rows the policies let them see, at most `MAX_ROWS` + 1; None if the statement failed."""
    shared: int | None
    """How many of these are rows of the request, with the same values."""
    error: str | None
    """Why the statement failed for them."""


def viewers(statement: CapturedStatement, people: People, urls: Mapping[str, str]) -> list[Viewer]:
    """What each demo user would see, at most `MAX_PEOPLE`. `ToolError` if the statement cannot be repeated.

    Each reads in a transaction that is read-only and rolled back.
    """
    if statement.identify is None:
        raise ToolError("the statement runs without a caller, so that everyone sees the same rows")
    end_s = time.monotonic() + TOTAL_S
    with connected(urls, statement.role) as conn:
        try:
            original = _rows(conn, statement)
        except StatementFailed as error:
            raise ToolError(f"only a statement that reads can be repeated: {message_of(error)}") from error
        return [
            _viewer(conn, name, statement.with_claims(people.claims(name, statement.role)), original, end_s)
            for name in people.names[:MAX_PEOPLE]
        ]


def _viewer(
    conn: psycopg.Connection, name: str, statement: CapturedStatement, original: Counter[bytes], end_s: float
) -> Viewer:
    if time.monotonic() > end_s:
        return Viewer(name, None, None, None, "not tried: the others took too long")
    rule = None
    try:
        rule = _decision(conn, statement)
        rows = _rows(conn, statement)
    except (StatementFailed, OrgError) as error:
        verdict = VERDICTS.get(getattr(error, "sqlstate", ""))
        return Viewer(name, verdict or rule, None, None, None if verdict else message_of(error))
    return Viewer(name, rule, rows.total(), (rows & original).total(), None)


def _decision(conn: psycopg.Connection, statement: CapturedStatement) -> str | None:
    if statement.rule is None:
        return None
    try:
        send(conn, [*statement.setup(), statement.rule])
    except StatementFailed as error:
        if error.sqlstate in ("OC403", "OC404"):
            return VERDICTS[error.sqlstate]
        raise
    return "allowed"


def _rows(conn: psycopg.Connection, statement: CapturedStatement) -> Counter[bytes]:
    command, values, types, formats = statement.wire
    wire: Wire = (_DIGESTS % (command.rstrip(b"; \n"), MAX_ROWS + 1), values, types, formats)
    result = send(conn, [*statement.setup(), wire])[-1]
    return Counter(result.get_value(row, 0) or b"" for row in range(result.ntuples))
