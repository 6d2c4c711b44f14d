"""The identity source of an app behind API Gateway's own JWT authorizers. Does not import PyJWT.

These are the JWT authorizer of HTTP APIs, with both payload formats, and the Cognito authorizer of REST APIs.
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-integrate-with-cognito.html
"""

from __future__ import annotations

import re
import time

from org_common.auth.claims import check_claims, check_for_one
from org_common.auth.refusals import TokenRefused
from org_common.config.settings import Settings, SettingsError

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from org_common.auth.claims import Claims
    from org_common.config.issuers import Issuer
    from org_common.http.request import Request
    from org_common.values.identity import Identity

_NUMBER = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,12})?(?:[Ee]\+?[0-9]{1,2})?", re.ASCII)
# A REST API writes exp and iat as Java does: Fri Jul 29 18:52:53 UTC 2016.
_DATE = re.compile(
    r"[A-Z][a-z]{2} ([A-Z][a-z]{2}) ([0-9]{2}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) UTC ([0-9]{4})", re.ASCII
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class GatewayJwt:
    """Reads the claims of a token whose signature and issuer API Gateway has verified.

    app = App("orders", identity=GatewayJwt())

    It works behind the JWT authorizer of an HTTP API and the Cognito authorizer of a REST API. API Gateway accepts ID
    tokens as access tokens, and limits neither lifetime nor e-mail domains. So the claims are checked against the
    issuer's settings here, including `iss`, audience and times.
    """

    __slots__ = ("_issuers",)
    needs_authorizer = True

    def __init__(self, issuers: Sequence[Issuer] | None = None, *, settings: Settings | None = None) -> None:
        """`issuers` are by default those of the environment."""
        chosen = (settings or Settings.from_env()).issuers if issuers is None else issuers
        self._issuers: dict[str, list[Issuer]] = {}
        for issuer in chosen:
            self._issuers.setdefault(issuer.url, []).append(issuer)

    def identity(self, request: Request) -> Identity | None:
        """The caller; None without claims. Raises `TokenRefused` for invalid ones, `SettingsError` without issuers."""
        if not self._issuers:
            raise SettingsError("ORG_COMMON_ISSUERS is not set, so no token is accepted")
        authorizer = request.authorizer
        if not authorizer:
            return None
        try:
            claims = self._claims(authorizer)
        except TokenRefused as refused:
            refused.log()
            raise
        return claims.identity().checked_for(request.tenant_id)

    def _claims(self, authorizer: Mapping[str, Any]) -> Claims:
        sent = _sent(authorizer)
        if not isinstance(sent, dict) or not all(isinstance(value, str) for value in sent.values()):
            raise TokenRefused("claim_type")
        issuers = self._issuers.get(sent.get("iss", ""))
        if issuers is None:
            raise TokenRefused("issuer")
        claims = {name: _typed(name, value) for name, value in sent.items()}
        return check_for_one(issuers, lambda issuer: check_claims(issuer, claims, time.time()))

    def __repr__(self) -> str:
        return f"GatewayJwt({', '.join(self._issuers)})"


def _sent(authorizer: Mapping[str, Any]) -> object:
    """The claims, from an HTTP API with format 2.0 or 1.0, or from a REST API. With other keys an event is forged."""
    jwt = authorizer.get("jwt")
    if jwt is not None and len(authorizer) == 1:
        return jwt.get("claims") if isinstance(jwt, dict) else None
    # A REST API sends no scopes. A Lambda authorizer's own `claims` is a string, as its context has no objects.
    return authorizer.get("claims") if authorizer.keys() <= {"claims", "scopes"} else None


def _typed(name: str, value: str) -> Any:
    """The claim before API Gateway converted it to a string: 1.7E9, true, [a b], or a REST API's date."""
    if name in ("exp", "iat", "nbf"):
        return float(value) if _NUMBER.fullmatch(value) else _timestamp(value)
    if name == "email_verified":
        return value == "true"
    if name in ("aud", "scp", "scope") and value.startswith("[") and value.endswith("]"):
        return value[1:-1].split(" ")
    return value


def _timestamp(value: str) -> float | str:
    """Seconds since the epoch; the string unchanged if it is not a date."""
    match = _DATE.fullmatch(value)
    if match is None or match[1] not in _MONTHS:
        return value
    from datetime import UTC, datetime  # here, as an HTTP API sends numbers

    day, hour, minute, second, year = (int(match[index]) for index in (2, 3, 4, 5, 6))
    try:
        return datetime(year, _MONTHS.index(match[1]) + 1, day, hour, minute, second, tzinfo=UTC).timestamp()
    except ValueError:
        return value
