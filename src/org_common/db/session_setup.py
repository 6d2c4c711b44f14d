"""The session setup in front of a transaction's first statement: role, claims, limits, identity, access rule."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, LiteralString

from org_common.auth.rules import Rule
from org_common.db.protocol.statement import TEXT_FORMAT, Statement, Wire, prepare_own
from org_common.values.errors import GatewayTimeout, Unauthorized
from org_common.values.identity import Identity
from org_common.values.types import Deadline

# The server cancels a statement this long before the deadline, so that its error still becomes a response.
SERVER_MARGIN_S = 0.5
# The client gives up this long before, if the server does not respond: 0.3 s, and the time to respond (2-7 ms).
CLIENT_MARGIN_S = 0.35

# One SELECT with constant names: a name from outside could set anything (`row_security`). The role comes first and is
# one of three constants. `set_config(…, true)` ends with the transaction, also behind a transaction pooler; `SET LOCAL`
# in a pipeline would send a warning with each transaction.
_SETTINGS = (
    b"select set_config('role', $1, true), set_config('request.jwt.claims', $2, true), "
    b"set_config('search_path', $3, true), set_config('statement_timeout', $4, true), "
    # Values are parsed in these styles, whatever the server or the database defaults to.
    b"set_config('datestyle', 'ISO', true), set_config('intervalstyle', 'postgres', true), "
    b"set_config('timezone', 'UTC', true)"
)
_READ_ONLY = _SETTINGS + b", set_config('transaction_read_only', 'on', true)"
_WRITING = _SETTINGS + b", set_config('idle_in_transaction_session_timeout', $4, true)"
# The same as SET LOCAL, which takes no parameters: RDS Proxy pins a connection that calls set_config.
_LOCAL_NAMES = (b"role", b'"request.jwt.claims"', b"search_path", b"statement_timeout")
_LOCAL_READ_ONLY: Wire = (b"set local transaction_read_only = on", [], (), [])
_LOCAL_STYLES: list[Wire] = [
    (text, [], (), [])
    for text in (b"set local datestyle = 'ISO'", b"set local intervalstyle = 'postgres'", b"set local timezone = 'UTC'")
]
# Costs 8-15 us of the server (a guarded read takes 220-380; 2026-11).
_RESET: Wire = (b"reset all", [], (), [])
_TEXT_OID = 25
_TEXTS = (_TEXT_OID,) * 4
_FORMATS = [TEXT_FORMAT] * 4
_TIMEOUT = b"select set_config('statement_timeout', $1, true)"
_RECHECK = b"select app.recheck($1, $2)"
# app.recheck is for the roles of requests. The cast fails when it is evaluated, which is only when they differ.
_RECHECK_SERVICE = (
    b"select case when current_user <> $1 or current_setting('request.jwt.claims', true) is distinct from $2 "
    b"then ('moved: ' || current_user)::integer end"
)
_KNOWN_USER = prepare_own("select app.identify(true)").bind(None)
_ANY_USER = prepare_own("select app.identify(false)").bind(None)


class SessionSetup:
    """The session setup of one request: caller, role and access rule.

    `statements()` are sent with the first statement, in the same round trip.
    """

    __slots__ = ("_claims", "_identify", "_reset", "_role", "_rule", "_search_path", "_set_local", "deadline")

    def __init__(
        self,
        rule: Rule,
        identity: Identity | None,
        path: Mapping[str, Any],
        deadline: Deadline,
        search_path: str,
        *,
        set_local: bool = False,
        reset: bool = False,
    ) -> None:
        """Raises `Unauthorized` without an identity that the rule needs, `StatementError` when it cannot be bound.

        `set_local` and `reset` come from the database profile.
        """
        self.deadline: Deadline = deadline
        self._role = rule.role.encode()
        self._search_path = search_path.encode()
        self._set_local = set_local
        self._reset = reset
        self._identify: Wire | None = None
        if rule.is_public:
            self._claims = b'{"role":"%s"}' % self._role
        elif identity is None:
            raise Unauthorized
        else:
            self._claims = identity.claims(rule.role).encode()
            self._identify = _KNOWN_USER if rule.caller == "user" else _ANY_USER
        self._rule = None if rule.expression is None else require_statement(rule.expression).bind(path)

    def statements(self, *, read_only: bool) -> list[Wire]:
        """The statements to send first. Raises `GatewayTimeout` when no time is left to run any."""
        values: list[bytes | None] = [self._role, self._claims, self._search_path, b"%d" % self.server_timeout_ms()]
        if self._set_local:
            wires: list[Wire] = _set_local(values, read_only=read_only)
        else:
            wires = [(_READ_ONLY if read_only else _WRITING, values, _TEXTS, _FORMATS)]
        if self._reset:
            wires.insert(0, _RESET)
        if self._identify is not None:
            wires.append(self._identify)
        if self._rule is not None:
            wires.append(self._rule)
        return wires

    @property
    def has_search_path(self) -> bool:
        """True when a statement can name tables and functions of the project without their schema."""
        return bool(self._search_path)

    def timeout(self) -> Wire:
        """The time limit of later statements of a transaction: less time is left than when it was opened."""
        return _TIMEOUT, [b"%d" % self.server_timeout_ms()], (_TEXT_OID,), [TEXT_FORMAT]

    def recheck(self, claims: bytes) -> Wire:
        """The check in front of COMMIT: raises on the server when role or claims have changed since they were set."""
        recheck = _RECHECK_SERVICE if self._role == b"app_service" else _RECHECK
        return recheck, [self._role, claims], (_TEXT_OID, _TEXT_OID), [TEXT_FORMAT, TEXT_FORMAT]

    @property
    def claims(self) -> bytes:
        """The claims as sent. `app.identify()` returns those that apply after it."""
        return self._claims

    def identify_index(self, statements: Sequence[Wire]) -> int | None:
        """The index of `app.identify()` among the statements; None without it."""
        return None if self._identify is None else statements.index(self._identify)

    def server_timeout_ms(self) -> int:
        """How long the server may work on a statement, in ms. Raises `GatewayTimeout` when no time is left."""
        left_ms = int((self.deadline.left_s() - SERVER_MARGIN_S) * 1000)
        if left_ms <= 0:
            raise GatewayTimeout
        return left_ms

    @property
    def deadline_s(self) -> float:
        """When to stop waiting for the server, on the clock of `time.monotonic()`."""
        return self.deadline.at_s - CLIENT_MARGIN_S


def _set_local(values: Sequence[bytes | None], *, read_only: bool) -> list[Wire]:
    role, claims, search_path, timeout_ms = (value or b"" for value in values)
    # One literal with a list of schemas would name a single schema.
    schemas = b", ".join(_literal(name) for name in _schemas(search_path))
    written = (_literal(role), _literal(claims), schemas, _literal(timeout_ms))
    texts = [b"set local " + name + b" = " + value for name, value in zip(_LOCAL_NAMES, written, strict=True)]
    last = (
        _LOCAL_READ_ONLY
        if read_only
        else (b"set local idle_in_transaction_session_timeout = " + written[3], [], (), [])
    )
    return [*[(text, [], (), []) for text in texts], *_LOCAL_STYLES, last]


@lru_cache(maxsize=8)
def _schemas(search_path: bytes) -> list[bytes]:
    """The schema names of a search path, parsed as the server parses the value of set_config."""
    found = re.findall(rb'\s*(?:"((?:[^"]|"")*)"|([^",]*[^",\s]))\s*(?:,|$)', search_path)
    return [quoted.replace(b'""', b'"') if quoted else plain.lower() for quoted, plain in found] or [b""]


def _literal(value: bytes) -> bytes:
    # E'' means the same whatever standard_conforming_strings is set to.
    return b"E'" + value.replace(b"\\", b"\\\\").replace(b"'", b"''") + b"'"


_required: dict[str, Statement] = {}


def require_statement(expression: LiteralString) -> Statement:
    """`app.require(…)` around an access rule: it raises, so no later statement of the round trip runs."""
    statement = _required.get(expression)
    if statement is None:
        statement = _required[expression] = prepare_own("select app.require(" + expression + ")")
    return statement
