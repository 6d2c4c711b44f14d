"""The table of retries, as data; tests/faults walks through it on real connections."""

import pytest

from org_common.db.retry import ATTEMPTS, FIRST_WAIT_S, TABLE, Action, Phase, Signal, action, signal, waits


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


def test_what_is_in_no_row_is_not_retried() -> None:
    assert action(None, Phase.READ) is None
    assert action(Signal.FULL, Phase.COMMIT) is None


def test_a_commit_in_flight_is_never_sent_again() -> None:
    again = {Action.RESEND, Action.BACK_OFF}

    assert not {found for (_, phase), found in TABLE.items() if phase is Phase.COMMIT} & again


def test_a_transaction_runs_again_only_where_its_route_says_so() -> None:
    of_writes = {found for (_, phase), found in TABLE.items() if phase is Phase.WRITE}

    assert of_writes == {Action.RERUN, Action.TIMEOUT, Action.DROP}


def test_waits_are_few_and_bounded() -> None:
    for _ in range(100):
        pauses = list(waits())
        assert len(pauses) == ATTEMPTS - 1
        assert all(0 <= pause <= FIRST_WAIT_S * 4**at for at, pause in enumerate(pauses))


def test_waits_are_spread() -> None:
    assert len({next(waits()) for _ in range(50)}) > 40
