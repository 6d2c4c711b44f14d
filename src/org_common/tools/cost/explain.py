"""Explains a statement as a caller, on warm caches, and rolls it back."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
import psycopg
from psycopg import pq, sql

from org_common.db.protocol.errors import failure
from org_common.tools.cost.plans import Plan
from org_common.tools.prove.rows.world import Person

TIMEOUT_S = 30
_SETTINGS = ("max_parallel_workers_per_gather = 0", "jit = off", f"statement_timeout = '{TIMEOUT_S}s'")
_CANCELED = "57014"


def explain(
    conn: psycopg.Connection,
    command: bytes,
    person: Person,
    *,
    bypass: bool = False,
    run: bool = True,
    values: Sequence[str | None] = (),
    types: Sequence[int] = (),
    search_path: str = "",
) -> Plan | None:
    """The plan of a statement in the connection's transaction. None if it takes too long.

    With `bypass`, the connection's role runs it, with the person's claims: functions of it read the same. With `run`,
    the statement is executed twice, and the second plan has blocks and times. Raises `StatementFailed`.
    """
    options = b"analyze, buffers, verbose, format json" if run else b"verbose, format json"
    text = b"explain (" + options + b") " + command
    given = [None if value is None else value.encode() for value in values]
    with conn.transaction(force_rollback=True):
        for setting in _SETTINGS:
            conn.execute(f"set local {setting}".encode())
        for name, value in {**person.settings, "search_path": search_path}.items():
            conn.execute("select set_config(%s, %s, true)", [name, value])
        if not bypass:
            conn.execute(sql.SQL("set local role {}").format(sql.Identifier(person.role)))
        document = b"[]"
        for _ in range(2 if run else 1):
            result = conn.pgconn.exec_params(text, given, types)
            if result.status != pq.ExecStatus.TUPLES_OK:
                failed = failure(result, [])
                if failed.sqlstate == _CANCELED:
                    return None
                raise failed
            document = result.get_value(0, 0) or document
    return Plan(orjson.loads(document)[0]["Plan"])
