"""Error mapping: from the SQLSTATE of a failed statement to the `OrgError` that the caller gets.

Mapped by SQLSTATE, not by exception class or message: the SDK's own codes have no class, and messages are localized.
https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from psycopg.pq import DiagnosticField
from psycopg.pq.abc import PGresult

from org_common.db.protocol.statement import Wire
from org_common.values.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    GatewayTimeout,
    Gone,
    NotFound,
    OrgError,
    PreconditionFailed,
    TooManyRequests,
    Unavailable,
    Unprocessable,
)

TYPE_CHECKING = False

if TYPE_CHECKING:
    from org_common.db.protocol.origin import Origin

# The server's C function behind RAISE in PL/pgSQL: the author of the function chose the code.
RAISE = "exec_stmt_raise"


class StatementFailed(Exception):
    """The server's error, for the log: the `__cause__` of the `OrgError` that the caller gets.

    `detail` and `hint` may hold values of rows and are not part of `str()`. `done` are the results of the statements
    before it in its round trip, `routine` is the server's C function that raised it, `origin` names what it is about.
    `is_in_sql` says that the server pointed at a place of the SQL, `is_in_function` that it was running a function, and
    `statement` is what failed.
    """

    def __init__(
        self,
        sqlstate: str,
        message: str,
        detail: str | None = None,
        hint: str | None = None,
        *,
        routine: str | None = None,
        origin: Origin | None = None,
        severity: str = "ERROR",
        is_in_sql: bool = False,
        is_in_function: bool = False,
        done: Sequence[PGresult] = (),
    ) -> None:
        super().__init__(f"{message} (SQLSTATE {sqlstate})")
        self.sqlstate = sqlstate
        self.message = message
        self.detail = detail
        self.hint = hint
        self.routine = routine
        self.origin = origin
        self.severity = severity
        self.is_in_sql = is_in_sql
        self.is_in_function = is_in_function
        self.statement: Wire | None = None
        self.done: list[PGresult] = list(done)

    @property
    def constraint(self) -> str | None:
        """The name of the violated constraint."""
        return None if self.origin is None else self.origin.constraint

    @property
    def table(self) -> str | None:
        """The table with its schema: "desk.tickets"."""
        return None if self.origin is None else self.origin.table

    @property
    def column(self) -> str | None:
        """The column that must not be null."""
        return None if self.origin is None else self.origin.column

    @property
    def is_stale_plan(self) -> bool:
        """A prepared statement does not exist, exists already, or was planned for a table that has changed."""
        if self.sqlstate in ("26000", "42P05"):
            return self.routine != RAISE
        # 0A000 has many meanings; the C function identifies this one, whatever the language of the message.
        return self.sqlstate == "0A000" and self.routine == "RevalidateCachedQuery"

    @property
    def is_from_caller(self) -> bool:
        """The caller sent the value that failed, as far as can be told. False for a bug in the program."""
        if self.routine == RAISE or self.statement is None:
            return True
        # Here and below: most environments never see an error of the server, and its modules take a hundredth of a
        # handler's import.
        from org_common.db.protocol import blame

        if self.sqlstate == "23502":
            return blame.is_null_sent(self.statement)
        if self.sqlstate == "23514":
            return blame.is_row_sent(self.statement, self.routine)
        if self.sqlstate == "54001" and self.is_in_function:
            # Functions that call each other without an end; without a function it is a deep JSON value.
            return False
        is_quoted = blame.is_value_quoted(self.sqlstate, self.routine)
        return blame.is_value_sent(self.statement, self.message, is_in_sql=self.is_in_sql, is_quoted=is_quoted)


class ConnectionLost(Exception):
    """The connection broke or was closed. Whether the server ran the statements is unknown.

    `reason` is the last error of the server or pooler before it closed the connection, None when it sent none.
    """

    def __init__(self, message: str, reason: StatementFailed | None = None) -> None:
        super().__init__(message)
        self.reason = reason


class IdentityMoved(Exception):
    """Role or claims at COMMIT differ from those that the transaction began with. Nothing was committed."""


class RolledBack(Unavailable):
    """The transaction was rolled back for certain, by a conflict or a lost connection: the handler may run again."""

    code = "concurrent_change"
    detail = "Another change was made at the same time, or the connection broke. Nothing was saved. Try again."


def failure(result: PGresult, done: list[PGresult]) -> StatementFailed:
    """The failed result as an exception; `done` are the results before it."""
    from org_common.db.protocol.origin import Origin

    return StatementFailed(
        _field(result, DiagnosticField.SQLSTATE) or "",
        _field(result, DiagnosticField.MESSAGE_PRIMARY) or "the server gave no message",
        _field(result, DiagnosticField.MESSAGE_DETAIL),
        _field(result, DiagnosticField.MESSAGE_HINT),
        routine=_field(result, DiagnosticField.SOURCE_FUNCTION),
        origin=Origin(result),
        # PgBouncer sends only the severity that a server would localize.
        severity=_field(result, DiagnosticField.SEVERITY_NONLOCALIZED)
        or _field(result, DiagnosticField.SEVERITY)
        or "ERROR",
        is_in_sql=result.error_field(DiagnosticField.STATEMENT_POSITION) is not None,
        # "PL/pgSQL function", "SQL function" in any language; a parameter and a JSON value have a context, too.
        is_in_function=b"SQL" in (result.error_field(DiagnosticField.CONTEXT) or b""),
        done=done,
    )


def to_org_error(failed: StatementFailed, *, read_only: bool) -> OrgError:
    """The error that the caller gets. `read_only`: the SDK made this transaction READ ONLY."""
    state = failed.sqlstate
    if state[:2] == "OC":
        return _own(failed)
    if state == "25006":
        if read_only:
            return OrgError("The handler tried to write in a read-only transaction.", code="read_only_unit")
        # The SDK did not ask for READ ONLY: a failover left this connection on a standby.
        return Unavailable()
    return _make(failed)()


def _make(failed: StatementFailed) -> Callable[[], OrgError]:
    state = failed.sqlstate
    if failed.routine in _ROUTINES:
        return _ROUTINES[failed.routine]
    row = state if state in _ERRORS else state[:2]
    if row not in _ERRORS:
        from org_common.db.protocol.blame import is_parser_of_values

        is_value = is_parser_of_values(failed.routine) and failed.is_from_caller
        return _invalid_value if is_value else OrgError
    return OrgError if row in _OF_VALUES and not failed.is_from_caller else _ERRORS[row]


def _invalid_value() -> OrgError:
    return Unprocessable("A value is not valid for its field.", code="invalid_value")


# By complete code, then by class. Anything else is a bug in the program: 500.
_ERRORS: dict[str, Callable[[], OrgError]] = {
    # A sequence that is used up and a division by zero: no caller can know either.
    "2200H": OrgError,
    "22012": OrgError,
    "22": _invalid_value,
    "23001": lambda: Conflict(
        "A referenced resource does not exist, or this one is still referenced.", code="broken_reference"
    ),
    "23502": lambda: Unprocessable("A required value is missing.", code="missing_value"),
    "23503": lambda: Conflict(
        "A referenced resource does not exist, or this one is still referenced.", code="broken_reference"
    ),
    "23505": lambda: Conflict("A resource with this value already exists.", code="duplicate"),
    "23514": lambda: Unprocessable("A value is outside the allowed range.", code="invalid_value"),
    "23P01": lambda: Conflict("This overlaps with an existing resource.", code="overlap"),
    "40": lambda: Unavailable("Another change was made at the same time. Try again.", code="concurrent_change"),
    "42501": Forbidden,
    "44000": lambda: Unprocessable("A value is outside the allowed range.", code="invalid_value"),
    "53": Unavailable,
    "54": _invalid_value,
    "55P03": lambda: Unavailable("This resource is being changed by another request. Try again.", code="locked"),
    "57014": GatewayTimeout,
    "57P01": Unavailable,
    "57P02": Unavailable,
    "57P03": Unavailable,
    "57P05": Unavailable,
    # The server can still be reached: the statement has another number of parameters than were sent.
    "08P01": OrgError,
    "08": Unavailable,
}
# These are 500 unless the caller sent the value: the program's own SQL, policies and functions fail with them too.
_OF_VALUES = frozenset({"22", "23502", "23514", "44000", "54"})
# Told by the server's C function: a partition that no migration created has the code of a check constraint.
_ROUTINES: dict[str | None, Callable[[], OrgError]] = {"ExecFindPartition": OrgError}

# `raise exception using errcode = 'OC409', message = 'last_owner', detail = 'An organization needs an owner.'`
# in a module's own function: status from the code, `code` from the message, `detail` from the detail.
_OWN: dict[str, type[OrgError]] = {
    "OC400": BadRequest,
    "OC403": Forbidden,
    "OC404": NotFound,
    "OC409": Conflict,
    "OC410": Gone,
    "OC412": PreconditionFailed,
    "OC422": Unprocessable,
    "OC429": TooManyRequests,
}
UNKNOWN_USER = "OCUSR"


def _own(failed: StatementFailed) -> OrgError:
    if failed.sqlstate == UNKNOWN_USER:
        return Forbidden("No account exists for this user.", code="not_provisioned")
    kind = _OWN.get(failed.sqlstate)
    if kind is None:
        return OrgError()
    if kind is TooManyRequests:
        # The hint is the value of Retry-After: whole seconds.
        wait = failed.hint or ""
        return TooManyRequests(failed.detail, code=failed.message, retry_after_s=int(wait) if wait.isdecimal() else 1)
    return kind(failed.detail, code=failed.message)


def _field(result: PGresult, field: DiagnosticField) -> str | None:
    value = result.error_field(field)
    return value.decode(errors="replace") if value is not None else None
