"""A Lambda authorizer for API Gateway: it verifies the token of a request and passes its claims on.

HTTP APIs invoke it with payload format 2.0 and expect a simple response, REST APIs (and format 1.0) an IAM policy; the
decision is the same. It responds only to valid tokens and raises for others, as API Gateway does not cache errors.
It imports neither psycopg nor pydantic.
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-output.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from org_common.auth.refusals import KeysUnavailable, TokenRefused
from org_common.auth.tokens import Verifier
from org_common.telemetry import log

if TYPE_CHECKING:
    from collections.abc import Sequence

    from org_common.config.issuers import Issuer
    from org_common.config.settings import Settings
    from org_common.values.types import Event


# The only key of the context: API Gateway turns each value into a string, and allows no lists or objects for REST APIs.
CLAIMS_KEY = "claims"
# arn:PARTITION:execute-api:REGION:ACCOUNT:API/STAGE/METHOD/PATH; only the part that a policy may contain is used.
_ARN = re.compile(r"(arn:aws[a-z-]*:execute-api:[a-z0-9-]+:\d{12}:[a-z0-9]+/(?:[A-Za-z0-9_-]+|\$default))/.+", re.ASCII)


class UnauthorizedResponse(Exception):
    """Makes API Gateway respond 401, which it does for exactly this message; for any other it responds 500."""

    def __init__(self) -> None:
        super().__init__("Unauthorized")


class AuthorizerError(Exception):
    """No decision: the keys are unavailable, or the event is not for an authorizer. API Gateway responds 500."""


class Authorizer:
    """The handler of the Lambda function: `app(event, context)`. The local server and the test client call it too."""

    def __init__(self, verifier: Verifier) -> None:
        """`verifier` decides which tokens are valid."""
        self.verifier = verifier

    def __call__(self, event: Event, context: object) -> Event:
        """The response to one request. Raises `UnauthorizedResponse` for an invalid token.

        It never returns a denial, which API Gateway would cache: a token may become valid a moment later (a key that
        was just published, clock skew). The policy allows every route of the API and stage, as API Gateway may use a
        cached response for another route; each function checks its access rules, and `exp` again.
        """
        resource = _resource(event)
        try:
            claims = self.verifier.authorize(_authorization(event))
            claims_json = claims.to_json()
        except TokenRefused as refused:
            refused.log()
            raise UnauthorizedResponse from None
        except KeysUnavailable:
            raise AuthorizerError("the keys of the token's issuer cannot be fetched") from None
        if resource is None:
            return {"isAuthorized": True, "context": {CLAIMS_KEY: claims_json}}
        statement = {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": resource}
        return {
            # For the access log only, and short: it counts towards the limit of 8 KB.
            "principalId": claims.sub.encode("ascii", "replace")[:128].decode(),
            "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
            "context": {CLAIMS_KEY: claims_json},
        }

    def authorize(self, authorization: str) -> str:
        """The JSON claims for an Authorization header, for a server that replaces API Gateway.

        Raises `TokenRefused` and `KeysUnavailable`.
        """
        return self.verifier.authorize(authorization).to_json()

    def __repr__(self) -> str:
        return f"Authorizer({self.verifier!r})"


def authorizer(issuers: Sequence[Issuer] | None = None, *, settings: Settings | None = None) -> Authorizer:
    """Create an authorizer for these issuers, by default those of the environment (ORG_COMMON_ISSUERS).

    Without issuers each call raises `SettingsError`. With provisioned concurrency the keys are fetched here.
    """
    log.in_lambda()
    return Authorizer(Verifier.of(issuers, settings))


def _resource(event: Event) -> str | None:
    """The resource of the policy: every method and path of this API and stage. None for a simple response."""
    if not isinstance(event, dict):
        raise _unknown_event()
    if event.get("version") == "2.0":
        if event.get("type") != "REQUEST":
            raise _unknown_event()
        return None
    arn = event.get("methodArn") or event.get("routeArn")
    match = _ARN.fullmatch(arn) if isinstance(arn, str) else None
    if match is None or event.get("type") not in ("REQUEST", "TOKEN"):
        raise _unknown_event()
    return f"{match[1]}/*/*"


def _authorization(event: Event) -> str | None:
    """The Authorization header of a request, None without one. Raises `TokenRefused` for several."""
    if event.get("type") == "TOKEN":
        token = event.get("authorizationToken")
        return token if isinstance(token, str) else None
    sent: list[object] = []
    for name in ("headers", "multiValueHeaders"):
        headers = event.get(name)
        values = [
            value
            for key, value in (headers.items() if isinstance(headers, dict) else ())
            if isinstance(key, str) and key.lower() == "authorization"
        ]
        # Both have the same headers; only `multiValueHeaders` shows one that was sent twice.
        sent = [item for value in values for item in (value if isinstance(value, list) else [value])] or sent
        if len(sent) > 1:
            raise TokenRefused("authorization_header")
    value = sent[0] if sent else None
    if value is not None and not isinstance(value, str):
        raise TokenRefused("authorization_header")
    return value


def _unknown_event() -> AuthorizerError:
    return AuthorizerError("expected the event of a request authorizer (HTTP API, or REST API with a methodArn)")
