"""What all sources share: second tries, jitter, and the environment of a developer's machine."""

import time

import pytest

from org_common.secrets.counters import SecretCounters
from org_common.secrets.source import EXTENSION_PAUSES_S, EnvironmentSource, Failed, Refused, jittered, retry
from org_common.values.secret import Reference, Secret

MINE = Reference.parse("env:MY_PASSWORD")


def test_a_failure_is_tried_again_and_a_refusal_is_not(counters: SecretCounters) -> None:
    for error, tries in ((Failed("busy"), 4), (Refused("no"), 1)):
        tried: list[int] = []

        def attempt(error: Exception = error, tried: list[int] = tried) -> None:
            tried.append(1)
            raise error

        with pytest.raises(type(error)):
            retry(attempt, EXTENSION_PAUSES_S, counters, time.monotonic() + 10)
        assert len(tried) == tries

    assert counters.retries == 3


def test_it_is_not_tried_again_without_time(counters: SecretCounters) -> None:
    def attempt() -> None:
        raise Failed("busy")

    with pytest.raises(Failed):
        retry(attempt, EXTENSION_PAUSES_S, counters, time.monotonic())

    assert counters.retries == 0


def test_jitter_stays_within_its_share() -> None:
    found = [jittered(100, 0.1) for _ in range(1000)]

    assert 90 <= min(found) < 95
    assert 105 < max(found) <= 110


def test_another_variable_is_a_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_LAMBDA_FUNCTION_NAME", raising=False)
    monkeypatch.setenv("MY_PASSWORD", "of-the-test")

    assert EnvironmentSource().fetch(MINE, 0) == Secret("of-the-test")


def test_a_variable_that_is_not_set_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MY_PASSWORD", raising=False)

    with pytest.raises(Refused, match="is not set"):
        EnvironmentSource().fetch(MINE, 0)


def test_in_lambda_it_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "orders")
    monkeypatch.setenv("MY_PASSWORD", "of-the-test")

    with pytest.raises(Refused, match="ORG_COMMON_ALLOW_PLAIN_SECRETS=1"):
        EnvironmentSource().fetch(MINE, 0)

    monkeypatch.setenv("ORG_COMMON_ALLOW_PLAIN_SECRETS", "1")
    assert EnvironmentSource().fetch(MINE, 0) == Secret("of-the-test")
