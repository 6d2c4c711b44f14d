"""Which published keys are of use, when they are asked for, and what happens meanwhile."""

import json
import logging
import threading
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from org_common.auth.fetch import FetchError
from org_common.auth.jwks import (
    COOLDOWN_S,
    FRESH_S,
    MAX_UNKNOWN,
    STALE_S,
    UNKNOWN_S,
    Jwks,
    Moment,
    SharedSecret,
    is_kid,
    usable_keys,
)
from org_common.auth.refusals import KeysUnavailable, TokenRefused
from org_common.issuers import Issuer
from tests.org_common.auth.forge import ISSUERS, SECRET, jwk
from tests.org_common.auth.keyserver import Clock

ES = jwk("es-1", "ES256")
RS = jwk("rs-1", "RS256")


def published(*keys: Any) -> bytes:
    return json.dumps({"keys": keys}).encode()


def kids(*keys: Any, algorithms: tuple[str, ...] = ("ES256",)) -> list[str]:
    try:
        return sorted(usable_keys(published(*keys), algorithms))
    except FetchError:
        return []


class Source:
    """What an issuer publishes at the moment; None while it is down."""

    def __init__(self, *keys: Any) -> None:
        self.keys: tuple[Any, ...] | None = keys
        self.fetches = 0

    def __call__(self) -> bytes:
        self.fetches += 1
        if self.keys is None:
            raise FetchError("down")
        return published(*self.keys)


def set_up(*keys: Any) -> tuple[Source, Clock, Jwks]:
    source, clock = Source(*keys), Clock()
    return source, clock, Jwks(ISSUERS["main"], fetch=source, clock=clock)


# --- keys --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"use": "sig"},
        {"alg": "ES256"},
        {"key_ops": ["verify"]},
        {"key_ops": ["sign", "verify"]},
        {"x5c": ["anything"], "x5t": "abc", "foo": 1},
    ],
    ids=repr,
)
def test_key_for_signatures_is_of_use(members: dict[str, Any]) -> None:
    assert kids({**ES, **members}) == ["es-1"]


@pytest.mark.parametrize(
    "members",
    [
        *(
            {"use": "enc"},
            {"use": None},
            {"use": ["sig"]},
            {"key_ops": ["sign"]},
            {"key_ops": []},
            {"key_ops": "verify"},
        ),
        *(
            {"alg": "ES384"},
            {"alg": "RS256"},
            {"alg": "none"},
            {"alg": "HS256"},
            {"alg": None},
            {"alg": 5},
            {"alg": ["ES256"]},
        ),
        *(
            {"kid": None},
            {"kid": ""},
            {"kid": 5},
            {"kid": "../x"},
            {"kid": "a b"},
            {"kid": "a" * 129},
            {"kid": ["es-1"]},
        ),
        *(
            {"kty": "RSA"},
            {"kty": "oct"},
            {"kty": None},
            {"kty": 5},
            {"crv": "P-384"},
            {"crv": None},
            {"crv": "secp256k1"},
        ),
        *(
            {"x": ""},
            {"x": "AAAA"},
            {"x": None},
            {"x": 5},
            {"y": "!"},
            {"y": ES["x"]},
            {"d": "AAAA"},
            {"k": "AAAA"},
            {"d": None},
        ),
    ],
    ids=repr,
)
def test_other_keys_are_passed_over(members: dict[str, Any]) -> None:
    assert kids({**ES, **members}, jwk("es-2", "ES256")) == ["es-2"]


@pytest.mark.parametrize("other", [None, 5, "text", [], {}, {"kid": "x"}, {"kty": "EC"}], ids=repr)
def test_what_is_no_key_breaks_no_other(other: object) -> None:
    assert kids(other, ES, other) == ["es-1"]


def test_two_keys_of_one_name_are_both_passed_over() -> None:
    assert kids(ES, jwk("es-2", "ES256", kid="es-1"), jwk("es-2", "ES256")) == ["es-2"]
    assert kids(ES, ES, ES) == []


def test_two_kinds_of_one_name_are_two_keys() -> None:
    """As RFC 7517 has it: only one of them is of the issuer's algorithm."""
    assert kids(ES, jwk("rs-1", "RS256", kid="es-1")) == ["es-1"]


@pytest.mark.parametrize(("bits", "taken"), [(1024, []), (2048, ["small"])])
def test_short_rsa_keys_are_passed_over(bits: int, taken: list[str]) -> None:
    public = rsa.generate_private_key(public_exponent=65537, key_size=bits).public_key()

    assert kids({**json.loads(RSAAlgorithm.to_jwk(public)), "kid": "small"}, algorithms=("RS256",)) == taken


def test_secrets_are_never_taken_from_what_is_published() -> None:
    assert kids({"kty": "oct", "k": "A" * 43, "kid": "hs", "alg": "HS256"}) == []


@pytest.mark.parametrize(
    ("key", "algorithms", "bound"),
    [
        (RS, ("RS256", "PS256"), "RS256"),
        (RS, ("PS256", "RS256"), "PS256"),
        ({**RS, "alg": "PS256"}, ("RS256", "PS256"), "PS256"),
        (RS, ("ES256", "RS512"), "RS512"),
        (jwk("es-384", "ES384"), ("ES256", "ES384"), "ES384"),
        (jwk("ed-1", "EdDSA"), ("EdDSA",), "EdDSA"),
    ],
)
def test_key_is_bound_to_one_algorithm(key: dict[str, Any], algorithms: tuple[str, ...], bound: str) -> None:
    [found] = usable_keys(published(key), algorithms).values()

    assert found.algorithm_name == bound


@pytest.mark.parametrize(
    "data",
    [
        *(
            b"",
            b"null",
            b"[]",
            b"{}",
            b'{"keys": null}',
            b'{"keys": {}}',
            b'{"keys": []}',
            b'{"keys": 5}',
            b"<html>",
            b"{",
        ),
        *(
            b'{"keys": [], "keys": []}',
            b"[" * 5000,
            b'{"keys":' + b"[" * 5000,
            b"\xff\xfe",
            b'{"keys": [NaN]}',
            b"\xef\xbb\xbf{}",
        ),
    ],
    ids=lambda data: repr(data[:24]),
)
def test_what_holds_no_key_is_a_fault(data: bytes) -> None:
    with pytest.raises(FetchError, match="no usable key|no JSON object"):
        usable_keys(data, ("ES256",))


@pytest.mark.parametrize(
    "kid",
    ["a", "1", "es-1", "A_b.c~d-e", "a" * 128, "q9tFjW0k3sS+/Zk1x2y3z4A5b6C7d8E9f0G1h2I3j4k=", "ins_2aBc", "+" * 22],
)
def test_names_that_issuers_give_are_names(kid: str) -> None:
    assert is_kid(kid)


@pytest.mark.parametrize(
    "kid", ["", "a b", "a/b", "../a", "/etc/passwd", "a+b", "a=", "a\n", "é", "http://a", "a" * 129, None, 5]
)
def test_other_texts_are_no_names(kid: object) -> None:
    assert not is_kid(kid)


# --- when they are asked for --------------------------------------------------------------------


def test_nothing_is_fetched_before_a_key_is_needed() -> None:
    source, _, _ = set_up(ES)

    assert source.fetches == 0


def test_keys_are_fetched_once_while_they_are_fresh() -> None:
    source, clock, jwks = set_up(ES, jwk("es-2", "ES256"))

    for _ in range(100):
        assert jwks.key("es-1").key_id == "es-1"
        assert jwks.key("es-2").key_id == "es-2"
        clock.pass_((FRESH_S - 1) / 100)

    assert source.fetches == 1


@pytest.mark.parametrize("frozen", [False, True])
def test_keys_are_asked_for_again_when_they_are_not_fresh(frozen: bool) -> None:
    source, clock, jwks = set_up(ES)
    jwks.key("es-1")

    clock.pass_(FRESH_S, frozen=frozen)
    source.keys = (jwk("es-2", "ES256"),)

    with pytest.raises(TokenRefused) as caught:
        jwks.key("es-1")
    assert (caught.value.reason, source.fetches) == ("unknown_key", 2)


def test_clock_that_is_set_back_keeps_no_key_longer() -> None:
    source, clock, jwks = set_up(ES)
    jwks.key("es-1")
    wall, monotonic = clock.moment

    clock.moment = Moment(wall - 86400, monotonic + FRESH_S)
    jwks.key("es-1")

    assert source.fetches == 2


def test_key_that_is_not_there_yet_is_asked_for_after_a_while() -> None:
    source, clock, jwks = set_up(ES)
    jwks.key("es-1")
    source.keys = (ES, jwk("es-2", "ES256"))

    with pytest.raises(TokenRefused):
        jwks.key("es-2")
    clock.pass_(COOLDOWN_S)

    assert jwks.key("es-2").key_id == "es-2"
    assert source.fetches == 2


def test_token_without_a_kid_fetches_nothing() -> None:
    source, _, jwks = set_up(ES)

    with pytest.raises(TokenRefused) as caught:
        jwks.key(None)

    assert (caught.value.reason, source.fetches) == ("kid", 0)


def test_unknown_key_is_not_asked_for_twice_within_a_minute() -> None:
    source, clock, jwks = set_up(ES)
    for _ in range(UNKNOWN_S):
        with pytest.raises(TokenRefused):
            jwks.key("nobody")
        clock.pass_(1)
    assert source.fetches == 1

    with pytest.raises(TokenRefused):
        jwks.key("nobody")

    assert source.fetches == 2


def test_unknown_keys_take_no_memory() -> None:
    _, clock, jwks = set_up(ES)

    for at in range(MAX_UNKNOWN + 50):
        with pytest.raises(TokenRefused):
            jwks.key(f"k-{at}")
        clock.pass_(COOLDOWN_S)

    assert len(jwks._unknown) <= MAX_UNKNOWN


# --- while it fails -----------------------------------------------------------------------------


def test_without_any_key_it_cannot_be_said() -> None:
    source, _, jwks = set_up()
    source.keys = None

    with pytest.raises(KeysUnavailable) as caught:
        jwks.key("es-1")

    assert (caught.value.status, caught.value.retryable, caught.value.reason) == (503, True, "keys_unavailable")
    assert caught.value.headers["Retry-After"] == str(COOLDOWN_S)


@pytest.mark.parametrize("keys", [None, (), (None,)], ids=["down", "no keys", "no usable key"])
@pytest.mark.parametrize("frozen", [False, True])
def test_keys_go_on_being_used_for_a_day(keys: Any, frozen: bool) -> None:
    source, clock, jwks = set_up(ES)
    jwks.key("es-1")
    source.keys = keys
    clock.pass_(STALE_S - 60, frozen=frozen)

    assert jwks.key("es-1").key_id == "es-1"
    assert jwks.is_stale
    clock.pass_(60, frozen=frozen)
    with pytest.raises(KeysUnavailable):
        jwks.key("es-1")


def test_unknown_key_is_no_401_while_nobody_can_be_asked() -> None:
    """It may be one that was published since."""
    source, clock, jwks = set_up(ES)
    jwks.key("es-1")
    source.keys = None
    clock.pass_(COOLDOWN_S)

    with pytest.raises(KeysUnavailable):
        jwks.key("es-2")

    assert jwks.key("es-1").key_id == "es-1"


def test_failures_are_waited_out_too() -> None:
    source, clock, jwks = set_up()
    source.keys = None

    for _ in range(300):
        with pytest.raises(KeysUnavailable):
            jwks.key("es-1")
        clock.pass_(1)

    assert source.fetches == 300 // COOLDOWN_S
    assert (jwks.fetches, jwks.failures) == (10, 10)


def test_it_recovers_by_itself() -> None:
    source, clock, jwks = set_up(ES)
    jwks.key("es-1")
    source.keys = None
    clock.pass_(FRESH_S)
    jwks.key("es-1")
    source.keys = (ES,)
    clock.pass_(COOLDOWN_S)

    jwks.key("es-1")

    assert not jwks.is_stale
    assert source.fetches == 3


def test_failure_is_logged_with_its_cause(caplog: pytest.LogCaptureFixture) -> None:
    source, _, jwks = set_up()
    source.keys = None

    with caplog.at_level(logging.WARNING), pytest.raises(KeysUnavailable):
        jwks.key("es-1")

    assert [record.getMessage() for record in caplog.records] == [
        "the keys of https://issuer.test could not be fetched: down"
    ]


def test_interrupted_fetch_blocks_nobody() -> None:
    _, clock, jwks = set_up()

    def interrupted() -> bytes:
        raise KeyboardInterrupt

    jwks._fetch = interrupted
    with pytest.raises(KeyboardInterrupt):
        jwks.key("es-1")
    jwks._fetch = Source(ES)
    clock.pass_(COOLDOWN_S)

    assert jwks.key("es-1").key_id == "es-1"


# --- ahead of time ------------------------------------------------------------------------------


def test_prefetch_has_the_keys_at_hand() -> None:
    source, _, jwks = set_up(ES)

    jwks.prefetch()
    jwks.prefetch()

    assert source.fetches == 1
    source.keys = None
    assert jwks.key("es-1").key_id == "es-1"


def test_prefetch_never_fails() -> None:
    source, clock, jwks = set_up()
    source.keys = None

    jwks.prefetch()
    source.keys = (ES,)
    clock.pass_(COOLDOWN_S)

    assert jwks.key("es-1").key_id == "es-1"


# --- several at once ----------------------------------------------------------------------------


def test_many_who_need_keys_at_once_are_served_by_one_fetch() -> None:
    begun, go_on = threading.Event(), threading.Event()
    source = Source(ES)

    def slow() -> bytes:
        begun.set()
        go_on.wait(10)
        return source()

    jwks = Jwks(ISSUERS["main"], fetch=slow, clock=Clock())
    found: list[str | None] = []
    threads = [threading.Thread(target=lambda: found.append(jwks.key("es-1").key_id)) for _ in range(20)]
    for thread in threads:
        thread.start()
    begun.wait(10)
    go_on.set()
    for thread in threads:
        thread.join()

    assert found == ["es-1"] * 20
    assert source.fetches == 1


def test_who_has_a_key_does_not_wait_for_the_fetch() -> None:
    begun, go_on = threading.Event(), threading.Event()
    source, clock, jwks = set_up(ES)
    jwks.key("es-1")

    def slow() -> bytes:
        begun.set()
        go_on.wait(10)
        return source()

    jwks._fetch = slow
    clock.pass_(FRESH_S)
    other = threading.Thread(target=jwks.key, args=["es-1"])
    other.start()
    begun.wait(10)

    # The fetch is under way and will be until we say so: an answer now is one without it.
    assert jwks.key("es-1").key_id == "es-1"
    assert source.fetches == 1

    go_on.set()
    other.join()


# --- the secret of the old kind -----------------------------------------------------------------


def test_secret_is_the_key_whatever_the_token_names() -> None:
    source = SharedSecret(SECRET)

    source.prefetch()

    assert source.key(None) is source.key("any")
    assert source.key(None).algorithm_name == "HS256"


def test_secret_is_not_shown() -> None:
    assert repr(SharedSecret(SECRET)) == "SharedSecret(***)"


def test_jwks_shows_its_url() -> None:
    assert repr(Jwks(ISSUERS["main"])) == "Jwks('https://issuer.test/.well-known/jwks.json')"


def test_issuer_without_published_keys_has_no_jwks() -> None:
    with pytest.raises(AssertionError):
        Jwks(Issuer("https://a.test", audience="a", algorithms=["HS256"], hs256_secret=SECRET))
