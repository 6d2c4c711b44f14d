"""Authentication in the app itself: behind a load balancer, a Function URL or an ASGI server."""

from __future__ import annotations

from org_common.auth.refusals import TokenRefused
from org_common.auth.tokens import Verifier

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Sequence

    from org_common.config.issuers import Issuer
    from org_common.config.settings import Settings
    from org_common.http.request import Request
    from org_common.values.identity import Identity


class Bearer:
    """Verifies the bearer token of the request, by default against the issuers of the environment.

    app = App("orders", identity=Bearer(), events=(ALB,))

    It trusts nothing in the event but the Authorization header. If the issuer's keys are unavailable, it raises a 503.
    """

    __slots__ = ("verifier",)
    needs_authorizer = False

    def __init__(
        self,
        issuers: Sequence[Issuer] | None = None,
        *,
        settings: Settings | None = None,
        verifier: Verifier | None = None,
    ) -> None:
        """`verifier` is for tests: `testing.TokenIssuer` creates one, and tokens for it."""
        self.verifier: Verifier = verifier or Verifier.of(issuers, settings)

    def identity(self, request: Request) -> Identity | None:
        """The caller; None without a token. Raises `TokenRefused` for an invalid one."""
        authorization = request.headers.get("authorization")
        if authorization is None:
            return None
        try:
            claims = self.verifier.authorize(authorization)
        except TokenRefused as refused:
            refused.log()
            raise
        return claims.identity().checked_for(request.tenant_id)

    def __repr__(self) -> str:
        return f"Bearer({', '.join(self.verifier.issuers)})"
