"""Lines about round trips to the database: statements, rows, time, and what the access rule decided."""

from __future__ import annotations

import sys
from collections.abc import Callable

from org_common.db.protocol.exchange_span import name
from org_common.telemetry.causes import message_of
from org_common.telemetry.line import visible
from org_common.tools.database.tap import RoundTrip, Sent, listen

MAX_SQL = 500


def describe(trip: RoundTrip) -> str:
    """One line per statement of a handler; the first one has the time and the verdict of the access rule."""
    head = f"{trip.took_ms:.1f} ms"
    if trip.verdict is not None:
        head += f", rule {trip.verdict}"
    if trip.error is not None and trip.verdict in (None, "allowed", "not decided"):
        head += f", failed: {message_of(trip.error)}"
    lines = [_line(sent) for sent in trip.sent()] or [name(trip.statements)]
    return "\n".join([f"{head}: {lines[0]}", *(f"  {line}" for line in lines[1:])])


def print_statements(write: Callable[[str], object] = sys.stderr.write) -> None:
    """Print each round trip of this process from now on, by default on stderr."""

    def show(trip: RoundTrip) -> None:
        # One write, so that lines of threads do not mix.
        write("".join(f"sql {visible(line)}\n" for line in describe(trip).splitlines()))

    listen(show)


def _line(sent: Sent) -> str:
    rows = "" if sent.rows is None else f" -- {sent.rows} row{'' if sent.rows == 1 else 's'}"
    sql = sent.sql if len(sent.sql) <= MAX_SQL else f"{sent.sql[:MAX_SQL]} …"
    return f"{sql}{rows}"
