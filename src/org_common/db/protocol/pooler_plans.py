"""Finds out whether a pooler keeps track of prepared statements, as PgBouncer does from 1.21 on if it is set so.

Such a pooler gives a statement another name on the server, and prepares it again on each server connection that it
passes a client to. The check prepares a statement under a name of its own and asks the server whether it knows that
name. If it does, the pooler passes names on: another client could be given the statement, so none may be used.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from psycopg.pq import ExecStatus, version
from psycopg.pq.abc import PGconn, PGresult

from org_common.db.protocol.plans import Plans
from org_common.db.protocol.statement import TEXT_FORMAT

ASK = b"select count(*) from pg_prepared_statements where name = $1"
_TEXT_OID = 25
# The first libpq that can close a prepared statement without SQL, which a pooler would not understand.
_OLDEST_LIBPQ = 170000


class PoolerPlans:
    """What one connection knows about its pooler. It asks in the round trip of its first statements.

    Each connection asks: the next one may lead to another pooler, or to the same after a change of its settings. Its
    names begin with a random prefix, so that a name that reaches the server by mistake is the name of no other client's
    statement.
    """

    __slots__ = ("_prefix", "is_asked", "plans")

    def __init__(self) -> None:
        self._prefix = b"oc_" + os.urandom(8).hex().encode()
        self.is_asked: bool = version() < _OLDEST_LIBPQ
        self.plans: Plans | None = None
        """The prepared statements to use; None unless the pooler keeps track of them."""

    def ask(self, pgconn: PGconn) -> int:
        """Queue the question. Returns how many results it has. It is not asked again, whatever the answer."""
        self.is_asked = True
        name = self._prefix
        pgconn.send_prepare(name, ASK, (_TEXT_OID,))
        pgconn.send_query_prepared(name, [name], [TEXT_FORMAT], TEXT_FORMAT)
        pgconn.send_close_prepared(name)
        return 3

    def hear(self, results: Sequence[PGresult]) -> None:
        """Take the answer from these results."""
        counted = [result for result in results if result.status == ExecStatus.TUPLES_OK]
        if len(results) == 3 and [each.get_value(0, 0) for each in counted] == [b"0"]:
            self.plans = Plans(self._prefix)

    def lose(self) -> None:
        """Stop using prepared statements: one was planned for a table that has changed, or the server lost it."""
        self.plans = None
