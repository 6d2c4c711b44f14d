"""A statement of a captured request, and the read-only transaction that it can be sent in once more."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import psycopg
from psycopg.pq.abc import PGresult

from org_common.db.protocol.errors import StatementFailed
from org_common.db.protocol.statement import Wire
from org_common.db.protocol.wire import exchange
from org_common.tools.database.schema import session
from org_common.tools.database.tap import RULE
from org_common.tools.project.project import ToolError
from org_common.tools.serve.console.capture import Capture, CapturedTrip

TIMEOUT_S = 2.0
_SETTINGS = b"select set_config('role', $1, true), set_config('request.jwt.claims', $2, true)"
_IDENTIFY = b"select app.identify("
_BEGIN: Wire = (b"begin read only", [], (), [])
_ROLLBACK: Wire = (b"rollback", [], (), [])


@dataclass(frozen=True)
class CapturedStatement:
    """A statement of a handler, with the session setup that it ran under."""

    wire: Wire
    """The statement with its values. They never leave this process."""
    settings: Wire
    """Sets role, claims, search path and timeout."""
    identify: Wire | None
    """Looks up the caller; None on a public route."""
    rule: Wire | None
    """Checks the access rule; None if the rule needs no database."""

    @property
    def role(self) -> str:
        """The database role of the request."""
        return (self.settings[1][0] or b"").decode()

    def setup(self) -> list[Wire]:
        """The session setup without the access rule."""
        return [self.settings] if self.identify is None else [self.settings, self.identify]

    def with_claims(self, claims: str) -> CapturedStatement:
        """The same statement for another caller."""
        command, (role, _, *rest), types, formats = self.settings
        return replace(self, settings=(command, [role, claims.encode(), *rest], types, formats))


def find(capture: Capture, trip: int, statement: int) -> CapturedStatement:
    """The statement at this position of a round trip. `ToolError` if there is none, or its values are not in memory."""
    if not (0 <= trip < len(capture.trips) and 0 <= statement < len(capture.trips[trip].statements)):
        raise ToolError("the request has no such statement")
    if not all(each.has_values for each in capture.trips[: trip + 1]):
        raise ToolError("the values of this request are no longer in memory: send it again")
    # A later round trip of a transaction runs under the setup of an earlier one.
    for each in reversed(capture.trips[: trip + 1]):
        settings = _first(each, _SETTINGS)
        if settings is not None:
            command, (role, claims, path, _, *rest), types, formats = settings
            bounded: Wire = (command, [role, claims, path, b"%d" % (TIMEOUT_S * 1000), *rest], types, formats)
            wire = capture.trips[trip].statements[statement]
            return CapturedStatement(wire, bounded, _first(each, _IDENTIFY), _first(each, RULE))
    raise ToolError("this round trip has no session setup that the console can repeat")


@contextmanager
def connected(urls: Mapping[str, str], role: str) -> Iterator[psycopg.Connection]:
    """A connection of its own for a database role, closed at the end, with all locks of a session.

    `urls` are those of `app_service`, and under the key "" of the login of requests.
    """
    with session(urls.get(role, urls[""]), "console") as conn:
        yield conn


def send(conn: psycopg.Connection, wires: Sequence[Wire]) -> list[PGresult]:
    """The results of these statements in a read-only transaction, which is rolled back.

    Raises `StatementFailed` and `GatewayTimeout`, as a request does.
    """
    deadline_s = time.monotonic() + 2 * TIMEOUT_S
    conn.pgconn.enter_pipeline_mode()
    try:
        results = exchange(conn.pgconn, [_BEGIN, *wires], deadline_s)[1:]
    except StatementFailed:
        _end(conn, deadline_s)
        raise
    _end(conn, deadline_s)
    return results


def _end(conn: psycopg.Connection, deadline_s: float) -> None:
    exchange(conn.pgconn, [_ROLLBACK], deadline_s)
    conn.pgconn.exit_pipeline_mode()


def _first(trip: CapturedTrip, start: bytes) -> Wire | None:
    return next((wire for wire in trip.statements if wire[0].startswith(start)), None)
