"""Validation of the claims of a verified token, and the claims that are passed on."""

from __future__ import annotations

import json
import re
from math import isfinite

from org_common.auth.refusals import KeysUnavailable, TokenRefused

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from org_common.config.issuers import Issuer
    from org_common.values.identity import Identity

# Clock skew, as PostgREST allows.
LEEWAY_S = 30
MAX_TEXT_LENGTH = 512
MAX_AUDIENCES = 16
# API Gateway accepts 8 KB from an authorizer, and the policy needs some of it.
MAX_CONTEXT_BYTES = 7 * 1024

# The reasons in the order of the checks.
_CHECKS = (
    *("header_member", "type", "algorithm", "kid", "unknown_key", "signature"),
    *("issuer", "missing_claim", "claim_type", "audience", "token_use", "required_claim"),
    *("lifetime", "expired", "not_yet_valid"),
)

# One @, and no character that two programs could decode, fold or count differently.
_ADDRESS = re.compile(r"[!-?A-~]+@([A-Za-z0-9.-]+)", re.ASCII)


class Claims:
    """The claims of a valid token that handlers get."""

    __slots__ = ("email", "email_verified", "exp", "iss", "jti", "sub", "tenant")

    iss: str
    """The issuer."""
    sub: str
    """The issuer's id for the caller."""
    exp: float
    """When the token expires, in seconds since the epoch."""
    email: str | None
    """The caller's e-mail address."""
    email_verified: bool
    """True only if the issuer is trusted for the domain of the address."""
    jti: str | None
    """The id of the token."""
    tenant: str | None
    """The value of the issuer's `tenant_claim`."""

    def __init__(
        self,
        iss: str,
        sub: str,
        exp: float,
        *,
        email: str | None,
        email_verified: bool,
        jti: str | None,
        tenant: str | None,
    ) -> None:
        self.iss = iss
        self.sub = sub
        self.exp = exp
        self.email = email
        self.email_verified = email_verified
        self.jti = jti
        self.tenant = tenant

    def to_json(self) -> str:
        """The complete context of the authorizer: API Gateway passes on strings. Raises `TokenRefused` over 7 KB."""
        claims: dict[str, object] = {
            "iss": self.iss,
            "sub": self.sub,
            "exp": self.exp,
            "email": self.email,
            "email_verified": self.email_verified,
            "jti": self.jti,
        }
        if self.tenant is not None:
            claims["tenant"] = self.tenant
        text = json.dumps(claims, separators=(",", ":"))
        # The size as a string in JSON, where a quote and a backslash take two bytes each.
        if len(text) + text.count('"') + text.count("\\") > MAX_CONTEXT_BYTES:
            raise TokenRefused("too_large")
        return text

    def identity(self) -> Identity:
        """The caller, for an app that verifies tokens itself."""
        from org_common.values.identity import Identity

        return Identity(
            issuer=self.iss,
            subject=self.sub,
            expires_at=self.exp,
            email=self.email,
            email_verified=self.email_verified,
            token_id=self.jti,
            tenant=self.tenant,
        )

    def __repr__(self) -> str:
        return f"Claims(iss={self.iss!r}, sub={self.sub!r})"


def check_claims(issuer: Issuer, claims: Mapping[str, Any], now: float) -> Claims:
    """Validate the claims of a token of `issuer` with a valid signature, at `now` (seconds since the epoch).

    Raises `TokenRefused` for a claim that is missing or of a wrong type, for another audience, and for a token that is
    not valid now. No check is optional: `iss`, the audience, `sub`, `iat` and `exp` are required in every token.
    """
    if claims.get("iss") != issuer.url:
        raise TokenRefused("issuer")
    _check_audience(issuer, claims)
    _check_use(issuer, claims)
    expires_at = _check_times(issuer, claims, now)
    email = _string(claims, "email")
    return Claims(
        issuer.url,
        _required_string(claims, "sub"),
        expires_at,
        email=email,
        email_verified=claims.get("email_verified") is True and is_trusted_mailbox(issuer, email),
        jti=_string(claims, "jti"),
        tenant=None if issuer.tenant_claim is None else _string(claims, issuer.tenant_claim),
    )


def check_for_one(issuers: Sequence[Issuer], check: Callable[[Issuer], Claims]) -> Claims:
    """The claims for the first of the issuers, all with one `url`, whose check passes.

    Raises `KeysUnavailable` if that is the error of one of them, else the error of the check that came last: a token
    that is expired for one of them is one to refresh, whatever the others require.
    """
    refused: list[TokenRefused] = []
    unavailable: KeysUnavailable | None = None
    for issuer in issuers:
        try:
            return check(issuer)
        except TokenRefused as error:
            refused.append(error)
        except KeysUnavailable as error:
            unavailable = error
    if unavailable is not None:
        raise unavailable
    raise max(refused, key=lambda error: _CHECKS.index(error.reason))


def is_trusted_mailbox(issuer: Issuer, email: str | None) -> bool:
    """True if the domain of the address is one of `issuer.email_domains`."""
    match = _ADDRESS.fullmatch(email) if email else None
    return match is not None and match[1].lower() in issuer.email_domains


def _check_audience(issuer: Issuer, claims: Mapping[str, Any]) -> None:
    value = claims.get(issuer.audience_claim)
    if value is None:
        raise TokenRefused("missing_claim")
    # RFC 7519, section 4.1.3: `aud` may list several (Auth0's tokens are for userinfo too). One must be accepted.
    audiences = value if type(value) is list and issuer.audience_claim == "aud" else [value]
    if not 0 < len(audiences) <= MAX_AUDIENCES or any(type(audience) is not str for audience in audiences):
        raise TokenRefused("claim_type")
    if not any(audience in issuer.audience for audience in audiences):
        raise TokenRefused("audience")


def _check_use(issuer: Issuer, claims: Mapping[str, Any]) -> None:
    if claims.get("token_use", None if issuer.token_use else "access") != (issuer.token_use or "access"):
        raise TokenRefused("token_use")
    for name, required in issuer.required.items():
        value = claims.get(name)
        if name in ("scope", "scp"):
            words = value.split(" ") if type(value) is str else value if type(value) is list else ()
            is_valid = required in words
        else:
            is_valid = value == required
        if not is_valid:
            raise TokenRefused("required_claim")


def _check_times(issuer: Issuer, claims: Mapping[str, Any], now: float) -> float:
    """Check `exp`, `iat` and `nbf`, and return `exp`."""
    expires_at, issued_at = _time(claims, "exp"), _time(claims, "iat")
    if expires_at is None or issued_at is None:
        raise TokenRefused("missing_claim")
    not_before = _time(claims, "nbf")
    # The lifetime first: a token that is valid until the year 9999 is refused for it, not for its age.
    if expires_at - issued_at > issuer.max_lifetime_s:
        raise TokenRefused("lifetime")
    if expires_at <= now - LEEWAY_S:
        raise TokenRefused("expired")
    if issued_at > now + LEEWAY_S or (not_before is not None and not_before > now + LEEWAY_S):
        raise TokenRefused("not_yet_valid")
    return expires_at


def _time(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        if name in claims:
            raise TokenRefused("claim_type")
        return None
    # Not isinstance, as True is an int. Excludes NaN, 1e400, and integers that a float cannot represent.
    if type(value) not in (int, float) or not -(2**53) < value < 2**53 or not isfinite(value):
        raise TokenRefused("claim_type")
    number: float = value
    return number


def _required_string(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    if value is None and name not in claims:
        raise TokenRefused("missing_claim")
    if not _is_name(value):
        raise TokenRefused("claim_type")
    return str(value)


def _string(claims: Mapping[str, Any], name: str) -> str | None:
    value = claims.get(name)
    # Supabase's tokens of users with only a telephone number have the e-mail "".
    return None if value is None or value == "" else _required_string(claims, name)


def _is_name(value: object) -> bool:
    # PostgreSQL's type text cannot hold NUL, and no id or address contains other control characters.
    return type(value) is str and 0 < len(value) <= MAX_TEXT_LENGTH and value.isprintable()
