"""The identity source of an app behind a Lambda authorizer, and the protocol of identity sources."""

import time

from org_common.values.errors import Unauthorized
from org_common.values.identity import LEEWAY_S, Identity, expired

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from org_common.http.request import Request

    class IdentitySource(Protocol):
        """Authenticates the caller of a request."""

        @property
        def needs_authorizer(self) -> bool:
            """True if it reads claims that API Gateway has verified: other event sources are then rejected."""
            ...

        def identity(self, request: Request) -> "Identity | None":
            """The caller; None without credentials. Raises `Unauthorized` for invalid ones."""
            ...


# The number of cached identities: some 100 KB.
MAX_CACHED = 256


class FromAuthorizer:
    """Reads the claims that the API's Lambda authorizer verified, from the JSON string `claims` of its context.

    An HTTP API has the context under `lambda` and no other key, a REST API at the top.
    """

    # Identities are cached by the JSON, which is equal for equal claims: then only `exp` is checked (1.5 us less).
    __slots__ = ("_clock", "_identities", "_max_cached")
    needs_authorizer = True

    def __init__(self, *, max_cached: int = MAX_CACHED, clock: "Callable[[], float]" = time.time) -> None:
        """`max_cached` is the number of identities to cache; `clock` is in epoch seconds."""
        self._identities: dict[str, Identity] = {}
        self._max_cached = max_cached
        self._clock = clock

    def identity(self, request: "Request") -> Identity | None:
        """The caller; None without an authorizer context. Raises `Unauthorized` for invalid or expired claims."""
        authorizer = request.authorizer
        if not authorizer:
            return None
        context: object = authorizer.get("lambda", authorizer)
        if context is not authorizer and len(authorizer) > 1:
            # No API sends other keys next to `lambda`.
            context = None
        claims = context.get("claims") if isinstance(context, dict) else None
        if not isinstance(claims, str):
            # Another type of authorizer than the app declares, or a direct invocation of the function.
            raise Unauthorized(code="invalid_claims")
        identity = self._identities.get(claims)
        if identity is None:
            identity = Identity.from_claims(claims)
            if len(self._identities) >= self._max_cached:
                self._identities.clear()
            self._identities[claims] = identity
        elif not identity.expires_at > self._clock() - LEEWAY_S:
            raise expired()
        tenant_id = request.tenant_id
        return identity if tenant_id is None else identity.checked_for(tenant_id)

    def __repr__(self) -> str:
        return "FROM_AUTHORIZER"


FROM_AUTHORIZER = FromAuthorizer()
