"""Error mapping: from the SQLSTATE of a failed statement to the `OrgError` that the caller gets.

Mapped by SQLSTATE, not by exception class or message: the SDK's own codes have no class, and messages are localized.
https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from psycopg.pq import DiagnosticField
from psycopg.pq.abc import PGresult

from org_common.db.protocol.origin import Origin
from org_common.values.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    GatewayTimeout,
    Gone,
    NotFound,
    OrgError,
    PreconditionFailed,
    Unavailable,
    Unprocessable,
)


class StatementFailed(Exception):
    """The server's error, for the log: the `__cause__` of the `OrgError` that the caller gets.

    `detail` and `hint` may hold values of rows and are not part of `str()`. `done` are the results of the statements
    before it in its round trip, `routine` is the server's C function that raised it, `origin` names what it is about.
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
        # 0A000 has many meanings; the C function identifies this one, whatever the language of the message.
        return self.sqlstate in ("26000", "42P05") or (
            self.sqlstate == "0A000" and self.routine == "RevalidateCachedQuery"
        )


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
    for width in (5, 2):
        make = _ERRORS.get(state[:width])
        if make is not None:
            return make()
    return OrgError()


# By complete code, then by class. Anything else is a bug in the program: 500.
_ERRORS: dict[str, Callable[[], OrgError]] = {
    "22": lambda: Unprocessable("A value is not valid for its field.", code="invalid_value"),
    "23502": lambda: Unprocessable("A required value is missing.", code="missing_value"),
    "23503": lambda: Conflict(
        "A referenced resource does not exist, or this one is still referenced.", code="broken_reference"
    ),
    "23505": lambda: Conflict("A resource with this value already exists.", code="duplicate"),
    "23514": lambda: Unprocessable("A value is outside the allowed range.", code="invalid_value"),
    "23P01": lambda: Conflict("This overlaps with an existing resource.", code="overlap"),
    "40": lambda: Unavailable("Another change was made at the same time. Try again.", code="concurrent_change"),
    "42501": Forbidden,
    "53": Unavailable,
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
}
UNKNOWN_USER = "OCUSR"


def _own(failed: StatementFailed) -> OrgError:
    if failed.sqlstate == UNKNOWN_USER:
        return Forbidden("No account exists for this user.", code="not_provisioned")
    kind = _OWN.get(failed.sqlstate)
    if kind is None:
        return OrgError()
    return kind(failed.detail, code=failed.message)


def _field(result: PGresult, field: DiagnosticField) -> str | None:
    value = result.error_field(field)
    return value.decode(errors="replace") if value is not None else None
