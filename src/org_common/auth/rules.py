"""Access rules: what must hold before a route's handler may read or write anything."""

from __future__ import annotations

import re

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Final, Literal, LiteralString

    # What is known of the caller: nothing, a valid token, or a known user of this platform.
    Caller = Literal["anyone", "token", "user"]
    # The database roles that a request may take. The route picks one; a token never does. `app_service` is no route's.
    Role = Literal["anon", "authenticated", "app_sys", "app_service"]
    SysRole = Literal["sys_user", "sys_admin", "sys_owner"]

_PLACEHOLDER = re.compile(r"%\((\w+)\)s")
_SYS_ROLES = ("sys_user", "sys_admin", "sys_owner")


class Rule:
    """A rule of one route. True lets the handler go on, false answers 403, null answers 404.

    Rules of one role combine: `a | b` is true if any is true, else false if any is false, else null; `a & b` is null
    if any is null, else false if any is false, else true. All of it is SQL, answered with the first statement.
    """

    __slots__ = ("caller", "expression", "is_public", "name", "placeholders", "role")

    def __init__(self, name: str, caller: Caller, role: Role, expression: LiteralString | None = None) -> None:
        self.name: Final = name
        self.caller: Final = caller
        self.role: Final = role
        self.expression: Final = expression
        self.is_public: Final = caller == "anyone"
        self.placeholders: Final = tuple(_PLACEHOLDER.findall(expression)) if expression else ()

    @property
    def needs_database(self) -> bool:
        return self.caller == "user"

    def __or__(self, other: Rule) -> Rule:
        return self._combined(other, "|", "app.any_of") if isinstance(other, Rule) else NotImplemented

    def __and__(self, other: Rule) -> Rule:
        return self._combined(other, "&", "app.all_of") if isinstance(other, Rule) else NotImplemented

    def _combined(self, other: Rule, sign: str, function: LiteralString) -> Rule:
        if self.expression is None or other.expression is None:
            raise TypeError(
                f"{self!r} {sign} {other!r}: only Check and SysCheck combine; PUBLIC, TOKEN and SIGNED_IN stand alone"
            )
        if self.role != other.role:
            raise TypeError(
                f"{self!r} {sign} {other!r}: a route runs as one database role, and a SysCheck asks for another "
                "one than a Check. Declare two routes"
            )
        expression = function + "(" + self.expression + ", " + other.expression + ")"
        return Rule(f"({self.name} {sign} {other.name})", self.caller, self.role, expression)

    def __repr__(self) -> str:
        return self.name


class Check(Rule):
    """One SQL expression over the parameters of the path.

    Check("app.has_org_role(%(org_id)s, 'org_user')")
    """

    __slots__ = ()

    def __init__(self, expression: LiteralString) -> None:
        if not expression.strip():
            raise TypeError(
                "Check() needs an SQL expression. Example: Check(\"app.has_org_role(%(org_id)s, 'org_user')\")"
            )
        super().__init__(f"Check({expression!r})", "user", "authenticated", expression)


class SysCheck(Rule):
    """For `/admin/sys` routes: the caller has at least this sys role, and the route runs as `app_sys`."""

    __slots__ = ()

    def __init__(self, role: SysRole) -> None:
        if role not in _SYS_ROLES:
            raise TypeError(f"SysCheck({role!r}): the sys roles are {', '.join(_SYS_ROLES)}")
        super().__init__(f"SysCheck({role!r})", "user", "app_sys", _SYS_CHECKS[role])


_SYS_CHECKS: dict[str, LiteralString] = {
    "sys_user": "app.has_sys_role('sys_user')",
    "sys_admin": "app.has_sys_role('sys_admin')",
    "sys_owner": "app.has_sys_role('sys_owner')",
}

PUBLIC = Rule("PUBLIC", "anyone", "anon")
"""Anybody, without a token."""
TOKEN = Rule("TOKEN", "token", "authenticated")
"""A valid token; the platform may not know its user yet (first sign-in)."""
SIGNED_IN = Rule("SIGNED_IN", "user", "authenticated")
"""A valid token of a user that the platform knows."""
