"""`RequestRecord`: what the console shows of one request, without values of parameters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from org_common.auth.rules import Rule
from org_common.db.protocol.exchange_span import is_own, name
from org_common.telemetry.secret_values import MASK
from org_common.tools.database.tap import WITHHELD, one_line

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Protocol

    from org_common.db.protocol.statement import Wire

    class Trip(Protocol):
        """A round trip, as far as its record needs it: see `CapturedTrip`."""

        statements: Sequence[Wire]
        withheld: list[bool]
        verdict: str | None
        error: str | None
        began_ms: float
        took_ms: float

        def ran(self, at: int) -> int | None:
            """Rows of the statement at this position."""
            ...


# The records stay in memory: a handler may send a thousand round trips, or a statement of a megabyte.
MAX_ROUND_TRIPS = 100
MAX_STATEMENTS = 100
MAX_SQL = 4000
_PARAMETER = re.compile(r"%\((\w+)\)s")


# Not frozen: creating one would take three times as long.
@dataclass(slots=True)
class StatementRecord:
    """A statement of a round trip."""

    sql: str
    """The SQL on one line, with the names of its parameters, cut to `MAX_SQL` characters."""
    parameters: dict[str, str]
    """The mask that log lines have in place of a value, by parameter."""
    is_own: bool
    """The SDK wrote the statement: session setup, access rule, commit."""
    rows: int | None
    """Rows that it returned or changed; None if it did not run, or failed."""


@dataclass(slots=True)
class RoundTripRecord:
    """A round trip to the database."""

    name: str
    """The handler's statements by verb and table, else "commit", "rollback" or "session setup"."""
    began_ms: float
    """Milliseconds from the start of the request."""
    took_ms: float
    verdict: str | None
    """What the access rule decided, as in `RoundTrip`."""
    error: str | None
    """Why a statement failed; None if all ran."""
    statements: list[StatementRecord]
    """In the order in which they were sent, at most `MAX_STATEMENTS`."""

    @classmethod
    def of(cls, trip: Trip) -> RoundTripRecord:
        """The record of a round trip."""
        return cls(
            name=name(trip.statements),
            began_ms=round(trip.began_ms, 3),
            took_ms=round(trip.took_ms, 3),
            verdict=trip.verdict,
            error=trip.error,
            statements=[
                StatementRecord(*_shown(command, trip.withheld[at]), trip.ran(at))
                for at, (command, *_) in enumerate(trip.statements[:MAX_STATEMENTS])
            ],
        )


# The second argument is for the key, too: a statement may become one that is not shown.
@lru_cache(maxsize=1024)
def _shown(command: bytes, withheld: bool) -> tuple[str, dict[str, str], bool]:
    sql = WITHHELD if withheld else one_line(command)
    shown = sql if len(sql) <= MAX_SQL else f"{sql[:MAX_SQL]} …"
    return shown, dict.fromkeys(_PARAMETER.findall(sql), MASK), is_own(command)


@dataclass(slots=True)
class RequestRecord:
    """A request that has ended."""

    id: int
    """Grows with each request, also across restarts of the server."""
    at: str
    """When it began: RFC 3339, in UTC."""
    method: str
    path: str
    """The path as log lines show it: cut, and without secrets."""
    route: str | None
    """The route as declared, `GET /orgs/{org_id}`; None if no route matches."""
    rule: str | None
    """The access rule as it is written in Python."""
    verdict: str | None
    """What the rule decided, as in `RoundTrip`; "denied: 401" without a valid token, "not checked" if nothing was sent.

    None without a rule."""
    person: str | None
    """The demo user whose token was sent."""
    role: str | None
    """The database role of the route."""
    claims: dict[str, object] | None
    """The claims that policies see in `request.jwt.claims`; None for a request without an identity."""
    status: int
    code: str | None
    """The code of the problem that it ended in."""
    took_ms: float
    round_trip_count: int
    round_trips: list[RoundTripRecord]
    """In the order in which they ended, at most `MAX_ROUND_TRIPS`."""


def verdict(rule: Rule | None, status: int, trips: Sequence[RoundTripRecord]) -> str | None:
    """What a request's access rule decided, with or without the database."""
    decisions = [trip.verdict for trip in trips if trip.verdict is not None]
    if rule is None:
        return None
    if refusals := [decision for decision in decisions if decision not in ("allowed", "not decided")]:
        return refusals[0]
    if "allowed" in decisions:
        return "allowed"
    if not rule.is_public and status == 401:
        return "denied: 401"
    return "allowed" if rule.expression is None else "not checked"
