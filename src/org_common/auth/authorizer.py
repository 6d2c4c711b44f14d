"""The authorizer of an API: the Lambda function that says whose token a request carries.

HTTP APIs ask with payload format 2.0 and want a simple response, REST APIs (and format 1.0) an IAM policy; both get the
same verdict. Only a token that holds is answered: what does not is an error, which API Gateway does not cache.
Neither psycopg nor pydantic is loaded.
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


# The one key of the context: API Gateway makes a string of each value, and takes no lists and objects for REST APIs.
CLAIMS_KEY = "claims"
# arn:PARTITION:execute-api:REGION:ACCOUNT:API/STAGE/METHOD/PATH; only what a policy may be made of is taken from it.
_ARN = re.compile(r"(arn:aws[a-z-]*:execute-api:[a-z0-9-]+:\d{12}:[a-z0-9]+/(?:[A-Za-z0-9_-]+|\$default))/.+", re.ASCII)


class Unauthorized(Exception):
    """API Gateway answers 401 for an error of exactly this text; with any other it answers 500."""

    def __init__(self) -> None:
        super().__init__("Unauthorized")


class AuthorizerError(Exception):
    """No verdict: keys that cannot be had, or an event that is none of an authorizer's. API Gateway answers 500."""


class Authorizer:
    """The entry of the Lambda function: `app(event, context)`. The local server and the tests' client call it too."""

    def __init__(self, verifier: Verifier) -> None:
        self.verifier = verifier

    def __call__(self, event: Event, context: object) -> Event:
        """The verdict on one request. Raises `Unauthorized` for a token that does not hold.

        Never answers a denial: API Gateway would keep it, and what is wrong with a token may be right in a moment (a
        key that has just been published, a clock that is ahead). What is granted holds for each route of the API and
        stage, as an answer may be kept for requests to others; each function knows its rules, and looks at `exp` again.
        """
        resource = _resource(event)
        try:
            claims = self.verifier.authorize(_authorization(event))
            text = claims.text()
        except TokenRefused as refused:
            refused.log()
            raise Unauthorized from None
        except KeysUnavailable:
            raise AuthorizerError("the keys of the token's issuer cannot be fetched") from None
        if resource is None:
            return {"isAuthorized": True, "context": {CLAIMS_KEY: text}}
        statement = {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": resource}
        return {
            # For the access log alone, and short: it counts towards the 8 KB that API Gateway takes.
            "principalId": claims.sub.encode("ascii", "replace")[:128].decode(),
            "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
            "context": {CLAIMS_KEY: text},
        }

    def authorize(self, authorization: str) -> str:
        """For a server that stands in for API Gateway: what the context says of an Authorization header.

        `TokenRefused` and `KeysUnavailable` say why not.
        """
        return self.verifier.authorize(authorization).text()

    def __repr__(self) -> str:
        return f"Authorizer({self.verifier!r})"


def authorizer(issuers: Sequence[Issuer] | None = None, *, settings: Settings | None = None) -> Authorizer:
    """The authorizer of these issuers, by default those of the environment (ORG_COMMON_ISSUERS).

    Without any each call is a `SettingsError`. An environment that Lambda starts ahead of its requests (provisioned
    concurrency) fetches the keys here.
    """
    log.in_lambda()
    return Authorizer(Verifier.of(issuers, settings))


def _resource(event: Event) -> str | None:
    """What a policy grants: every method and path of this API and stage. None where a simple response is wanted."""
    if not isinstance(event, dict):
        raise _unknown_event()
    if event.get("version") == "2.0":
        if event.get("type") != "REQUEST":
            raise _unknown_event()
        return None
    arn = event.get("methodArn") or event.get("routeArn")
    found = _ARN.fullmatch(arn) if isinstance(arn, str) else None
    if found is None or event.get("type") not in ("REQUEST", "TOKEN"):
        raise _unknown_event()
    return f"{found[1]}/*/*"


def _authorization(event: Event) -> str | None:
    """The one Authorization header of a request, None without one; several are refused."""
    if event.get("type") == "TOKEN":
        token = event.get("authorizationToken")
        return token if isinstance(token, str) else None
    found: list[object] = []
    for name in ("headers", "multiValueHeaders"):
        headers = event.get(name)
        values = [
            value
            for key, value in (headers.items() if isinstance(headers, dict) else ())
            if isinstance(key, str) and key.lower() == "authorization"
        ]
        # The two say the same of a request; only the second shows a header that was sent twice.
        found = [each for value in values for each in (value if isinstance(value, list) else [value])] or found
        if len(found) > 1:
            raise TokenRefused("authorization_header")
    value = found[0] if found else None
    if value is not None and not isinstance(value, str):
        raise TokenRefused("authorization_header")
    return value


def _unknown_event() -> AuthorizerError:
    return AuthorizerError("the event is none of a request authorizer's (HTTP API, or REST API with its methodArn)")
