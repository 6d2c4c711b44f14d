import numpy as np
import pytest

from org_common.tools.plan.traffic import DAY_S, Traffic, steady
from org_common.tools.project.project import ToolError


def test_steady_day() -> None:
    traffic = steady(2, hours=24)

    assert (traffic.seconds, traffic.requests) == (DAY_S, 2 * DAY_S)


def test_hours_and_burst_are_in_the_middle_of_the_day() -> None:
    traffic = steady(1, burst=10, hours=12)

    active = np.flatnonzero(traffic.counts)
    assert (active[0], active[-1]) == (6 * 60, 18 * 60 - 1)
    assert traffic.requests == 12 * 3600 + 600 * 9
    assert traffic.counts[12 * 60] == 600


@pytest.mark.parametrize(("rate", "burst", "hours"), [(0, 1, 24), (1, 0.5, 24), (1, 1, 25), (float("nan"), 1, 24)])
def test_impossible_numbers_are_refused(rate: float, burst: float, hours: float) -> None:
    with pytest.raises(ToolError, match="rate must be"):
        steady(rate, burst=burst, hours=hours)


def test_arrivals_ascend_within_their_bins() -> None:
    traffic = Traffic(np.array([3.0, 0.0, 2.0]), 60, poisson=False)

    arrivals = traffic.arrivals(np.random.default_rng(1))

    assert (np.diff(arrivals) >= 0).all()
    assert np.bincount((arrivals // 60).astype(int)).tolist() == [3, 0, 2]


def test_seconds_and_minutes_keep_the_requests() -> None:
    traffic = Traffic(np.array([600.0, 1200.0]), 300)

    assert traffic.per_second().sum() == traffic.per_minute().sum() == pytest.approx(1800)
    assert len(traffic.per_minute()) == 10


def test_scaled_traffic_varies_by_chance() -> None:
    scaled = Traffic(np.array([1.0, 1.0]), 1, poisson=False).scaled(0.5)

    assert (scaled.requests, scaled.poisson) == (1.0, True)
