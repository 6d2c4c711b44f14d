"""Access rules: conditions that are checked before a route's handler can read or write data."""

from __future__ import annotations

# At run time, unlike elsewhere: every route loads `typing`, and models take the roles from here.
from typing import Generic, Literal, LiteralString, TypeVar, get_args

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final

    # Who may call: anyone, anyone with a valid token, or a registered user of the platform.
    Caller = Literal["anyone", "token", "user"]
    # The database roles of a request. The route selects one, never a token. No route uses `app_service`.
    Role = Literal["anon", "authenticated", "app_sys", "app_service"]

SysRole = Literal["sys_user", "sys_admin", "sys_owner"]
"""The roles on the platform, lowest first: the values of the SQL type `app.sys_role`."""
OrgRole = Literal["org_user", "org_admin", "org_owner"]
"""The roles in an organization, lowest first: the values of the SQL type `app.org_role`."""

RoleName = TypeVar("RoleName", bound=LiteralString)

_SYS_ROLES: tuple[SysRole, ...] = get_args(SysRole)


class Rule:
    """The access rule of a route. True runs the handler, false responds 403, null responds 404.

    Rules with the same database role combine: `a | b` is true if any is true, else false if any is false, else null;
    `a & b` is null if any is null, else false if any is false, else true. The SQL is sent with the handler's first
    statement.
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
        self.placeholders: Final = _placeholders(expression or "")
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
                f"{self!r} {sign} {other!r}: PUBLIC, TOKEN and SIGNED_IN do not combine with other rules; "
                "Check, OrgCheck, SysCheck and the rules of a Ladder do"
            )
        if self.role != other.role:
            raise TypeError(
                f"{self!r} {sign} {other!r}: a route runs as one database role, and these rules need {self.role} and "
                f"{other.role}. Declare two routes"
            )
        expression = function + "(" + self.expression + ", " + other.expression + ")"
        return Rule(f"({self.name} {sign} {other.name})", self.caller, self.role, expression)

    def __repr__(self) -> str:
        return self.name


class Check(Rule):
    """A rule that is an SQL expression, with the path parameters as placeholders. For roles there is `OrgCheck`.

    Check("%(user_id)s = app.uid()")
    """

    __slots__ = ()

    def __init__(self, expression: LiteralString) -> None:
        """Raises `TypeError` for an empty expression."""
        if not expression.strip():
            raise TypeError('Check() needs an SQL expression. Example: Check("%(user_id)s = app.uid()")')
        super().__init__(f"Check({expression!r})", "user", "authenticated", expression)


class SysCheck(Rule):
    """A rule for `/admin/sys` routes: the caller has at least this platform role, and the route runs as `app_sys`.

    Routes without a `Transaction` log each successful read: the line `sys_read` of the logger `org_common.audit`.
    """

    __slots__ = ()

    def __init__(self, role: SysRole) -> None:
        """Raises `TypeError` for an unknown role."""
        if role not in _SYS_ROLES:
            raise _unknown_role("SysCheck", role, _SYS_ROLES)
        super().__init__(f"SysCheck({role!r})", "user", "app_sys", "app.has_sys_role('" + role + "')")


class Ladder(Generic[RoleName]):
    """The roles of one type of tenant, lowest first. Call it with a role for the rule that requires at least that role.

        WsRole = Literal["ws_user", "ws_admin", "ws_owner"]
        WsCheck: Ladder[WsRole] = Ladder("app.has_ws_role", parameter="ws_id", roles=get_args(WsRole))

        @app.get("/workspaces/{ws_id}", allow=WsCheck("ws_user"))

    This rule sends `app.has_ws_role(%(ws_id)s, 'ws_user')`. Your migrations define the function and grant EXECUTE to
    `authenticated`. It returns true if the caller has at least the role, false for a lower role (403) and null for no
    role (404, which does not reveal that the tenant exists). `app.role_rank(role)` in SQL gives the order of the roles
    `ws_…`, `org_…` and `sys_…`. The guide "Authorization" has a complete example.

    The annotation `Ladder[WsRole]` lets type checkers report a misspelled role; at run time it is a `TypeError`, raised
    where the rule is declared.
    """

    __slots__ = ("function", "name", "parameter", "roles")

    def __init__(
        self, function: LiteralString, *, parameter: LiteralString, roles: Sequence[RoleName], name: str | None = None
    ) -> None:
        """Raises `TypeError` for an argument that is not valid."""
        # These go into SQL as they are: no quotes, no percent signs.
        if not all(part.isidentifier() for part in function.split(".")):
            raise TypeError(f'Ladder({function!r}): expected the name of an SQL function. Example: "app.has_ws_role"')
        _check_parameter(f"Ladder({function!r})", parameter)
        if isinstance(roles, str) or not roles or not all(role.replace("-", "_").isidentifier() for role in roles):
            raise TypeError(
                f"Ladder({function!r}): roles={roles!r} must be names of letters, digits, - and _, lowest first. "
                'Example: ("ws_user", "ws_admin", "ws_owner")'
            )
        self.function: Final = function
        """The SQL function, `(tenant id, role) returns boolean`."""
        self.parameter: Final = parameter
        """The path parameter that holds the tenant's id, unless a rule names another one."""
        self.roles: Final = tuple(roles)
        """The valid roles, lowest first. The order is for readers and messages; the SQL function decides."""
        self.name: Final = name or _ladder_name(function)
        """How rules are shown, in `org-common routes` for example: `WsCheck` for `app.has_ws_role` by default."""

    def __call__(self, role: RoleName, *, parameter: LiteralString | None = None) -> Rule:
        """The rule that requires at least `role`. `parameter`: the path parameter, if it has another name here."""
        if role not in self.roles:
            raise _unknown_role(self.name, role, self.roles)
        if parameter is None or parameter == self.parameter:
            parameter, name = self.parameter, f"{self.name}({role!r})"
        else:
            name = f"{self.name}({role!r}, parameter={parameter!r})"
            _check_parameter(name, parameter)
        expression = self.function + "(%(" + parameter + ")s, '" + role + "')"
        return Rule(name, "user", "authenticated", expression)

    def __repr__(self) -> str:
        return self.name


def _placeholders(expression: str) -> tuple[str, ...]:
    # Not a regular expression: to compile one takes 0.1 ms of each cold start.
    parts = [part.partition(")s") for part in expression.split("%(")[1:]]
    return tuple([name for name, end, _ in parts if end and name.replace("_", "a").isalnum()])


def _ladder_name(function: str) -> str:
    noun = function.rpartition(".")[2].removeprefix("has_").removesuffix("_role")
    return "".join(word.capitalize() for word in noun.split("_")) + "Check"


def _check_parameter(where: str, parameter: str) -> None:
    if not parameter.isidentifier():
        raise TypeError(f'{where}: parameter={parameter!r} is not the name of a path parameter. Example: "org_id"')


def _unknown_role(call: str, role: object, roles: Sequence[str]) -> TypeError:
    from difflib import get_close_matches

    near = get_close_matches(str(role).lower(), roles, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return TypeError(f"{call}({role!r}): not a valid role.{hint} The roles are {', '.join(roles)}")


OrgCheck: Ladder[OrgRole] = Ladder("app.has_org_role", parameter="org_id", roles=get_args(OrgRole))
"""Requires at least this role in the organization of the path: `OrgCheck("org_admin")` with `/orgs/{org_id}`.

A caller without any role in it gets a 404, one with a lower role a 403. `OrgCheck("org_admin", parameter="tenant_id")`
takes the organization's id from another parameter of the path.
"""

PUBLIC = Rule("PUBLIC", "anyone", "anon")
"""Anyone, without a token."""
TOKEN = Rule("TOKEN", "token", "authenticated")
"""Anyone with a valid token; the user may not be registered yet (first sign-in)."""
SIGNED_IN = Rule("SIGNED_IN", "user", "authenticated")
"""A registered user with a valid token."""
