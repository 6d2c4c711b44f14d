"""`AsService`: a trigger that runs as the platform itself."""

from __future__ import annotations

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Final


class AsService:
    """In place of an access rule, for triggers alone: the handler runs as `app_service`, under that role's policies.

        @app.schedule("rate(1 day)", allow=AsService("deletes expired invitations of all organizations"))

    The function's settings must name the login of `app_service`. A route cannot use it: a request has a caller.
    """

    __slots__ = ("name", "reason")

    def __init__(self, reason: str) -> None:
        """Raises `TypeError` without a reason, which `org-common triggers` lists."""
        if not isinstance(reason, str) or not reason.strip():
            raise TypeError('AsService() needs a reason. Example: AsService("adds up the usage of all organizations")')
        self.reason: Final = reason
        """Why the work needs rows of all tenants, or has no sender."""
        self.name: Final = f"AsService({reason!r})"
        """The rule as it is written in Python, for lists and messages."""

    def __repr__(self) -> str:
        return self.name
