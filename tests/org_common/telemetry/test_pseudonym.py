"""A user's pseudonym in log lines is stable under one key, and cannot be computed without it."""

import hashlib
import hmac
import subprocess
import sys

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from org_common.secrets.source import Refused
from org_common.telemetry.pseudonym import MAX_USERS, PAUSE_S, Pseudonyms

KEY = "9f3c" * 8


@given(st.text(max_size=80), st.text(max_size=20), st.text(max_size=20))
def test_is_the_hmac_of_issuer_and_subject(key: str, issuer: str, subject: str) -> None:
    message = f"{issuer}\n{subject}".encode()

    assert Pseudonyms(key).of(issuer, subject) == hmac.new(key.encode(), message, hashlib.sha256).hexdigest()[:16]


def test_is_stable_for_a_user_and_differs_between_users() -> None:
    pseudonyms = Pseudonyms(KEY)
    alice = pseudonyms.of("https://issuer.test", "alice@example.com")

    assert alice == pseudonyms.of("https://issuer.test", "alice@example.com")
    assert alice == Pseudonyms(KEY).of("https://issuer.test", "alice@example.com")
    others = [("https://issuer.test", "bob"), ("https://other.test", "alice@example.com"), ("https://issuer.tes", "t")]
    assert len({alice, *[pseudonyms.of(*who) for who in others]}) == 4


@pytest.mark.parametrize("subject", ["alice@example.com", "1", "local|alice", "0198a000-0000-7000-8000-000000000001"])
def test_cannot_be_found_by_trying_subjects_without_the_key(subject: str) -> None:
    tried = hashlib.sha256(f"https://issuer.test\n{subject}".encode()).hexdigest()[:16]

    found = {Pseudonyms(key).of("https://issuer.test", subject) for key in (None, KEY, KEY[:-1])}

    assert len(found) == 3
    assert tried not in found


def test_without_a_key_the_process_has_one() -> None:
    script = "from org_common.telemetry.pseudonym import Pseudonyms; print(Pseudonyms(None).of('i', 's'))"

    others = {subprocess.check_output([sys.executable, "-c", script], text=True).strip() for _ in range(2)}

    assert Pseudonyms(None).of("i", "s") == Pseudonyms(None).of("i", "s")
    assert len({*others, Pseudonyms(None).of("i", "s")}) == 3


def test_subject_that_is_not_valid_unicode_has_one() -> None:
    assert len(Pseudonyms(KEY).of("https://issuer.test", "\ud800")) == 16


def test_cache_is_bounded() -> None:
    pseudonyms = Pseudonyms(KEY)
    first = pseudonyms.of("i", "0")

    assert len({pseudonyms.of("i", str(at)) for at in range(MAX_USERS * 2)}) == MAX_USERS * 2
    assert pseudonyms.of("i", "0") == first


def test_stored_key_is_fetched_once() -> None:
    fetched: list[str] = []

    def fetch() -> str:
        fetched.append(KEY)
        return KEY

    pseudonyms = Pseudonyms(None, fetch)

    assert not fetched
    assert [pseudonyms.of("i", str(at)) for at in range(3)] == [Pseudonyms(KEY).of("i", str(at)) for at in range(3)]
    assert len(fetched) == 1


@pytest.mark.parametrize("first", [Refused("prod/app/pseudonyms: AccessDenied"), "too short"])
def test_key_of_the_process_is_used_until_the_stored_one_is_there(
    caplog: pytest.LogCaptureFixture, first: Exception | str
) -> None:
    now, answers = 1000.0, [first, KEY]

    def fetch() -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    pseudonyms = Pseudonyms(None, fetch, clock=lambda: now)

    assert {pseudonyms.of("i", "s") for _ in range(3)} == {Pseudonyms(None).of("i", "s")}
    assert len(answers) == 1
    now += PAUSE_S
    assert pseudonyms.of("i", "s") == Pseudonyms(KEY).of("i", "s")
    [record] = caplog.records
    assert "the key of user pseudonyms cannot be used" in record.getMessage()
    assert "too short" not in record.getMessage()


@pytest.mark.db
def test_postgresql_computes_the_same(postgres: str) -> None:
    query = """
    select encode(substring(sha256(%(outer)s || sha256(%(inner)s || convert_to(%(i)s || e'\\n' || %(s)s, 'UTF8')))
      from 1 for 8), 'hex')
    """
    inner, outer = (bytes(byte ^ pad for byte in KEY.encode().ljust(64, b"\0")) for pad in (0x36, 0x5C))

    with psycopg.connect(postgres) as connection:
        row = connection.execute(query, {"outer": outer, "inner": inner, "i": "https://issuer.test", "s": "älice"})
        [computed] = row.fetchone() or [None]

    assert computed == Pseudonyms(KEY).of("https://issuer.test", "älice")
