"""What goes in front of the first statement of a unit: role, claims, limits, identity and the route's rule."""

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

# The server gives up this much before the answer must leave, so that its error still makes a problem.
SERVER_MARGIN_S = 0.5
# And the client this much before, should the server stay mute: the promised 0.3 s, and the time to say so (2-7 ms).
CLIENT_MARGIN_S = 0.35

# One SELECT, its names constants: a name from outside could set anything (`row_security`). The role goes first and is
# one of three constants. `set_config(…, true)` ends with the transaction, also behind a transaction pooler; `SET LOCAL`
# in a pipeline would send a warning with each unit.
_SETTINGS = (
    b"select set_config('role', $1, true), set_config('request.jwt.claims', $2, true), "
    b"set_config('search_path', $3, true), set_config('statement_timeout', $4, true), "
    # Values are read as these write them, whatever the server's or the database's own styles are.
    b"set_config('datestyle', 'ISO', true), set_config('intervalstyle', 'postgres', true), "
    b"set_config('timezone', 'UTC', true)"
)
_READ_ONLY = _SETTINGS + b", set_config('transaction_read_only', 'on', true)"
_WRITING = _SETTINGS + b", set_config('idle_in_transaction_session_timeout', $4, true)"
# The same as texts, which take no parameters: for a proxy that is tied up by set_config.
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
# That is for what requests may become. The cast fails, and only where it is reached.
_RECHECK_SERVICE = (
    b"select case when current_user <> $1 or current_setting('request.jwt.claims', true) is distinct from $2 "
    b"then ('moved: ' || current_user)::integer end"
)
_KNOWN_USER = prepare_own("select app.identify(true)").bind(None)
_ANY_USER = prepare_own("select app.identify(false)").bind(None)


class SessionSetup:
    """The prelude of one request: who, as which role, under which rule.

    Not under it yet: `opening()` is sent with the first statement, in the same round trip.
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
        """`Unauthorized` without an identity that the rule asks for; `StatementError` when the rule does not bind.

        `set_local`, `reset`: as the profile says.
        """
        self.deadline = deadline
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
        self._rule = None if rule.expression is None else _require(rule.expression).bind(path)

    def opening(self, *, read_only: bool) -> list[Wire]:
        """The statements of the prelude; `GatewayTimeout` when there is no time left to run any."""
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

    def timeout(self) -> Wire:
        """For the later statements of a transaction: less time is left than when it was opened."""
        return _TIMEOUT, [b"%d" % self.server_timeout_ms()], (_TEXT_OID,), [TEXT_FORMAT]

    def recheck(self, claims: bytes) -> Wire:
        """In front of COMMIT: raises on the server when role or claims have moved since they were set."""
        recheck = _RECHECK_SERVICE if self._role == b"app_service" else _RECHECK
        return recheck, [self._role, claims], (_TEXT_OID, _TEXT_OID), [TEXT_FORMAT, TEXT_FORMAT]

    @property
    def claims(self) -> bytes:
        """As sent. `app.identify()` answers those that stand after it."""
        return self._claims

    def identified(self, opening: Sequence[Wire]) -> int | None:
        """Where in the opening `app.identify()` stands, None when it is not there."""
        return None if self._identify is None else opening.index(self._identify)

    def server_timeout_ms(self) -> int:
        """How long the server may work on a statement, from the time left; `GatewayTimeout` when that is nothing."""
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
    # As one literal a list of schemas would be the name of one.
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
    """The names of a search path, as the server reads one that set_config gives it."""
    found = re.findall(rb'\s*(?:"((?:[^"]|"")*)"|([^",]*[^",\s]))\s*(?:,|$)', search_path)
    return [quoted.replace(b'""', b'"') if quoted else plain.lower() for quoted, plain in found] or [b""]


def _literal(value: bytes) -> bytes:
    # E'' means the same whatever the server's standard_conforming_strings says.
    return b"E'" + value.replace(b"\\", b"\\\\").replace(b"'", b"''") + b"'"


_required: dict[str, Statement] = {}


def _require(expression: LiteralString) -> Statement:
    """`app.require(…)` around a rule: it raises, so nothing that follows in the round trip runs."""
    statement = _required.get(expression)
    if statement is None:
        statement = _required[expression] = prepare_own("select app.require(" + expression + ")")
    return statement
