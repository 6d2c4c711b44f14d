"""From an Authorization header to claims that hold. Pure but for the key source; PyJWT's home, with jwks.py.

A token is taken apart here, strictly, and PyJWT's algorithms verify the signature over what was read. Its `decode` is
not used: it takes the last of two members of one name, knows nothing of sizes, and looks at each character in Python,
which takes as long as an RSA signature (measured: 1.5 times as much in all as without).
"""

from __future__ import annotations

import os
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING, Any, Protocol

from org_common.auth.claims import Claims, checked
from org_common.auth.jwks import Jwks, SharedSecret, is_kid
from org_common.auth.refusals import TokenRefused
from org_common.config.issuers import EXAMPLE
from org_common.config.settings import Settings, SettingsError
from org_common.values.strict_json import parse_object

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jwt import PyJWK

    from org_common.config.issuers import Issuer

# API Gateway takes 10,240 bytes of headers together.
MAX_TOKEN_LENGTH = 8192
DEFAULT_TYPES = (None, "jwt", "at+jwt")
# Keys, or where to get them, named by the token itself; extensions that change what the signature is about; and what
# belongs to other kinds of JOSE objects. None is of use here, so each is a reason to refuse.
REFUSED_MEMBERS = frozenset({"jku", "jwk", "x5u", "x5c", "crit", "b64", "zip", "enc", "cty", "epk", "p2s", "p2c"})

SCHEME = "bearer "


class KeySource(Protocol):
    """The keys of one issuer."""

    def key(self, kid: str | None) -> PyJWK:
        """`TokenRefused` when the issuer has no such key, `KeysUnavailable` when that cannot be said now."""
        ...

    def prefetch(self) -> None:
        """Have the keys at hand before the first token. Never fails."""
        ...


class Verifier:
    """Verifies the tokens of several issuers. Threads may share one."""

    def __init__(
        self,
        issuers: Sequence[Issuer],
        *,
        keys: Callable[[Issuer], KeySource] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`keys` makes the key source of an issuer, by default its published ones; `clock` is in epoch seconds."""
        self._issuers = {issuer.url: (issuer, (keys or _source)(issuer)) for issuer in issuers}
        self._clock = clock

    @property
    def issuers(self) -> tuple[str, ...]:
        """Whose tokens it takes: their `iss`."""
        return tuple(self._issuers)

    @classmethod
    def of(cls, issuers: Sequence[Issuer] | None, settings: Settings | None = None) -> Verifier:
        """Of these issuers, or else of those of the environment.

        In an environment that Lambda starts ahead of its requests (provisioned concurrency) it fetches the keys now.
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
        """`TokenRefused` for a token that does not hold, `KeysUnavailable` when that cannot be said now.

        `SettingsError` where there are no issuers.
        """
        if not self._issuers:
            raise SettingsError(f"ORG_COMMON_ISSUERS is not set, so no token can be taken. Example: {EXAMPLE}")
        header, payload, signature = opened(token)
        kid = header.get("kid")
        if kid is not None and not is_kid(kid):
            raise TokenRefused("kid")
        # The issuer picks the keys, and it is believed only when they fit.
        url = payload.get("iss")
        found = self._issuers.get(url) if type(url) is str else None
        if found is None:
            raise TokenRefused("missing_claim" if "iss" not in payload else "issuer")
        issuer, keys = found
        check_header(issuer, header)
        key = keys.key(kid)
        # A key has one algorithm, bound when it was read: the header cannot choose another one that the issuer has.
        if header["alg"] != key.algorithm_name:
            raise TokenRefused("algorithm")
        if not key.Algorithm.verify(token[: token.rindex(".")].encode(), key.key, signature):
            raise TokenRefused("signature")
        return checked(issuer, payload, self._clock())

    def authorize(self, authorization: str | None) -> Claims:
        """The same for the value of an Authorization header, None without one."""
        return self.verify(bearer(authorization))

    def prefetch(self) -> None:
        """Fetch the keys of all issuers now, for an environment that is started ahead of its requests. Never fails."""
        for _, keys in self._issuers.values():
            keys.prefetch()

    def __repr__(self) -> str:
        return f"Verifier({', '.join(self._issuers)})"


def bearer(authorization: str | None) -> str:
    """The token of an Authorization header. RFC 6750, and no more than that: one header, one space, ASCII."""
    if authorization is None:
        raise TokenRefused("no_token")
    token = authorization[len(SCHEME) :]
    # RFC 9110, section 11.1: the scheme has no case. Repeated headers come joined by a comma.
    if authorization[: len(SCHEME)].lower() != SCHEME or not token or " " in token or "," in token:
        raise TokenRefused("authorization_header")
    return token


def opened(token: str) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    """Header, payload and signature of a token, none of it believed yet."""
    if len(token) > MAX_TOKEN_LENGTH:
        raise TokenRefused("too_long")
    parts = token.split(".")
    if len(parts) != 3:
        raise TokenRefused("malformed")
    header, payload, signature = map(_decoded, parts)
    if not signature:
        raise TokenRefused("malformed")
    return _object(header, "header_json"), _object(payload, "payload_json"), signature


def check_header(issuer: Issuer, header: dict[str, Any]) -> None:
    """The algorithm is one of the issuer's, the type one that is taken, and nothing asks for more than we know."""
    if not REFUSED_MEMBERS.isdisjoint(header):
        raise TokenRefused("header_member")
    typ = header.get("typ")
    if typ is not None:
        if type(typ) is not str:
            raise TokenRefused("type")
        # RFC 7515, section 4.1.9.
        typ = typ.lower().removeprefix("application/")
    if typ not in (issuer.types or DEFAULT_TYPES):
        raise TokenRefused("type")
    if header.get("alg") not in issuer.algorithms:
        raise TokenRefused("algorithm")


def _object(data: bytes, reason: str) -> dict[str, Any]:
    try:
        return parse_object(data, max_bytes=MAX_TOKEN_LENGTH)
    except ValueError:
        raise TokenRefused(reason) from None


def _decoded(part: str) -> bytes:
    """Base64url without padding, in the one way to write it: with two there would be two tokens of one signature."""
    try:
        text = part.encode("ascii")
        # It skips what is no base64url; what is skipped does not come back.
        data = urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    except ValueError:  # a binascii.Error and a UnicodeEncodeError are ones too
        raise TokenRefused("malformed") from None
    if urlsafe_b64encode(data).rstrip(b"=") != text:
        raise TokenRefused("malformed")
    return data


def _source(issuer: Issuer) -> KeySource:
    return Jwks(issuer) if issuer.hs256_secret is None else SharedSecret(issuer.hs256_secret)
