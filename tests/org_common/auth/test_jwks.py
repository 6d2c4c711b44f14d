"""When published keys are asked for, and what happens meanwhile. Which of them are of use: test_jwks_keys.py."""

import json
import logging
import threading
from typing import Any

import pytest

from org_common.auth.fetch import FetchError
from org_common.auth.jwks import (
    COOLDOWN_S,
    FRESH_S,
    MAX_UNKNOWN,
    STALE_S,
    UNKNOWN_S,
    Jwks,
    SharedSecret,
)
from org_common.auth.refusals import KeysUnavailable, TokenRefused
from org_common.config.issuers import Issuer
from org_common.telemetry.metrics import merge_pending
from tests.org_common.auth.forge import ISSUERS, SECRET, jwk
from tests.org_common.auth.keyserver import Clock

ES = jwk("es-1", "ES256")


def published(*keys: Any) -> bytes:
    return json.dumps({"keys": keys}).encode()


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


def test_times_are_those_that_the_documentation_promises() -> None:
    five_minutes, a_day, thirty_seconds, a_minute = 300, 86_400, 30, 60

    assert (five_minutes, a_day, thirty_seconds, a_minute) == (FRESH_S, STALE_S, COOLDOWN_S, UNKNOWN_S)


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

    clock.moment = (wall - 86400, monotonic + FRESH_S)
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


def test_age_of_the_keys_is_a_metric_of_each_fetch_and_a_field_of_each_failure(
    caplog: pytest.LogCaptureFixture,
) -> None:
    source, clock, jwks = set_up(ES)
    merge_pending(into={})

    jwks.prefetch()
    assert merge_pending(into={}) == {"KeyFetches": ("Count", 1), "KeysAge": ("Seconds", [0.0])}

    source.keys = None
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            clock.pass_(FRESH_S)
            jwks.key("es-1")
        clock.pass_(STALE_S)
        jwks.prefetch()

    # Behind a day there are no keys, so there is no age.
    assert merge_pending(into={}) == {
        "KeyFetches": ("Count", 3),
        "KeyFetchesFailed": ("Count", 3),
        "KeysAge": ("Seconds", [FRESH_S, 2 * FRESH_S]),
    }
    assert [vars(record)["keys_age_s"] for record in caplog.records] == [FRESH_S, 2 * FRESH_S, None]


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
    assert source.key(None).algorithms.keys() == {"HS256"}


def test_secret_is_not_shown() -> None:
    assert repr(SharedSecret(SECRET)) == "SharedSecret(***)"


def test_jwks_shows_its_url() -> None:
    assert repr(Jwks(ISSUERS["main"])) == "Jwks('https://issuer.test/.well-known/jwks.json')"


def test_issuer_without_published_keys_has_no_jwks() -> None:
    with pytest.raises(AssertionError):
        Jwks(Issuer("https://a.test", audience="a", algorithms=["HS256"], hs256_secret=SECRET))
