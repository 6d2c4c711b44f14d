"""The caller as the API's authorizer verified them, and what an identity source must offer."""

import time

from org_common.values.errors import Unauthorized
from org_common.values.identity import LEEWAY_S, Identity, expired

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Protocol

    from org_common.http.request import Request

    class IdentitySource(Protocol):
        """Who vouches for the caller of a request."""

        @property
        def needs_authorizer(self) -> bool:
            """It reads what somebody in front of the function has verified: events without that are refused."""
            ...

        def identity(self, request: Request) -> "Identity | None":
            """The caller; None when nobody says who it is. `Unauthorized` when what is said does not hold."""
            ...


# Callers whose parsed claims stay cached: some 100 KB.
MAX_CACHED = 256


class FromAuthorizer:
    """The API's authorizer verified the token and passed its claims on: as the JSON text `claims` of its context.

    An HTTP API has the context under `lambda` and nothing beside it, a REST API at the top.
    """

    # The same text is the same caller, whoever sends it: a look at the clock is all that is left to do (1.5 us less).
    __slots__ = ("_identities", "_max_cached")
    needs_authorizer = True

    def __init__(self, *, max_cached: int = MAX_CACHED) -> None:
        self._identities: dict[str, Identity] = {}
        self._max_cached = max_cached

    def identity(self, request: "Request") -> Identity | None:
        authorizer = request.authorizer
        if not authorizer:
            return None
        context: object = authorizer.get("lambda", authorizer)
        if context is not authorizer and len(authorizer) > 1:
            # Claims beside `lambda`: of no API.
            context = None
        claims = context.get("claims") if isinstance(context, dict) else None
        if not isinstance(claims, str):
            # Another kind of authorizer than the one that was declared, or somebody who invokes the function himself.
            raise Unauthorized(code="invalid_claims")
        identity = self._identities.get(claims)
        if identity is None:
            identity = Identity.from_claims(claims)
            if len(self._identities) >= self._max_cached:
                self._identities.clear()
            self._identities[claims] = identity
        elif not identity.expires_at > time.time() - LEEWAY_S:
            raise expired()
        tenant_id = request.tenant_id
        return identity if tenant_id is None else identity.checked_for(tenant_id)

    def __repr__(self) -> str:
        return "FROM_AUTHORIZER"


FROM_AUTHORIZER = FromAuthorizer()
