"""The keys that an issuer publishes: fetched when needed, kept while they can be, asked for again with restraint.

PyJWT's own client is not used: it holds its lock while it fetches, reads a body of any size, counts no failures, and
has nothing left once its cache has expired.
"""

from __future__ import annotations

import logging
import re
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from org_common.auth.fetch import MAX_BYTES, TIMEOUT_S, Fetch, FetchError
from org_common.auth.refusals import KeysUnavailable, TokenRefused
from org_common.lifecycle import clock as clocks
from org_common.lifecycle.clock import elapsed_s
from org_common.lifecycle.fork import reset_in_child
from org_common.values.strict_json import parse_object

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from org_common.config.issuers import Issuer
    from org_common.lifecycle.clock import Moment

logger = logging.getLogger("org_common")

# Keys of this age are asked for again, and go on being used while that fails.
FRESH_S = 300
STALE_S = 24 * 3600
# From the start of one fetch to that of the next, whether it succeeded or not.
COOLDOWN_S = 30
# A key that was not published a minute ago is not in use yet: issuers publish a key at least so long before they sign
# with it, so a `kid` that a fetch did not bring is worth no other one for as long.
UNKNOWN_S = 60
MAX_UNKNOWN = 1000
# For somebody else's fetch: as long as that takes, and as much on top for a machine that is busy.
WAIT_S = 2 * TIMEOUT_S
MIN_RSA_BITS = 2048
MAX_CONTAINERS = 4000

# RFC 7515 leaves the form of a `kid` open. Issuers write words, base64url, and base64 (Cognito): never a path or a URL.
_KID = re.compile(r"[A-Za-z0-9._~-]{1,128}|[A-Za-z0-9+/]{22,126}={0,2}", re.ASCII)
_KINDS = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), ("RSA", None)),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "EdDSA": ("OKP", "Ed25519"),
}


class KeySet(NamedTuple):
    """The usable keys of one fetch, by `kid`, and when it was begun."""

    keys: dict[str, PyJWK]
    at: Moment


class Jwks:
    """The published keys of one issuer. Threads may share one: one of them fetches, outside of the lock.

    `fetches` and `failures` count, `is_stale` says that the keys in use could not be refreshed: for a metric.
    """

    def __init__(
        self,
        issuer: Issuer,
        *,
        fetch: Callable[[], bytes] | None = None,
        clock: Callable[[], Moment] = clocks.now,
    ) -> None:
        """`fetch` answers the JSON text of the set, or raises `FetchError`; by default it asks `issuer.jwks_url`."""
        assert issuer.jwks_url is not None
        self._issuer = issuer
        self._fetch = fetch or Fetch(issuer.jwks_url)
        self._clock = clock
        self._lock = threading.Lock()
        self._set: KeySet | None = None
        self._tried_at: Moment | None = None
        self._failed = False
        self._flight: threading.Event | None = None
        self._unknown: dict[str, Moment] = {}
        self.fetches = 0
        self.failures = 0
        reset_in_child(self._reset_in_child)

    @property
    def is_stale(self) -> bool:
        return self._failed and self._set is not None

    def key(self, kid: str | None) -> PyJWK:
        """`TokenRefused` when the issuer has no such key, `KeysUnavailable` when that cannot be said now."""
        if kid is None:
            raise TokenRefused("kid")
        now = self._clock()
        held = self._held(now)
        key = held and held.keys.get(kid)
        if held is None or key is None:
            self._refresh(now, wanted=kid)
            held = self._held(now)
            key = held and held.keys.get(kid)
        elif elapsed_s(held.at, now) >= FRESH_S:
            self._refresh(now)
            held = self._held(now)
            key = held and held.keys.get(kid)
        if key is not None:
            return key
        if held is None or self._failed:
            raise KeysUnavailable(COOLDOWN_S)
        raise TokenRefused("unknown_key")

    def prefetch(self) -> None:
        now = self._clock()
        held = self._held(now)
        if held is None or elapsed_s(held.at, now) >= FRESH_S:
            self._refresh(now)

    def _held(self, now: Moment) -> KeySet | None:
        held = self._set
        return held if held is not None and elapsed_s(held.at, now) < STALE_S else None

    def _refresh(self, now: Moment, *, wanted: str | None = None) -> None:
        """Fetch, unless somebody does or has just done so. Who lacks the key he `wanted` waits for the other's."""
        with self._lock:
            other = self._flight
            if other is None:
                if self._tried_at is not None and elapsed_s(self._tried_at, now) < COOLDOWN_S:
                    return
                if wanted is not None and self._is_known_not_to_be(wanted, now):
                    return
                self._tried_at = now
                self._flight = threading.Event()
        if other is None:
            self._fly(now, wanted)
        elif wanted is not None and not other.wait(WAIT_S):
            raise KeysUnavailable(COOLDOWN_S)

    def _fly(self, now: Moment, wanted: str | None) -> None:
        found: dict[str, PyJWK] | None = None
        try:
            self.fetches += 1
            found = usable_keys(self._fetch(), self._issuer.algorithms)
        except FetchError as error:
            logger.warning("the keys of %s could not be fetched: %s", self._issuer.url, error)
        finally:
            with self._lock:
                flight, self._flight = self._flight, None
                self._failed = found is None
                if found is None:
                    self.failures += 1
                else:
                    self._set = KeySet(found, now)
                    if wanted is not None and wanted not in found:
                        self._remember(wanted, now)
            assert flight is not None
            flight.set()

    def _reset_in_child(self) -> None:
        self._lock, self._flight, self._tried_at = threading.Lock(), None, None

    def _is_known_not_to_be(self, kid: str, now: Moment) -> bool:
        seen = self._unknown.get(kid)
        return seen is not None and not self._failed and elapsed_s(seen, now) < UNKNOWN_S

    def _remember(self, kid: str, now: Moment) -> None:
        self._unknown.pop(kid, None)
        self._unknown[kid] = now
        if len(self._unknown) > MAX_UNKNOWN:
            del self._unknown[next(iter(self._unknown))]

    def __repr__(self) -> str:
        return f"Jwks({self._issuer.jwks_url!r})"


class SharedSecret:
    """The one HS256 key of an issuer of the old kind. Its tokens may or may not name it."""

    def __init__(self, secret: str) -> None:
        from base64 import urlsafe_b64encode

        text = urlsafe_b64encode(secret.encode()).rstrip(b"=").decode()
        self._key = PyJWK({"kty": "oct", "k": text}, algorithm="HS256")

    def key(self, kid: str | None) -> PyJWK:
        return self._key

    def prefetch(self) -> None:
        pass

    def __repr__(self) -> str:
        return "SharedSecret(***)"


def is_kid(value: object) -> bool:
    return type(value) is str and _KID.fullmatch(value) is not None


def usable_keys(data: bytes, algorithms: Sequence[str]) -> dict[str, PyJWK]:
    """The keys of a JWK set (RFC 7517) that verify one of these algorithms, by `kid`. `FetchError` without any.

    A key that is of no use is passed over, so one that is broken breaks no other. Two of one `kid` are passed over
    both: nobody could say which of them is meant.
    """
    try:
        listed = parse_object(data, max_bytes=MAX_BYTES, max_containers=MAX_CONTAINERS).get("keys")
    except ValueError:
        raise FetchError("the answer is no JSON object with each member once") from None
    found: dict[str, PyJWK] = {}
    twice: set[str] = set()
    for jwk in listed if type(listed) is list else ():
        key = _usable(jwk, algorithms) if type(jwk) is dict else None
        if key is not None:
            kid: str = jwk["kid"]
            (twice.add(kid) if kid in found else found.setdefault(kid, key))
    for kid in twice:
        del found[kid]
    if not found:
        # An issuer without keys has no valid tokens: far more likely it was just being set up anew.
        raise FetchError("the answer holds no usable key")
    return found


def _usable(jwk: dict[str, Any], algorithms: Sequence[str]) -> PyJWK | None:
    operations = jwk.get("key_ops", ["verify"])
    if not is_kid(jwk.get("kid")) or jwk.get("use", "sig") != "sig":
        return None
    # A private key that is published is nobody's any more; a secret has no business here at all.
    if type(operations) is not list or "verify" not in operations or "d" in jwk or "k" in jwk:
        return None
    # The key's own algorithm, or the first of the issuer's that it is made for: never the token's.
    kinds = [name for name in algorithms if jwk.get("alg", name) == name and _is_of_kind(jwk, name)]
    if not kinds:
        return None
    try:
        key = PyJWK(jwk, algorithm=kinds[0])
    except (PyJWTError, ValueError, TypeError):
        return None
    if isinstance(key.key, RSAPublicKey) and key.key.key_size < MIN_RSA_BITS:
        return None
    return key


def _is_of_kind(jwk: dict[str, Any], algorithm: str) -> bool:
    kind, curve = _KINDS[algorithm]
    return jwk.get("kty") == kind and (curve is None or jwk.get("crv") == curve)
