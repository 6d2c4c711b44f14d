"""Access rules: conditions that are checked before a route's handler can read or write data."""

from __future__ import annotations

import re

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Final, Literal, LiteralString

    # Who may call: anyone, anyone with a valid token, or a registered user of the platform.
    Caller = Literal["anyone", "token", "user"]
    # The database roles of a request. The route selects one, never a token. No route uses `app_service`.
    Role = Literal["anon", "authenticated", "app_sys", "app_service"]
    SysRole = Literal["sys_user", "sys_admin", "sys_owner"]

_PLACEHOLDER = re.compile(r"%\((\w+)\)s")
_SYS_ROLES = ("sys_user", "sys_admin", "sys_owner")


class Rule:
    """The access rule of a route. True runs the handler, false responds 403, null responds 404.

    Rules with the same role combine: `a | b` is true if any is true, else false if any is false, else null; `a & b` is
    null if any is null, else false if any is false, else true. The SQL is sent with the first statement.
    """

    __slots__ = ("caller", "expression", "is_public", "name", "placeholders", "role")

    def __init__(self, name: str, caller: Caller, role: Role, expression: LiteralString | None = None) -> None:
        self.name: Final = name
        """The rule as it is written in Python, for lists and messages."""
        self.caller: Final = caller
        """Who may call: "anyone", "token" (anyone with a valid token) or "user" (a registered user)."""
        self.role: Final = role
        """The database role of the route."""
        self.expression: Final = expression
        """The SQL expression to check; None if only the caller matters."""
        self.is_public: Final = caller == "anyone"
        """True if the caller needs no token."""
        self.placeholders: Final = tuple(_PLACEHOLDER.findall(expression)) if expression else ()
        """The path parameters in the expression."""

    @property
    def needs_database(self) -> bool:
        """True if the rule is checked in the database."""
        return self.caller == "user"

    def __or__(self, other: Rule) -> Rule:
        return self._combined(other, "|", "app.any_of") if isinstance(other, Rule) else NotImplemented

    def __and__(self, other: Rule) -> Rule:
        return self._combined(other, "&", "app.all_of") if isinstance(other, Rule) else NotImplemented

    def _combined(self, other: Rule, sign: str, function: LiteralString) -> Rule:
        if self.expression is None or other.expression is None:
            raise TypeError(
                f"{self!r} {sign} {other!r}: only Check and SysCheck combine; PUBLIC, TOKEN and SIGNED_IN do not"
            )
        if self.role != other.role:
            raise TypeError(
                f"{self!r} {sign} {other!r}: a route runs as one database role, and SysCheck and Check need "
                "different ones. Declare two routes"
            )
        expression = function + "(" + self.expression + ", " + other.expression + ")"
        return Rule(f"({self.name} {sign} {other.name})", self.caller, self.role, expression)

    def __repr__(self) -> str:
        return self.name


class Check(Rule):
    """A rule that is an SQL expression, with the path parameters as placeholders.

    Check("app.has_org_role(%(org_id)s, 'org_user')")
    """

    __slots__ = ()

    def __init__(self, expression: LiteralString) -> None:
        """Raises `TypeError` for an empty expression."""
        if not expression.strip():
            raise TypeError(
                "Check() needs an SQL expression. Example: Check(\"app.has_org_role(%(org_id)s, 'org_user')\")"
            )
        super().__init__(f"Check({expression!r})", "user", "authenticated", expression)


class SysCheck(Rule):
    """A rule for `/admin/sys` routes: the caller has at least this sys role, and the route runs as `app_sys`."""

    __slots__ = ()

    def __init__(self, role: SysRole) -> None:
        """Raises `TypeError` for an unknown sys role."""
        if role not in _SYS_ROLES:
            raise TypeError(f"SysCheck({role!r}): the sys roles are {', '.join(_SYS_ROLES)}")
        super().__init__(f"SysCheck({role!r})", "user", "app_sys", _SYS_CHECKS[role])


_SYS_CHECKS: dict[str, LiteralString] = {
    "sys_user": "app.has_sys_role('sys_user')",
    "sys_admin": "app.has_sys_role('sys_admin')",
    "sys_owner": "app.has_sys_role('sys_owner')",
}

PUBLIC = Rule("PUBLIC", "anyone", "anon")
"""Anyone, without a token."""
TOKEN = Rule("TOKEN", "token", "authenticated")
"""Anyone with a valid token; the user may not be registered yet (first sign-in)."""
SIGNED_IN = Rule("SIGNED_IN", "user", "authenticated")
"""A registered user with a valid token."""
