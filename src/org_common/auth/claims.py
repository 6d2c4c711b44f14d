"""What a verified token must say, and what of it is passed on."""

from __future__ import annotations

import json
import re
from math import isfinite

from org_common.auth.refusals import TokenRefused

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from org_common.config.issuers import Issuer
    from org_common.values.identity import Identity

# For clocks that disagree, as PostgREST allows.
LEEWAY_S = 30
# A token that is good for longer is a password.
MAX_LIFE_S = 24 * 3600
MAX_TEXT_LENGTH = 512
MAX_AUDIENCES = 16
# API Gateway takes 8 KB of an authorizer's answer, and the policy needs some of it.
MAX_CONTEXT_BYTES = 7 * 1024

# One @, and no character that two programs could read, fold or count in two ways.
_ADDRESS = re.compile(r"[!-?A-~]+@([A-Za-z0-9.-]+)", re.ASCII)


class Claims:
    """What handlers get to know of a token. `text()` is the authorizer's whole context."""

    __slots__ = ("email", "email_verified", "exp", "iss", "jti", "sub", "tenant")

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

    def text(self) -> str:
        """One JSON text: API Gateway turns anything else into strings. `TokenRefused` when it is over 7 KB."""
        members: dict[str, object] = {
            "iss": self.iss,
            "sub": self.sub,
            "exp": self.exp,
            "email": self.email,
            "email_verified": self.email_verified,
            "jti": self.jti,
        }
        if self.tenant is not None:
            members["tenant"] = self.tenant
        text = json.dumps(members, separators=(",", ":"))
        # As a string within the answer's JSON, where each quote and each backslash takes two bytes.
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


def checked(issuer: Issuer, claims: Mapping[str, Any], now: float) -> Claims:
    """The claims of a token of `issuer`, whose signature holds, at `now` (seconds since the epoch).

    `TokenRefused` for what is missing, of a wrong type, for somebody else, or not valid now. There is no way to leave a
    check out: `iss`, the audience, `sub`, `iat` and `exp` are required of every token.
    """
    if claims.get("iss") != issuer.url:
        raise TokenRefused("issuer")
    _check_audience(issuer, claims)
    _check_use(issuer, claims)
    expires_at = _check_times(claims, now)
    email = _text(claims, "email")
    return Claims(
        issuer.url,
        _required_text(claims, "sub"),
        expires_at,
        email=email,
        email_verified=claims.get("email_verified") is True and vouched_for(issuer, email),
        jti=_text(claims, "jti"),
        tenant=None if issuer.tenant_claim is None else _text(claims, issuer.tenant_claim),
    )


def vouched_for(issuer: Issuer, email: str | None) -> bool:
    """The issuer's word counts for this mailbox: its domain is one of those that the issuer's settings list."""
    found = _ADDRESS.fullmatch(email) if email else None
    return found is not None and found[1].lower() in issuer.email_domains


def _check_audience(issuer: Issuer, claims: Mapping[str, Any]) -> None:
    named = claims.get(issuer.audience_claim)
    if named is None:
        raise TokenRefused("missing_claim")
    # RFC 7519, section 4.1.3: a token may be for several (Auth0's are for userinfo too), and ours must be among them.
    several = named if type(named) is list and issuer.audience_claim == "aud" else [named]
    if not 0 < len(several) <= MAX_AUDIENCES or any(type(each) is not str for each in several):
        raise TokenRefused("claim_type")
    if not any(each in issuer.audience for each in several):
        raise TokenRefused("audience")


def _check_use(issuer: Issuer, claims: Mapping[str, Any]) -> None:
    if claims.get("token_use", None if issuer.token_use else "access") != (issuer.token_use or "access"):
        raise TokenRefused("token_use")
    for name, wanted in issuer.required.items():
        value = claims.get(name)
        if name in ("scope", "scp"):
            words = value.split(" ") if type(value) is str else value if type(value) is list else ()
            holds = wanted in words
        else:
            holds = value == wanted
        if not holds:
            raise TokenRefused("required_claim")


def _check_times(claims: Mapping[str, Any], now: float) -> float:
    """When the token expires."""
    expires_at, issued_at = _time(claims, "exp"), _time(claims, "iat")
    if expires_at is None or issued_at is None:
        raise TokenRefused("missing_claim")
    not_before = _time(claims, "nbf")
    # The life first: what is valid until the year 9999 was never a token.
    if expires_at - issued_at > MAX_LIFE_S:
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
    # Not isinstance: True is an int. Neither NaN nor 1e400, and no integer that a float cannot hold.
    if type(value) not in (int, float) or not -(2**53) < value < 2**53 or not isfinite(value):
        raise TokenRefused("claim_type")
    number: float = value
    return number


def _required_text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    if value is None and name not in claims:
        raise TokenRefused("missing_claim")
    if not _is_name(value):
        raise TokenRefused("claim_type")
    return str(value)


def _text(claims: Mapping[str, Any], name: str) -> str | None:
    value = claims.get(name)
    # Supabase's tokens of people with a telephone number alone have the e-mail "".
    return None if value is None or value == "" else _required_text(claims, name)


def _is_name(value: object) -> bool:
    # PostgreSQL's text holds no NUL, and nobody's name holds another control character.
    return type(value) is str and 0 < len(value) <= MAX_TEXT_LENGTH and value.isprintable()
