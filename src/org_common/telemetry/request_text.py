"""The line of a request as text, for a terminal."""

from __future__ import annotations

import time

from org_common.telemetry.line import clock, visible

TYPE_CHECKING = False

if TYPE_CHECKING:
    from org_common.http.request import Request
    from org_common.telemetry.invocation import Invocation
    from org_common.telemetry.redaction import Redactor

# As in JSON: a longer path has no route.
MAX_PATH_LENGTH = 200


def request_text(
    sent: Request | None, invocation: Invocation, redactor: Redactor, *, outcome: str, took_ms: float, size: int
) -> str:
    """Method and path, the outcome (status and code), the time, the round trips to the database and the size.

    The path is masked and cut, and its control characters become escapes: anyone can send them.
    """
    name = "event"
    if sent is not None:
        path = sent.sent_path if len(sent.sent_path) <= MAX_PATH_LENGTH else f"{sent.sent_path[:MAX_PATH_LENGTH]}…"
        name = f"{sent.method} {redactor.text(path)}"
    round_trips = invocation.database_round_trips
    count = f"{round_trips} round trip{'s' if round_trips > 1 else ''}"
    database = f", {count} {invocation.database_ms:.1f} ms" if round_trips else ""
    # A 500 response contains this id.
    request_id = invocation.fields.get("request_id") if outcome.startswith("5") else None
    named = "" if request_id is None else f"  request_id={request_id}"
    line = f"{clock(time.time())} INFO     {name} {outcome}  {took_ms:.1f} ms{database}, {size} bytes{named}"
    return f"{visible(line)}\n"
