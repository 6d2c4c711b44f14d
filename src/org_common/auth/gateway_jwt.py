"""The identity source of an app behind the built-in JWT authorizer of HTTP APIs. Does not import PyJWT.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
"""

from __future__ import annotations

import re
import time

from org_common.auth.claims import check_claims
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

_NUMBER = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,12})?(?:E[0-9]{1,2})?", re.ASCII)


class GatewayJwt:
    """Reads the claims of a token whose signature, issuer and audience API Gateway has verified.

    app = App("orders", identity=GatewayJwt())

    API Gateway accepts ID tokens as access tokens, and limits neither lifetime nor e-mail domains. So the claims are
    checked against the issuer's settings here, including `iss`, audience and times.
    """

    __slots__ = ("_issuers",)
    needs_authorizer = True
    needs_jwt_claims = True

    def __init__(self, issuers: Sequence[Issuer] | None = None, *, settings: Settings | None = None) -> None:
        """`issuers` are by default those of the environment."""
        chosen = (settings or Settings.from_env()).issuers if issuers is None else issuers
        self._issuers = {issuer.url: issuer for issuer in chosen}

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
        # API Gateway sends `jwt` alone: an event with other keys is forged.
        jwt = authorizer.get("jwt") if len(authorizer) == 1 else None
        sent = jwt.get("claims") if isinstance(jwt, dict) else None
        if not isinstance(sent, dict) or not all(isinstance(value, str) for value in sent.values()):
            raise TokenRefused("claim_type")
        issuer = self._issuers.get(sent.get("iss", ""))
        if issuer is None:
            raise TokenRefused("issuer")
        return check_claims(issuer, {name: _typed(name, value) for name, value in sent.items()}, time.time())

    def __repr__(self) -> str:
        return f"GatewayJwt({', '.join(self._issuers)})"


def _typed(name: str, value: str) -> Any:
    """The claim before API Gateway converted it to a string: 1.7E9, true, [a b]."""
    if name in ("exp", "iat", "nbf"):
        return float(value) if _NUMBER.fullmatch(value) else value
    if name == "email_verified":
        return value == "true"
    if name in ("aud", "scp") and value.startswith("[") and value.endswith("]"):
        return value[1:-1].split(" ")
    return value
