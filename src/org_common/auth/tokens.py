"""Verification of JWTs, from the Authorization header to valid claims. With jwks.py the only user of PyJWT.

The token is parsed strictly here, and PyJWT's algorithms verify the signature over the parsed bytes. PyJWT's `decode`
is not used: it takes the last of duplicate keys, has no size limit, and loops over all characters in Python, which
takes as long as verifying an RSA signature (measured: 1.5 times the total time).
"""

from __future__ import annotations

import os
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING, Any, Protocol

from org_common.auth.claims import Claims, check_claims, check_for_one
from org_common.auth.jwks import Jwks, Key, SharedSecret, is_kid
from org_common.auth.refusals import TokenRefused
from org_common.config.issuers import EXAMPLE, with_synonyms
from org_common.config.settings import Settings, SettingsError
from org_common.values.strict_json import parse_object

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from org_common.config.issuers import Issuer

# API Gateway accepts 10,240 bytes of headers in total.
MAX_TOKEN_LENGTH = 8192
DEFAULT_TYPES = (None, "jwt", "at+jwt")
# Header parameters with keys or their location, extensions that change what is signed, and parameters of other types of
# JOSE objects. None is needed here, so a token with any of them is refused.
REFUSED_PARAMETERS = frozenset({"jku", "jwk", "x5u", "x5c", "crit", "b64", "zip", "enc", "cty", "epk", "p2s", "p2c"})

SCHEME = "bearer "


class KeySource(Protocol):
    """The keys of one issuer."""

    def key(self, kid: str | None) -> Key:
        """The key. Raises `TokenRefused` if the issuer has no such key, `KeysUnavailable` if that is unknown now."""
        ...

    def prefetch(self) -> None:
        """Fetch the keys before the first token. Never raises."""
        ...


class Verifier:
    """Verifies the tokens of several issuers. Thread-safe.

    Issuers with one `url` are alternatives: a token is valid if it is valid for one of them, completely.
    """

    def __init__(
        self,
        issuers: Sequence[Issuer],
        *,
        keys: Callable[[Issuer], KeySource] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`keys` returns the key source of an issuer, by default its published keys; `clock` is in epoch seconds."""
        self._issuers: dict[str, list[Issuer]] = {}
        self._keys: dict[Issuer, KeySource] = {}
        shared: dict[object, KeySource] = {}
        for issuer in issuers:
            self._issuers.setdefault(issuer.url, []).append(issuer)
            # Two with one key set, such as Cognito's for its two types of tokens, fetch it once.
            place = (issuer.url, issuer.jwks_url, issuer.hs256_secret, issuer.algorithms)
            if place not in shared:
                shared[place] = (keys or _source)(issuer)
            self._keys[issuer] = shared[place]
        self._clock = clock

    @property
    def issuers(self) -> tuple[str, ...]:
        """The `iss` of the accepted issuers."""
        return tuple(self._issuers)

    @classmethod
    def of(cls, issuers: Sequence[Issuer] | None, settings: Settings | None = None) -> Verifier:
        """A verifier for these issuers, by default for those of the environment.

        With provisioned concurrency the keys are fetched now.
        """
        settings = settings or Settings.from_env()
        verifier = cls(settings.issuers if issuers is None else issuers)
        if settings.is_provisioned:
            verifier.prefetch()
        if "AWS_LAMBDA_RUNTIME_API" in os.environ:
            from org_common.lifecycle import startup

            startup.register_hooks()
            if startup.initialization_type() == startup.SNAP_START:
                # After each restore: keys fetched before the snapshot would be as old as the snapshot.
                startup.prefetch(verifier.prefetch)
        return verifier

    def verify(self, token: str) -> Claims:
        """The claims of a valid token.

        Raises `TokenRefused` for an invalid one, `KeysUnavailable` if the issuer's keys cannot be fetched, and
        `SettingsError` without issuers.
        """
        if not self._issuers:
            raise SettingsError(f"ORG_COMMON_ISSUERS is not set, so no token is accepted. Example: {EXAMPLE}")
        header, payload, signature = parse_token(token)
        kid = header.get("kid")
        if kid is not None and not is_kid(kid):
            raise TokenRefused("kid")
        # The issuer selects the keys; the claim is trusted only after they verify the signature.
        url = payload.get("iss")
        accepted = self._issuers.get(url) if type(url) is str else None
        if accepted is None:
            raise TokenRefused("missing_claim" if "iss" not in payload else "issuer")
        signed = token[: token.rindex(".")].encode()
        now = self._clock()

        def check(issuer: Issuer) -> Claims:
            check_header(issuer, header)
            if not self._keys[issuer].key(kid).verify(header["alg"], signed, signature):
                raise TokenRefused("signature")
            return check_claims(issuer, payload, now)

        return check(accepted[0]) if len(accepted) == 1 else check_for_one(accepted, check)

    def authorize(self, authorization: str | None) -> Claims:
        """`verify` for the value of an Authorization header; None for a request without one."""
        return self.verify(bearer_token(authorization))

    def prefetch(self) -> None:
        """Fetch the keys of all issuers now, ahead of the first request. Never raises."""
        for keys in dict.fromkeys(self._keys.values()):
            keys.prefetch()

    def __repr__(self) -> str:
        return f"Verifier({', '.join(self._issuers)})"


def bearer_token(authorization: str | None) -> str:
    """The token of an Authorization header, exactly as in RFC 6750: one header, one space, ASCII."""
    if authorization is None:
        raise TokenRefused("no_token")
    token = authorization[len(SCHEME) :]
    # RFC 9110, section 11.1: the scheme is case-insensitive. Repeated headers arrive joined by a comma.
    if authorization[: len(SCHEME)].lower() != SCHEME or not token or " " in token or "," in token:
        raise TokenRefused("authorization_header")
    return token


def parse_token(token: str) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    """Header, payload and signature of a token, all of it unverified."""
    if len(token) > MAX_TOKEN_LENGTH:
        raise TokenRefused("too_long")
    parts = token.split(".")
    if len(parts) != 3:
        raise TokenRefused("malformed")
    header, payload, signature = map(_decode, parts)
    if not signature:
        raise TokenRefused("malformed")
    return _object(header, "header_json"), _object(payload, "payload_json"), signature


def check_header(issuer: Issuer, header: dict[str, Any]) -> None:
    """Check algorithm and type, and that the header has no unsupported parameter. Raises `TokenRefused`."""
    if not REFUSED_PARAMETERS.isdisjoint(header):
        raise TokenRefused("header_member")
    typ = header.get("typ")
    if typ is not None:
        if type(typ) is not str:
            raise TokenRefused("type")
        # RFC 7515, section 4.1.9.
        typ = typ.lower().removeprefix("application/")
    if typ not in (issuer.types or DEFAULT_TYPES):
        raise TokenRefused("type")
    algorithm = header.get("alg")
    if algorithm not in issuer.algorithms and algorithm not in with_synonyms(issuer.algorithms):
        raise TokenRefused("algorithm")


def _object(data: bytes, reason: str) -> dict[str, Any]:
    try:
        return parse_object(data, max_bytes=MAX_TOKEN_LENGTH)
    except ValueError:
        raise TokenRefused(reason) from None


def _decode(part: str) -> bytes:
    """Canonical base64url without padding: otherwise one signature would have several valid tokens."""
    try:
        text = part.encode("ascii")
        # The decoder skips invalid characters; the comparison below finds them.
        data = urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    except ValueError:  # includes binascii.Error and UnicodeEncodeError
        raise TokenRefused("malformed") from None
    if urlsafe_b64encode(data).rstrip(b"=") != text:
        raise TokenRefused("malformed")
    return data


def _source(issuer: Issuer) -> KeySource:
    return Jwks(issuer) if issuer.hs256_secret is None else SharedSecret(issuer.hs256_secret)
