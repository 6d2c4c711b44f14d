"""`People`: the demo users of the local server, their tokens, and the claims that the database would get for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from org_common.tools.project.project import ToolError
from org_common.tools.serve.issuer import LocalIssuer, subject
from org_common.values.identity import Identity


class People:
    """The demo users by name, in the order of the demo module."""

    def __init__(self, names: Sequence[str] = (), issuer: LocalIssuer | None = None) -> None:
        """`issuer` signs their tokens; without it there are none."""
        self.names: Sequence[str] = names
        self._issuer = issuer

    @property
    def by_subject(self) -> Mapping[str, str]:
        """Their names by subject claim."""
        return {subject(name): name for name in self.names}

    def token(self, name: str) -> str:
        """An access token. `ToolError` for an unknown name."""
        if name not in self.names or self._issuer is None:
            known = ", ".join(self.names) or "none: the project has no demo module"
            raise ToolError(f"there is no demo user {name!r}. Demo users: {known}")
        return self._issuer.token(name)

    def claims(self, name: str, role: str) -> str:
        """The claims of a request with their token, as the session setup sends them for the database role."""
        token = self.token(name)
        assert self._issuer is not None
        return Identity.from_claims(self._issuer.authorize(f"Bearer {token}")).claims(role)
