"""The table of retries, as data; tests/faults walks through it on real connections."""

import subprocess
import sys
import time
from textwrap import dedent

import pytest

from org_common.db.connections.retry import (
    ATTEMPTS,
    FIRST_WAIT_S,
    TABLE,
    Action,
    Phase,
    Signal,
    action,
    retry_with_backoff,
    signal,
    signal_in_flight,
)
from org_common.db.protocol.errors import ConnectionLost, StatementFailed


@pytest.mark.parametrize(
    ("sqlstate", "found"),
    [
        ("08006", Signal.LOST),
        ("57P01", Signal.LOST),
        ("57P03", Signal.STARTING),
        ("53300", Signal.FULL),
        ("28P01", Signal.PASSWORD),
        ("40001", Signal.CONFLICT),
        ("40P01", Signal.CONFLICT),
        ("25006", Signal.STANDBY),
        ("23505", None),
        ("42501", None),
        ("57014", None),
        ("OC403", None),
    ],
)
def test_a_sqlstate_says_what_went_wrong(sqlstate: str, found: Signal | None) -> None:
    assert signal(sqlstate) is found


def test_an_intact_connection_is_not_lost() -> None:
    """Functions and foreign servers raise codes that speak of a connection: another one than ours."""
    codes = ["08000", "08001", "08003", "08004", "08006", "08007", "08P01", "57P01", "57P02", "57P05", "25P03", "25P04"]

    assert {signal_in_flight(StatementFailed(code, "x")) for code in codes} == {None}
    assert {signal_in_flight(StatementFailed(code, "x")) for code in ("40001", "40P01")} == {Signal.CONFLICT}
    assert {signal_in_flight(StatementFailed(code, "x")) for code in ("26000", "42P05")} == {Signal.STALE_PLAN}


@pytest.mark.parametrize(
    ("sqlstate", "message", "found"),
    [
        ("57P01", "terminating connection due to administrator command", Signal.LOST),
        ("57P05", "terminating connection due to idle-session timeout", Signal.LOST),
        ("08P01", "server conn crashed?", Signal.LOST),
        ("08P01", "client_idle_timeout", Signal.LOST),
        ("40001", "a pooler that hung up behind this", Signal.LOST),
        ("25P03", "Verbindung wird abgebrochen", Signal.TIME_LIMIT),
        ("25P04", "terminating connection due to transaction timeout", Signal.TIME_LIMIT),
        ("57014", "canceling statement due to statement timeout", Signal.TIME_LIMIT),
        # PgBouncer 1.18, and how later versions spell the same.
        ("08P01", "query timeout", Signal.TIME_LIMIT),
        ("08P01", "query_timeout", Signal.TIME_LIMIT),
        ("08P01", "idle transaction timeout", Signal.TIME_LIMIT),
        ("08P01", "idle_transaction_timeout", Signal.TIME_LIMIT),
        ("08P01", "transaction timeout", Signal.TIME_LIMIT),
    ],
)
def test_the_reason_says_whether_a_time_limit_closed_the_connection(sqlstate: str, message: str, found: Signal) -> None:
    assert signal_in_flight(ConnectionLost(message, StatementFailed(sqlstate, message))) is found


def test_a_connection_without_a_reason_is_lost() -> None:
    assert signal_in_flight(ConnectionLost("the server closed the connection")) is Signal.LOST


def test_what_is_in_no_row_is_not_retried() -> None:
    assert action(None, Phase.READ) is None
    assert action(Signal.FULL, Phase.COMMIT) is None


def test_a_commit_in_flight_is_never_sent_again() -> None:
    again = {Action.RESEND, Action.BACK_OFF}

    assert not {found for (_, phase), found in TABLE.items() if phase is Phase.COMMIT} & again


def test_a_transaction_runs_again_only_where_its_route_says_so() -> None:
    of_writes = {found for (_, phase), found in TABLE.items() if phase is Phase.WRITE}

    assert of_writes == {Action.RERUN, Action.TIMEOUT, Action.DROP}


class Flaky:
    """Fails so often before it answers; keeps the time of each call."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.called_s: list[float] = []

    def __call__(self) -> str:
        self.called_s.append(time.monotonic())
        if len(self.called_s) <= self.failures:
            raise OSError(f"failure {len(self.called_s)}")
        return "answer"

    def again(self, *, left_s: float = 10.0, retried: list[str] | None = None) -> str:
        count = (lambda: retried.append("retried")) if retried is not None else (lambda: None)
        return retry_with_backoff(self, lambda error: isinstance(error, OSError), time.monotonic() + left_s, count)


@pytest.mark.parametrize("failures", range(ATTEMPTS))
def test_what_fails_less_often_than_it_is_tried_is_answered(failures: int) -> None:
    flaky, retried = Flaky(failures), list[str]()

    assert flaky.again(retried=retried) == "answer"
    assert (len(flaky.called_s), len(retried)) == (failures + 1, failures)


def test_the_last_error_stands() -> None:
    flaky = Flaky(99)

    with pytest.raises(OSError, match=f"failure {ATTEMPTS}"):
        flaky.again()
    assert len(flaky.called_s) == ATTEMPTS


def test_what_is_not_worth_it_is_tried_once() -> None:
    flaky = Flaky(99)

    with pytest.raises(OSError, match="failure 1"):
        retry_with_backoff(flaky, lambda error: isinstance(error, KeyError), time.monotonic() + 10)
    assert len(flaky.called_s) == 1


def test_no_pause_begins_that_would_end_too_late() -> None:
    flaky = Flaky(99)

    with pytest.raises(OSError, match="failure 1"):
        flaky.again(left_s=0)
    assert len(flaky.called_s) == 1


def test_pauses_are_bounded_and_spread() -> None:
    pauses = []
    for _ in range(10):
        flaky = Flaky(ATTEMPTS - 1)
        flaky.again()
        pauses.append([later - earlier for earlier, later in zip(flaky.called_s, flaky.called_s[1:], strict=False)])

    # A scheduler may add to a pause, so the smallest of them is what is bounded.
    assert all(min(each) <= FIRST_WAIT_S * 4**at for at, each in enumerate(zip(*pauses, strict=True)))
    assert len({round(first, 3) for first, _ in pauses}) > 3


def test_tenacity_is_not_loaded_before_something_has_failed() -> None:
    code = """
        import sys, time
        from org_common.db.connections.retry import retry_with_backoff

        calls = []

        def call():
            calls.append(1)
            if len(calls) == 2:
                raise OSError
            return len(calls)

        deadline_s = time.monotonic() + 5
        assert retry_with_backoff(call, lambda error: isinstance(error, OSError), deadline_s) == 1
        assert "tenacity" not in sys.modules
        assert retry_with_backoff(call, lambda error: isinstance(error, OSError), deadline_s) == 3
        assert "tenacity" in sys.modules
    """
    subprocess.run([sys.executable, "-c", dedent(code)], check=True)
