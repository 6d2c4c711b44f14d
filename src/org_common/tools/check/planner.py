"""Asks PostgreSQL about statements as the role that runs them. Statements are parsed and planned, never executed.

Each statement has a READ ONLY transaction of its own, which is rolled back. PREPARE returns types and columns and
checks no rights; EXPLAIN of the prepared statement checks those of tables, columns and functions. PostgreSQL may call
STABLE functions of constants to plan, in that READ ONLY transaction (18.4, 2026-11).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import orjson
import psycopg
from psycopg import pq
from psycopg.pq.abc import PGresult

from org_common.db.protocol.errors import StatementFailed, failure
from org_common.tools.check.tree.catalog import Catalog, read
from org_common.tools.check.tree.node import Node, parse
from org_common.tools.check.tree.query import Query
from org_common.tools.database.schema import session

NAME = b"org_common_check"
# Without an identity a policy may raise an error while it is planned.
CLAIMS = {"iss": "org-common db check", "sub": "check", "email": "check@example.com", "email_verified": True}
_SETTINGS = b"""
select set_config('role', $1, true), set_config('request.jwt.claims', $2, true), set_config('search_path', $3, true),
       set_config('plan_cache_mode', 'force_generic_plan', true), set_config('statement_timeout', '10s', true)
"""
_TREE_ON = (
    b"set local debug_print_rewritten = on; set local debug_pretty_print = off; set local client_min_messages = log"
)
_TREE_OFF = b"set local debug_print_rewritten = off; set local client_min_messages = warning"
_CHEAPEST_ORDER = b"set local enable_sort = off; set local enable_seqscan = off; set local enable_bitmapscan = off"


class Described(NamedTuple):
    """What PostgreSQL says about a statement that it can prepare."""

    result: PGresult
    """Without rows: names and types of the columns, types of the parameters."""
    query: Query | None
    """The tree that it would plan; None if the server did not send it."""

    def parameter_types(self) -> list[int]:
        """The OIDs of the parameters' types."""
        return [self.result.param_type(at) for at in range(self.result.nparams)]


class Planner:
    """A connection that prepares statements as any of the roles. Use it in a `with` block."""

    def __init__(self, conn: psycopg.Connection, search_path: str) -> None:
        self._conn = conn
        self._search_path = search_path.encode()
        self._tree: list[str] = []
        self.catalog: Catalog = read(conn)
        self.roles: frozenset[str] = frozenset(
            name for (name,) in conn.execute("select rolname from pg_roles where pg_has_role(oid, 'member')")
        )
        """The roles that the connection's login can assume."""
        # The server's log gets the trees too, unless the login may turn that off.
        if conn.execute("select rolsuper from pg_roles where rolname = current_user").fetchone() == (True,):
            conn.execute("set log_min_messages = fatal")
        conn.add_notice_handler(self._receive)

    @contextmanager
    def transaction(self, role: str) -> Iterator[None]:
        """A READ ONLY transaction as this role, which is rolled back."""
        claims = orjson.dumps({**CLAIMS, "role": role})
        self._run(b"begin read only")
        try:
            values = [role.encode(), claims, self._search_path]
            _checked(self._conn.pgconn.exec_params(_SETTINGS, values))
            yield
        finally:
            self._run(b"rollback")

    def describe(self, command: bytes, oids: Sequence[int], *, tree: bool = False) -> Described | StatementFailed:
        """Prepare a statement within `transaction()`; the error if PostgreSQL cannot."""
        pgconn = self._conn.pgconn
        self._tree.clear()
        if tree:
            self._run(_TREE_ON)
        prepared = pgconn.prepare(b"", command, list(oids))
        if prepared.status != pq.ExecStatus.COMMAND_OK:
            return _failed(prepared, command)
        printed = [*self._tree]
        result = pgconn.describe_prepared(b"")
        if tree:
            self._run(_TREE_OFF)
        return Described(result, self._query(printed) if tree else None)

    def plan(self, command: bytes, oids: Sequence[int], *, ordered: bool = False) -> Any | StatementFailed:
        """The plan as EXPLAIN has it, or the error: rights are checked here.

        With `ordered`, PostgreSQL sorts only where no index has the order.
        """
        if ordered:
            self._run(_CHEAPEST_ORDER)
        described = self.describe(command, oids)
        if isinstance(described, StatementFailed):
            return described
        # A null of the base type: a domain may refuse it.
        types = [self.catalog.base(oid) for oid in described.parameter_types()]
        prepared = self._conn.pgconn.prepare(NAME, command, types)
        if prepared.status != pq.ExecStatus.COMMAND_OK:
            return _failed(prepared, command)
        count = len(types)
        arguments = b"(" + b", ".join([b"null"] * count) + b")" if count else b""
        explained = self._conn.pgconn.exec_(b"explain (format json) execute " + NAME + arguments)
        if explained.status != pq.ExecStatus.TUPLES_OK:
            failed = _failed(explained, command)
            self._run(b"rollback")
            self._run(b"deallocate " + NAME)
            return failed
        plan = orjson.loads(explained.get_value(0, 0) or b"[]")[0]["Plan"]
        self._run(b"deallocate " + NAME)
        return plan

    def _query(self, printed: Sequence[str]) -> Query | None:
        for text in printed:
            trees: Any = parse(text)
            for tree in trees if isinstance(trees, list) else []:
                if isinstance(tree, Node) and tree.is_true("canSetTag"):
                    return Query(tree, self.catalog)
        return None

    def _receive(self, diagnostic: psycopg.errors.Diagnostic) -> None:
        if diagnostic.message_primary == "rewritten parse tree:" and diagnostic.message_detail:
            self._tree.append(diagnostic.message_detail)

    def _run(self, command: bytes) -> None:
        _checked(self._conn.pgconn.exec_(command))


@contextmanager
def open_planner(url: str, search_path: str = "") -> Iterator[Planner]:
    """A planner for the database of the URL. Closes its connection at the end of the block."""
    with session(url, "check") as conn:
        yield Planner(conn, search_path)


def _checked(result: PGresult) -> None:
    if result.status not in (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK):
        raise failure(result, [])


def _failed(result: PGresult, command: bytes) -> StatementFailed:
    failed = failure(result, [])
    if failed.origin is not None:
        failed.origin.command = command
    return failed


def nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """A plan's node and all below it."""
    yield plan
    for each in plan.get("Plans", ()):
        yield from nodes(each)
