"""The public keys of an issuer: fetched when needed, cached, and refreshed at a limited rate.

PyJWT's own client is not used: it holds its lock while it fetches, reads a body of any size, counts no failures, and
has no keys left after its cache has expired.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from org_common.auth.fetch import MAX_BYTES, TIMEOUT_S, Fetch, FetchError
from org_common.auth.refusals import KeysUnavailable, TokenRefused
from org_common.config.issuers import with_synonyms
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

# RFC 7515 leaves the form of a `kid` open: a hash, a name, a URN, an ARN. It is compared, and never part of a URL.
MAX_KID_LENGTH = 512
_KEY_TYPES = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), ("RSA", None)),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "EdDSA": ("OKP", "Ed25519"),
    "Ed25519": ("OKP", "Ed25519"),
}
# PyJWT 2.15 does not know the name of RFC 9864.
_IMPLEMENTATIONS = {"Ed25519": "EdDSA"}


class Key:
    """A key of an issuer by its `kid`, with the algorithms that it may verify.

    A published key without `alg` verifies all of the issuer's algorithms that fit its type. Two published keys may
    share a `kid` if their algorithms differ.
    """

    __slots__ = ("algorithms", "key_id")

    def __init__(self, key_id: str | None, algorithms: dict[str, PyJWK]) -> None:
        self.key_id: str | None = key_id
        """The `kid`."""
        self.algorithms: dict[str, PyJWK] = algorithms
        """The key by algorithm, as the header of a token names it."""

    def verify(self, algorithm: str, signed: bytes, signature: bytes) -> bool:
        """True for a valid signature. Raises `TokenRefused` if the key is for other algorithms.

        The caller checks that the issuer's settings allow the algorithm, which comes from the header of a token.
        """
        key = self.algorithms.get(algorithm)
        if key is None:
            raise TokenRefused("algorithm")
        is_valid: bool = key.Algorithm.verify(signed, key.key, signature)
        return is_valid


class KeySet(NamedTuple):
    """The usable keys of one fetch."""

    keys: dict[str, Key]
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

    def key(self, kid: str | None) -> Key:
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
        keys: dict[str, Key] | None = None
        try:
            self.fetches += 1
            keys = usable_keys(self._fetch(), self._issuer.algorithms)
        except FetchError as error:
            # For a metric filter on the log of the authorizer's function, which has no metrics.
            age = {"keys_age_s": self._age_s(now)}
            logger.warning("the keys of %s could not be fetched: %s", self._issuer.url, error, extra=age)
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
        # Loaded by an app that writes them. The authorizer's function does without: the import takes milliseconds.
        metrics = sys.modules.get("org_common.telemetry.metrics")
        if metrics is not None:
            metrics.keys_fetched(self._age_s(now), failed=keys is None)

    def _age_s(self, now: Moment) -> float | None:
        """The age of the keys in use; None without any."""
        cached = self._cached(now)
        return None if cached is None else elapsed_s(cached.at, now)

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
        self._key = Key(None, {"HS256": PyJWK({"kty": "oct", "k": text}, algorithm="HS256")})

    def key(self, kid: str | None) -> Key:
        """The key, whatever the `kid`."""
        return self._key

    def prefetch(self) -> None:
        """There is nothing to fetch."""

    def __repr__(self) -> str:
        return "SharedSecret(***)"


def is_kid(value: object) -> bool:
    """True for a string of up to 512 printable characters."""
    return type(value) is str and 0 < len(value) <= MAX_KID_LENGTH and value.isprintable()


def usable_keys(data: bytes, algorithms: Sequence[str]) -> dict[str, Key]:
    """The keys of a JWK set (RFC 7517) that verify one of these algorithms, by `kid`. Raises `FetchError` without any.

    Unusable keys are skipped, so that a broken key does not affect others. Two keys with one `kid` and one algorithm
    are both skipped, as the token does not say which of them it means.
    """
    try:
        listed = parse_object(data, max_bytes=MAX_BYTES, max_containers=MAX_CONTAINERS).get("keys")
    except ValueError:
        raise FetchError("the response is not a JSON object without duplicate keys") from None
    accepted = with_synonyms(algorithms)
    found: dict[str, dict[str, PyJWK | None]] = {}
    skipped: Counter[str] = Counter()
    for jwk in listed if type(listed) is list else ():
        reason = _unusable(jwk, accepted)
        usable = {} if reason else _parsed(jwk, accepted)
        if not usable:
            skipped[reason or "malformed, or RSA under 2048 bits"] += 1
            continue
        by_algorithm = found.setdefault(jwk["kid"], {})
        for name, key in usable.items():
            by_algorithm[name] = None if name in by_algorithm else key
    keys: dict[str, Key] = {}
    for kid, by_algorithm in found.items():
        unique = {name: key for name, key in by_algorithm.items() if key is not None}
        if unique:
            keys[kid] = Key(kid, unique)
        else:
            skipped["with the kid and algorithm of another key"] += 1
    if not keys:
        # Without keys the issuer has no valid tokens: far more likely it is being set up.
        counts = ", ".join(f"{count} {reason}" for reason, count in skipped.items())
        raise FetchError("the response has no usable key" + (f" (skipped: {counts})" if counts else ""))
    return keys


def _unusable(jwk: Any, accepted: Sequence[str]) -> str | None:
    """Why the key cannot be used, of what its description says; None if it says nothing against it."""
    if type(jwk) is not dict or not is_kid(jwk.get("kid")):
        return "without a valid kid"
    operations = jwk.get("key_ops", ["verify"])
    if jwk.get("use", "sig") != "sig" or type(operations) is not list or "verify" not in operations:
        return "for another use"
    # A private key that is published is compromised, and a shared secret does not belong into a public key set.
    if "d" in jwk or "k" in jwk:
        return "private"
    if not any(_fits(jwk, name) for name in accepted):
        return "for other algorithms than the issuer's settings allow"
    return None


def _parsed(jwk: dict[str, Any], accepted: Sequence[str]) -> dict[str, PyJWK]:
    """The key by algorithm: its own one, or all accepted ones that fit its type. Empty if it cannot be parsed."""
    try:
        keys = {name: PyJWK(jwk, algorithm=_IMPLEMENTATIONS.get(name, name)) for name in accepted if _fits(jwk, name)}
    except (PyJWTError, ValueError, TypeError):
        return {}
    is_short = any(isinstance(key.key, RSAPublicKey) and key.key.key_size < MIN_RSA_BITS for key in keys.values())
    return {} if is_short else keys


def _fits(jwk: dict[str, Any], algorithm: str) -> bool:
    key_type, curve = _KEY_TYPES[algorithm]
    own = jwk.get("alg", algorithm)
    is_own = own == algorithm or (type(own) is str and algorithm in with_synonyms([own]))
    return is_own and jwk.get("kty") == key_type and (curve is None or jwk.get("crv") == curve)
