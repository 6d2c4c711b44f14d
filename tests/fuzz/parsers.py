"""What is done with bytes that a fuzzer makes: each parser that reads what a caller can send.

    python -m tests.fuzz.parsers -runs=100000 [FOLDER OF SEEDS]

The first byte picks the parser. What is allowed to come out: what the parser gives, or the refusals that it documents.
Anything else ends the run with the input that did it.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import suppress
from typing import Any

import atheris  # type: ignore[import-untyped]

with atheris.instrument_imports(include=["org_common"]):
    from org_common.auth.authorizer import Authorizer, AuthorizerError, UnauthorizedResponse
    from org_common.auth.fetch import FetchError
    from org_common.auth.from_authorizer import FROM_AUTHORIZER
    from org_common.auth.gateway_jwt import GatewayJwt
    from org_common.auth.jwks import usable_keys
    from org_common.auth.refusals import TokenRefused
    from org_common.auth.tokens import Verifier, parse_token
    from org_common.config.issuers import parse_issuers
    from org_common.http.request import Request
    from org_common.values.errors import Forbidden
    from org_common.values.errors import Unauthorized as Refused
    from org_common.values.identity import Identity
    from org_common.values.strict_json import parse_object
    from org_common.values.types import Deadline

from tests.org_common.auth.forge import ISSUERS, NOW, signed, source

VERIFIER = Verifier(list(ISSUERS.values()), keys=source, clock=lambda: NOW)
AUTHORIZER = Authorizer(VERIFIER)
GATEWAY_JWT = GatewayJwt(list(ISSUERS.values()))
HEADER = b'{"alg":"HS256","typ":"JWT","kid":"legacy"}'
CLAIMS_START = json.dumps({"iss": ISSUERS["legacy"].url, "aud": "authenticated", "iat": NOW, "exp": NOW + 60}).encode()[
    :-1
]
DEADLINE = Deadline(time.monotonic() + 1e9)


def token(data: bytes) -> None:
    """Any text as a token. The good ones are those of the corpus: their subject and expiry nobody can change."""
    with suppress(TokenRefused):
        found = VERIFIER.verify(data.decode("utf-8", "surrogateescape"))
        assert found.iss in VERIFIER.issuers
        assert found.sub


def parts(data: bytes) -> None:
    """Any text taken apart."""
    try:
        header, payload, signature = parse_token(data.decode("latin-1"))
    except TokenRefused:
        return
    assert type(header) is type(payload) is dict
    assert signature


def header(data: bytes) -> None:
    """Any text as the Authorization header."""
    with suppress(TokenRefused):
        VERIFIER.authorize(data.decode("latin-1"))


def head(data: bytes) -> None:
    """Any header of a token, rightly signed."""
    _accepted(signed(data, CLAIMS_START + b',"sub":"s"}', "legacy", "HS256"))


def claims(data: bytes) -> None:
    """Any payload of a token, rightly signed."""
    _accepted(signed(HEADER, data, "legacy", "HS256"))


def more_claims(data: bytes) -> None:
    """Any further claims of a good token."""
    _accepted(signed(HEADER, CLAIMS_START + b"," + data + b"}", "legacy", "HS256"))


def _accepted(text: str) -> None:
    try:
        found = VERIFIER.verify(text)
        context = json.loads(found.to_json())
    except TokenRefused:
        return
    assert context["iss"] == ISSUERS["legacy"].url
    assert NOW - 30 < context["exp"] <= NOW + 30 + 24 * 3600
    assert type(context["sub"]) is str
    assert type(context["email_verified"]) is bool
    assert not context["email_verified"] or context["email"].lower().endswith("@acme.test")


def context(data: bytes) -> None:
    """Any text as the claims that an authorizer passed on."""
    try:
        found = Identity.from_claims(data.decode("utf-8", "surrogateescape"))
    except Refused:
        return
    assert found.subject
    assert found.expires_at > time.time() - 31
    json.loads(found.claims("authenticated"))


def shapes(data: bytes) -> None:
    """Any object as `requestContext.authorizer`, for both sources that read it."""
    value = _json(data)
    if value is not None and not isinstance(value, dict):
        return
    request = Request("GET", "/", "/", "", {}, b"", "r", value, DEADLINE, None)
    for source_of_identity in (FROM_AUTHORIZER, GATEWAY_JWT):
        with suppress(Refused, Forbidden):
            source_of_identity.identity(request)


def event(data: bytes) -> None:
    """Any event of an authorizer."""
    with suppress(UnauthorizedResponse, AuthorizerError):
        AUTHORIZER(_json(data), None)


def keys(data: bytes) -> None:
    """Any document of keys."""
    with suppress(FetchError):
        assert usable_keys(data, ("ES256", "RS256", "EdDSA"))


def settings(data: bytes) -> None:
    """Any text as ORG_COMMON_ISSUERS."""
    with suppress(ValueError):
        assert parse_issuers(data.decode("utf-8", "replace"))


def strict(data: bytes) -> None:
    """Any bytes as JSON; what is taken, Python's own parser reads alike."""
    try:
        found = parse_object(data, max_bytes=4096)
    except ValueError:
        return
    assert found == json.loads(data.decode())


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


TARGETS = [token, parts, header, head, claims, more_claims, context, shapes, event, keys, settings, strict]


def run(data: bytes) -> None:
    if data:
        TARGETS[data[0] % len(TARGETS)](data[1:])


if __name__ == "__main__":
    atheris.Setup(sys.argv, run)
    atheris.Fuzz()
