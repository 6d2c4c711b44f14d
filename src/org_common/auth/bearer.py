"""The identity source of an app that verifies tokens itself: behind a load balancer, a Function URL, an ASGI server."""

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
    """The caller is who the request's own token says, verified here; by default of the environment's issuers.

    app = App("orders", identity=Bearer(), events=(ALB,))

    Nothing in the event is believed but the Authorization header. Keys that cannot be had are a 503.
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
        """`verifier` is for tests: `testing.TokenIssuer` makes one whose tokens they can sign."""
        self.verifier = verifier or Verifier.of(issuers, settings)

    def identity(self, request: Request) -> Identity | None:
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
