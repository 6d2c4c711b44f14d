"""Outside of Lambda nothing is registered; tests/faults freezes, forks and ends real processes."""

import signal

import pytest

from org_common.db import hooks as lifecycle


class Closed:
    def __init__(self) -> None:
        self.times = 0

    def close(self) -> None:
        self.times += 1


def test_outside_of_lambda_signals_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(lifecycle.RUNTIME_API, raising=False)
    before = signal.getsignal(signal.SIGTERM)

    lifecycle.register_hooks(Closed())

    assert signal.getsignal(signal.SIGTERM) is before


def test_in_lambda_the_end_closes_and_hands_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(lifecycle.RUNTIME_API, "127.0.0.1:9001")
    before = signal.getsignal(signal.SIGTERM)
    told: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: told.append(number))
    database = Closed()
    try:
        lifecycle.register_hooks(database)
        signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)

    assert database.times == 1
    assert told == [signal.SIGTERM]
