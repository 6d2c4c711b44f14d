"""Who is calling, as vouched for by whoever the app declared."""

import time

import orjson

from org_common.values.errors import Forbidden, Unauthorized
from org_common.values.frozen import Frozen

# The authorizer's answer may be cached by API Gateway for longer than the token lives, so `exp` is checked again on
# each request, with PostgREST's 30 s for clocks that disagree.
LEEWAY_S = 30
MAX_CLAIMS_BYTES = 8192
MAX_TEXT_LENGTH = 512
# One by one: `_fill` takes 1.2 us instead of 0.7, and a request that is not cached makes an identity.
_set = object.__setattr__


class Identity(Frozen):
    """The caller of one request. Injectable: name it in a handler's signature. It cannot be changed.

    `subject` is the issuer's name for the caller, not this platform's user id: that one is looked up in the database
    by (issuer, subject), in the same round trip as the first statement. `expires_at` is in seconds since the epoch.
    `email_verified` is true only for mailboxes that the issuer can vouch for. `tenant` is the tenant that the token is
    for, where the issuer's settings name such a claim.
    """

    __slots__ = ("email", "email_verified", "expires_at", "issuer", "subject", "tenant", "token_id")
    injected = "identity"

    issuer: str
    subject: str
    expires_at: float
    email: str | None
    email_verified: bool
    token_id: str | None
    tenant: str | None

    def __init__(
        self,
        *,
        issuer: str,
        subject: str,
        expires_at: float,
        email: str | None = None,
        email_verified: bool = False,
        token_id: str | None = None,
        tenant: str | None = None,
    ) -> None:
        _set(self, "issuer", issuer)
        _set(self, "subject", subject)
        _set(self, "expires_at", expires_at)
        _set(self, "email", email)
        _set(self, "email_verified", email_verified)
        _set(self, "token_id", token_id)
        _set(self, "tenant", tenant)

    @classmethod
    def from_claims(cls, text: str) -> "Identity":
        """Parse the JSON text that the authorizer passed on.

        `Unauthorized` when a claim is missing or of the wrong type, or when the token has expired by now.
        """
        if len(text) > MAX_CLAIMS_BYTES:
            raise Unauthorized(code="invalid_claims")
        try:
            claims = orjson.loads(text)
            issuer, subject, expires_at = claims["iss"], claims["sub"], claims["exp"]
            email, verified, token_id = claims.get("email"), claims.get("email_verified"), claims.get("jti")
            tenant = claims.get("tenant")
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
            # `from None`: the text is a caller's, and it must not reach a log through the context.
            raise Unauthorized(code="invalid_claims") from None
        if not (_is_name(issuer) and _is_name(subject) and type(expires_at) in (int, float)):
            raise Unauthorized(code="invalid_claims")
        for optional in (email, token_id, tenant):
            if optional is not None and not _is_name(optional):
                raise Unauthorized(code="invalid_claims")
        # Written so that NaN is refused as well.
        if not expires_at > time.time() - LEEWAY_S:
            raise expired()
        return cls(
            issuer=issuer,
            subject=subject,
            expires_at=expires_at,
            email=email,
            email_verified=verified is True,
            token_id=token_id,
            tenant=tenant,
        )

    def checked_for(self, tenant_id: str | None) -> "Identity":
        """Itself; `Forbidden` in a function in Lambda's tenant isolation mode unless the token is for just that tenant.

        Which tenant's environment a request runs in is picked by a header, before anybody has looked at the token.
        """
        if tenant_id is not None and tenant_id != self.tenant:
            raise Forbidden("The access token is not for this tenant.", code="other_tenant")
        return self

    def claims(self, role: str) -> str:
        """The text for `request.jwt.claims`, PostgREST's and Supabase's name for it.

        `role` is the database role that the route picked, never one that a token asked for.
        """
        return orjson.dumps(
            {
                "iss": self.issuer,
                "sub": self.subject,
                "role": role,
                "email": self.email,
                "email_verified": self.email_verified,
            }
        ).decode()

    def __repr__(self) -> str:
        return f"Identity(issuer={self.issuer!r}, subject={self.subject!r})"


def expired() -> Unauthorized:
    return Unauthorized("The access token has expired.", code="token_expired")


def _is_name(value: object) -> bool:
    # PostgreSQL's text holds no NUL, and nobody's name holds another control character.
    return type(value) is str and 0 < len(value) <= MAX_TEXT_LENGTH and value.isprintable()
