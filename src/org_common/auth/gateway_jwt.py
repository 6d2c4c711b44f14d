"""The identity source of an app behind the JWT authorizer that HTTP APIs bring along. Loads no PyJWT.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
"""

from __future__ import annotations

import re
import time

from org_common.auth.claims import checked
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
    """API Gateway has verified the token's signature, issuer and audience, and passes all of its claims on as texts.

    app = App("orders", identity=GatewayJwt())

    It takes an ID token for an access token, knows no lifetime and no e-mail domains: what the issuer's settings say
    of a token is checked here, `iss`, audience and times once more among it.
    """

    __slots__ = ("_issuers",)
    needs_authorizer = True

    def __init__(self, issuers: Sequence[Issuer] | None = None, *, settings: Settings | None = None) -> None:
        """`issuers` are by default those of the environment."""
        chosen = (settings or Settings.from_env()).issuers if issuers is None else issuers
        self._issuers = {issuer.url: issuer for issuer in chosen}

    def identity(self, request: Request) -> Identity | None:
        if not self._issuers:
            raise SettingsError("ORG_COMMON_ISSUERS is not set, so no token can be taken")
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
        # Beside `jwt` there is nothing, whatever else an event may hold that somebody made up.
        jwt = authorizer.get("jwt") if len(authorizer) == 1 else None
        sent = jwt.get("claims") if isinstance(jwt, dict) else None
        if not isinstance(sent, dict) or not all(isinstance(value, str) for value in sent.values()):
            raise TokenRefused("claim_type")
        issuer = self._issuers.get(sent.get("iss", ""))
        if issuer is None:
            raise TokenRefused("issuer")
        return checked(issuer, {name: _typed(name, value) for name, value in sent.items()}, time.time())

    def __repr__(self) -> str:
        return f"GatewayJwt({', '.join(self._issuers)})"


def _typed(name: str, value: str) -> Any:
    """A claim as it was before API Gateway made a text of it: 1.7E9, true, [a b]."""
    if name in ("exp", "iat", "nbf"):
        return float(value) if _NUMBER.fullmatch(value) else value
    if name == "email_verified":
        return value == "true"
    if name in ("aud", "scp") and value.startswith("[") and value.endswith("]"):
        return value[1:-1].split(" ")
    return value
