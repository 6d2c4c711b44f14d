"""Instrumentation of one round trip: the counters of its request, and a span that names its statements."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from functools import lru_cache
from types import TracebackType

from org_common.db.protocol.statement import Wire
from org_common.telemetry import trace
from org_common.telemetry.invocation import current

# Compiled for the first span: most functions have no tracer.
# How the SDK's own statements begin, and a handler's cannot or would not.
_OWN = (
    rb"(?i)begin|commit|rollback|savepoint|release|set local|reset all|"
    rb"select (?:set_config|app\.|pg_|current_setting|case when current_user <> \$1)"
)
_VERB = rb"(?i)\b(select|insert|update|delete|merge|values|table|with)\b"
_TABLE = rb"(?i)\b(?:from|into|update|table|using)\s+(?:only\s+)?([a-z_][a-z0-9_$]*(?:\.[a-z_][a-z0-9_$]*)?)"
MAX_NAME_LENGTH = 255


class ExchangeSpan:
    """Context manager around one exchange."""

    __slots__ = ("_began_s", "_span")

    def __init__(self, statements: Sequence[Wire]) -> None:
        self._span: trace.Span | None = None
        if trace.tracer is not None:
            self._span = trace.span(name(statements), {"db.system.name": "postgresql"}, kind="client")

    def __enter__(self) -> None:
        if self._span is not None:
            self._span.__enter__()
        self._began_s = time.perf_counter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        invocation = current.get()
        if invocation is not None:
            invocation.database_round_trips += 1
            invocation.database_ms += (time.perf_counter() - self._began_s) * 1000
        if self._span is not None:
            self._span.__exit__(kind, error, traceback)


def name(statements: Sequence[Wire]) -> str:
    """The handler's statements by verb and table, as OpenTelemetry's db.query.summary: no SQL, no value.

    For a round trip without one, its purpose: "commit", "rollback", else "session setup".
    """
    commands = [statement[0] for statement in statements]
    summaries = [summary(command) for command in commands if not is_own(command)]
    if summaries:
        return "; ".join(summaries)[:MAX_NAME_LENGTH]
    ends = [command.decode() for command in commands if command in (b"commit", b"rollback")]
    return ends[0] if ends else "session setup"


def is_own(command: bytes) -> bool:
    """Whether the SDK wrote the statement, not a handler."""
    return re.match(_OWN, command) is not None


@lru_cache(maxsize=1024)
def summary(command: bytes) -> str:
    """The verb of a statement and the first table that it names: `SELECT access.orgs`."""
    verb, table = re.search(_VERB, command), re.search(_TABLE, command)
    found = [verb[1].decode().upper() if verb else "STATEMENT"]
    if table:
        found.append(table[1].decode())
    return " ".join(found)
