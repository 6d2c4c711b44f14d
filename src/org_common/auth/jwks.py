"""The public keys of an issuer: fetched when needed, cached, and refreshed at a limited rate.

PyJWT's own client is not used: it holds its lock while it fetches, reads a body of any size, counts no failures, and
has no keys left after its cache has expired.
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

logger: logging.Logger = logging.getLogger("org_common")

# Keys older than FRESH_S are fetched again, and remain in use up to STALE_S while that fails.
FRESH_S = 300
STALE_S = 24 * 3600
# The minimum time between the starts of two fetches, successful or not.
COOLDOWN_S = 30
# Issuers publish a key at least a minute before they sign with it: a `kid` that was missing in a fetch causes no other
# fetch for so long.
UNKNOWN_S = 60
MAX_UNKNOWN = 1000
# The wait for another thread's fetch: its timeout, and as much again for a busy machine.
WAIT_S = 2 * TIMEOUT_S
MIN_RSA_BITS = 2048
MAX_CONTAINERS = 4000

# RFC 7515 leaves the form of a `kid` open. Issuers use words, base64url, and base64 (Cognito), never a path or a URL.
_KID = re.compile(r"[A-Za-z0-9._~-]{1,128}|[A-Za-z0-9+/]{22,126}={0,2}", re.ASCII)
_KEY_TYPES = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), ("RSA", None)),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "EdDSA": ("OKP", "Ed25519"),
}


class KeySet(NamedTuple):
    """The usable keys of one fetch."""

    keys: dict[str, PyJWK]
    """The keys by `kid`."""
    at: Moment
    """When the fetch started."""


class Jwks:
    """The published keys of one issuer. Thread-safe: one thread at a time fetches, outside of the lock."""

    def __init__(
        self,
        issuer: Issuer,
        *,
        fetch: Callable[[], bytes] | None = None,
        clock: Callable[[], Moment] = clocks.now,
    ) -> None:
        """`fetch` returns the JSON of the key set or raises `FetchError`; by default it fetches `issuer.jwks_url`."""
        assert issuer.jwks_url is not None
        self._issuer = issuer
        self._fetch = fetch or Fetch(issuer.jwks_url)
        self._clock = clock
        self._lock = threading.Lock()
        self._set: KeySet | None = None
        self._tried_at: Moment | None = None
        self._failed = False
        # Set when the fetch in progress ends.
        self._pending: threading.Event | None = None
        self._unknown: dict[str, Moment] = {}
        self.fetches: int = 0
        """The number of fetches."""
        self.failures: int = 0
        """The number of failed fetches."""
        reset_in_child(self._reset_in_child)

    @property
    def is_stale(self) -> bool:
        """True if the keys in use could not be refreshed."""
        return self._failed and self._set is not None

    def key(self, kid: str | None) -> PyJWK:
        """The key. Raises `TokenRefused` if the issuer has no such key, `KeysUnavailable` if that is unknown now."""
        if kid is None:
            raise TokenRefused("kid")
        now = self._clock()
        cached = self._cached(now)
        key = cached and cached.keys.get(kid)
        if cached is None or key is None:
            self._refresh(now, kid=kid)
            cached = self._cached(now)
            key = cached and cached.keys.get(kid)
        elif elapsed_s(cached.at, now) >= FRESH_S:
            self._refresh(now)
            cached = self._cached(now)
            key = cached and cached.keys.get(kid)
        if key is not None:
            return key
        if cached is None or self._failed:
            raise KeysUnavailable(COOLDOWN_S)
        raise TokenRefused("unknown_key")

    def prefetch(self) -> None:
        """Fetch the keys unless they are fresh. Never raises."""
        now = self._clock()
        cached = self._cached(now)
        if cached is None or elapsed_s(cached.at, now) >= FRESH_S:
            self._refresh(now)

    def _cached(self, now: Moment) -> KeySet | None:
        cached = self._set
        return cached if cached is not None and elapsed_s(cached.at, now) < STALE_S else None

    def _refresh(self, now: Moment, *, kid: str | None = None) -> None:
        """Fetch unless another thread is fetching or just has. A caller without the key `kid` waits for that fetch."""
        with self._lock:
            pending = self._pending
            if pending is None:
                if self._tried_at is not None and elapsed_s(self._tried_at, now) < COOLDOWN_S:
                    return
                if kid is not None and self._is_unknown(kid, now):
                    return
                self._tried_at = now
                self._pending = threading.Event()
        if pending is None:
            self._fetch_keys(now, kid)
        elif kid is not None and not pending.wait(WAIT_S):
            raise KeysUnavailable(COOLDOWN_S)

    def _fetch_keys(self, now: Moment, kid: str | None) -> None:
        keys: dict[str, PyJWK] | None = None
        try:
            self.fetches += 1
            keys = usable_keys(self._fetch(), self._issuer.algorithms)
        except FetchError as error:
            logger.warning("the keys of %s could not be fetched: %s", self._issuer.url, error)
        finally:
            with self._lock:
                pending, self._pending = self._pending, None
                self._failed = keys is None
                if keys is None:
                    self.failures += 1
                else:
                    self._set = KeySet(keys, now)
                    if kid is not None and kid not in keys:
                        self._remember_unknown(kid, now)
            assert pending is not None
            pending.set()

    def _reset_in_child(self) -> None:
        self._lock, self._pending, self._tried_at = threading.Lock(), None, None

    def _is_unknown(self, kid: str, now: Moment) -> bool:
        """True if the last fetch succeeded without this key, less than UNKNOWN_S ago."""
        missing_since = self._unknown.get(kid)
        return missing_since is not None and not self._failed and elapsed_s(missing_since, now) < UNKNOWN_S

    def _remember_unknown(self, kid: str, now: Moment) -> None:
        self._unknown.pop(kid, None)
        self._unknown[kid] = now
        if len(self._unknown) > MAX_UNKNOWN:
            del self._unknown[next(iter(self._unknown))]

    def __repr__(self) -> str:
        return f"Jwks({self._issuer.jwks_url!r})"


class SharedSecret:
    """The shared HS256 key of a legacy issuer. Its tokens may have a `kid`, which is ignored."""

    def __init__(self, secret: str) -> None:
        from base64 import urlsafe_b64encode

        text = urlsafe_b64encode(secret.encode()).rstrip(b"=").decode()
        self._key = PyJWK({"kty": "oct", "k": text}, algorithm="HS256")

    def key(self, kid: str | None) -> PyJWK:
        """The key, whatever the `kid`."""
        return self._key

    def prefetch(self) -> None:
        """There is nothing to fetch."""

    def __repr__(self) -> str:
        return "SharedSecret(***)"


def is_kid(value: object) -> bool:
    """True if the value has the form of a `kid`."""
    return type(value) is str and _KID.fullmatch(value) is not None


def usable_keys(data: bytes, algorithms: Sequence[str]) -> dict[str, PyJWK]:
    """The keys of a JWK set (RFC 7517) that verify one of these algorithms, by `kid`. Raises `FetchError` without any.

    Unusable keys are skipped, so that a broken key does not affect others. Two keys with one `kid` are both skipped, as
    the token does not say which of them it means.
    """
    try:
        listed = parse_object(data, max_bytes=MAX_BYTES, max_containers=MAX_CONTAINERS).get("keys")
    except ValueError:
        raise FetchError("the response is not a JSON object without duplicate keys") from None
    keys: dict[str, PyJWK] = {}
    repeated: set[str] = set()
    for jwk in listed if type(listed) is list else ():
        key = _usable(jwk, algorithms) if type(jwk) is dict else None
        if key is None:
            continue
        kid: str = jwk["kid"]
        if kid in keys:
            repeated.add(kid)
        else:
            keys[kid] = key
    for kid in repeated:
        del keys[kid]
    if not keys:
        # Without keys the issuer has no valid tokens: far more likely it is being set up.
        raise FetchError("the response has no usable key")
    return keys


def _usable(jwk: dict[str, Any], algorithms: Sequence[str]) -> PyJWK | None:
    operations = jwk.get("key_ops", ["verify"])
    if not is_kid(jwk.get("kid")) or jwk.get("use", "sig") != "sig":
        return None
    # A private key that is published is compromised, and a shared secret does not belong into a public key set.
    if type(operations) is not list or "verify" not in operations or "d" in jwk or "k" in jwk:
        return None
    # The key's own algorithm, or the first of the issuer's that fits its type: never the token's.
    usable = [name for name in algorithms if jwk.get("alg", name) == name and _fits(jwk, name)]
    if not usable:
        return None
    try:
        key = PyJWK(jwk, algorithm=usable[0])
    except (PyJWTError, ValueError, TypeError):
        return None
    if isinstance(key.key, RSAPublicKey) and key.key.key_size < MIN_RSA_BITS:
        return None
    return key


def _fits(jwk: dict[str, Any], algorithm: str) -> bool:
    key_type, curve = _KEY_TYPES[algorithm]
    return jwk.get("kty") == key_type and (curve is None or jwk.get("crv") == curve)
