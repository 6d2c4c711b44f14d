"""Shows each round trip to the database to listeners: for `org-common dev --sql`, and for tests.

Never used in Lambda: it replaces the function that exchanges messages with the server.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from org_common.db.connections import connection
from org_common.db.protocol.errors import StatementFailed
from org_common.db.protocol.exchange_span import is_own
from org_common.db.protocol.parameter_names import is_withheld, named
from org_common.db.protocol.statement import Wire
from org_common.db.protocol.wire import exchange
from org_common.telemetry.secret_values import MASK

RULE = b"select app.require("
WITHHELD = "a statement that was composed with values"
VERDICTS = {"OC403": "denied: 403", "OC404": "denied: 404", "OCUSR": "unknown user: 403"}


@dataclass(frozen=True)
class Sent:
    """A statement of a handler, in a round trip."""

    sql: str
    """The SQL with the names of its parameters, on one line; never their values."""
    rows: int | None
    """Rows that it returned or changed; None if it did not run, or failed."""


@dataclass(frozen=True)
class RoundTrip:
    """One round trip to the database."""

    statements: Sequence[Wire]
    """Everything that was sent, session setup included."""
    results: Sequence[Any]
    """The results of the statements that ran, in order."""
    error: Exception | None
    """Why one of them failed; None if all ran."""
    took_ms: float

    @property
    def verdict(self) -> str | None:
        """What the access rule decided: "allowed", "denied: 403" or "denied: 404"; None if none was sent."""
        failed = getattr(self.error, "sqlstate", None)
        if failed in VERDICTS:
            return VERDICTS[failed]
        for at, (command, *_) in enumerate(self.statements):
            if command.startswith(RULE):
                return "allowed" if at < len(self.results) else "not decided"
        return None

    def sent(self) -> list[Sent]:
        """The handler's statements; without those of the SDK."""
        return [
            Sent(one_line(command), self.rows(at))
            for at, (command, *_) in enumerate(self.statements)
            if not is_own(command)
        ]

    def rows(self, at: int) -> int | None:
        """Rows that the statement at this position returned, or else changed; None if it did not run, or failed."""
        if at >= len(self.results):
            return None
        result = self.results[at]
        return int(result.ntuples or result.command_tuples or 0)


Listener = Callable[[RoundTrip], None]
_listeners: list[Listener] = []
_exchange = exchange


def listen(listener: Listener) -> None:
    """Call `listener` after each round trip of this process, in the thread that made it."""
    _listeners.append(listener)
    setattr(connection, "exchange", _tapped)  # noqa: B010 -- for both type checkers


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Call `listener` after each round trip in the block."""
    listen(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)
        if not _listeners:
            setattr(connection, "exchange", _exchange)  # noqa: B010 -- as above


def _tapped(
    pgconn: Any, statements: Sequence[Wire], deadline_s: float, plans: Any = None, pooler: Any = None
) -> list[Any]:
    began_s = time.perf_counter()
    try:
        results = _exchange(pgconn, statements, deadline_s, plans, pooler)
    except Exception as error:
        done = error.done if isinstance(error, StatementFailed) else []
        _tell(RoundTrip(statements, done, error, _ms_since(began_s)))
        raise
    _tell(RoundTrip(statements, results, None, _ms_since(began_s)))
    return results


def _tell(trip: RoundTrip) -> None:
    for listener in tuple(_listeners):
        listener(trip)


def _ms_since(began_s: float) -> float:
    return (time.perf_counter() - began_s) * 1000


def one_line(command: bytes) -> str:
    """A statement with the names of its parameters, on one line; never their values."""
    if is_withheld(command):
        return WITHHELD
    line = re.sub(r"\s+", " ", named(command.decode(errors="replace"), command)).strip()
    # The SDK's only statements with values: claims, for a proxy that would pin a connection for their parameters.
    return re.sub(r"(?i)^(set local [^=]+=).*", rf"\1 {MASK}", line)
