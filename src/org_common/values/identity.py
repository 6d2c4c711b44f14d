"""The authenticated caller."""

import time

import orjson

from org_common.values.errors import Forbidden, Unauthorized
from org_common.values.frozen import Frozen

# API Gateway may cache the authorizer's response for longer than the token is valid, so `exp` is checked again on each
# request, with a leeway of 30 s for clock skew, as PostgREST has.
LEEWAY_S = 30
MAX_CLAIMS_BYTES = 8192
MAX_TEXT_LENGTH = 512
# One by one: `_fill` takes 1.2 us instead of 0.7, and a request that is not cached makes an identity.
_set = object.__setattr__


class Identity(Frozen):
    """The caller of one request. Injectable: annotate a parameter of your handler with it. Immutable."""

    __slots__ = ("email", "email_verified", "expires_at", "issuer", "subject", "tenant", "token_id")
    injected = "identity"

    issuer: str
    """The claim `iss`: the URL of the token's issuer."""
    subject: str
    """The claim `sub`: the issuer's id for the caller, not your platform's user id.

    The first statement looks that one up in the database by (issuer, subject), in the same round trip.
    """
    expires_at: float
    """The claim `exp`, in seconds since the epoch."""
    email: str | None
    """The caller's e-mail address, verified or not."""
    email_verified: bool
    """True only if the issuer verified the address and is trusted for its domain (`Issuer.email_domains`)."""
    token_id: str | None
    """The claim `jti`."""
    tenant: str | None
    """The tenant of the token, if the issuer's settings name a claim for it (`Issuer.tenant_claim`)."""

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
        """Parse the JSON string that the authorizer passed on.

        Raises `Unauthorized` when a claim is missing or of the wrong type, and when the token has expired.
        """
        if len(text) > MAX_CLAIMS_BYTES:
            raise Unauthorized(code="invalid_claims")
        try:
            claims = orjson.loads(text)
            issuer, subject, expires_at = claims["iss"], claims["sub"], claims["exp"]
            email, verified, token_id = claims.get("email"), claims.get("email_verified"), claims.get("jti")
            tenant = claims.get("tenant")
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
            # `from None`: the string comes from a caller and must not reach a log through the exception context.
            raise Unauthorized(code="invalid_claims") from None
        if not (_is_name(issuer) and _is_name(subject) and type(expires_at) in (int, float)):
            raise Unauthorized(code="invalid_claims")
        for optional in (email, token_id, tenant):
            if optional is not None and not _is_name(optional):
                raise Unauthorized(code="invalid_claims")
        # Written so that NaN is rejected too.
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
        """Return this identity, or raise `Forbidden` if the token is not for the tenant of the Lambda environment.

        `tenant_id` is None outside of Lambda's tenant isolation mode. There a header selects the tenant's environment
        before the token is verified.
        """
        if tenant_id is not None and tenant_id != self.tenant:
            raise Forbidden("The access token is not for this tenant.", code="other_tenant")
        return self

    def claims(self, role: str) -> str:
        """The JSON for the setting `request.jwt.claims`, the name that PostgREST and Supabase use.

        `role` is the database role of the route, never one from a token.
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
    """The error for an expired token."""
    return Unauthorized("The access token has expired.", code="token_expired")


def _is_name(value: object) -> bool:
    # PostgreSQL's type text cannot hold NUL, and no id or address contains other control characters.
    return type(value) is str and 0 < len(value) <= MAX_TEXT_LENGTH and value.isprintable()
