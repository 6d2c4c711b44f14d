"""Counts of what happened; tests/faults moves each of them."""

from org_common.db.protocol.counters import Counters


def test_all_begin_at_nothing() -> None:
    counted = Counters().as_dict()

    assert counted.pop("dropped") == {}
    assert set(counted.values()) == {0}


def test_every_counter_is_told() -> None:
    assert set(Counters().as_dict()) == set(Counters.__slots__)


def test_drops_are_told_by_reason() -> None:
    counters = Counters()

    counters.dropped["dead"] += 2

    assert counters.as_dict()["dropped"] == {"dead": 2}
