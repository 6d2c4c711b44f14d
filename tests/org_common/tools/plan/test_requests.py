import numpy as np
import pytest

from org_common.tools.plan import requests
from tests.org_common.tools.plan.conftest import MakeWorkload


def test_same_seed_same_requests(workload: MakeWorkload) -> None:
    first, second, other = (requests.draw(workload(seed=seed)) for seed in (1, 1, 2))

    assert np.array_equal(first.arrivals, second.arrivals)
    assert np.array_equal(first.durations, second.durations)
    assert len(other.arrivals) != len(first.arrivals)


def test_few_requests_are_drawn_one_by_one(workload: MakeWorkload) -> None:
    assert requests.is_exact(workload(rate=5, hours=2))
    assert not requests.is_exact(workload(rate=500, hours=2))


def test_expected_minutes_are_those_that_are_drawn(workload: MakeWorkload) -> None:
    one = workload(rate=20, hours=2)

    drawn, expected = requests.minutes(one, requests.draw(one)), requests.minutes(one, None)

    assert drawn.counts.sum() == pytest.approx(expected.counts.sum(), rel=0.02)
    assert drawn.mean.sum() == pytest.approx(expected.mean.sum(), rel=0.03)
    assert drawn.peak.max() == pytest.approx(expected.peak.max(), abs=4)


def test_peak_counts_what_began_before_the_minute() -> None:
    arrivals, latency = np.array([10.0, 20.0, 130.0]), np.array([200.0, 30.0, 1.0])

    assert requests.peaks(arrivals, latency, 4).tolist() == [2, 1, 2, 1]


def test_no_requests_have_no_peak() -> None:
    assert requests.peaks(np.zeros(0), np.zeros(0), 3).tolist() == [0, 0, 0]


def test_the_end_of_the_traffic_comes_before_it(workload: MakeWorkload) -> None:
    one = workload(rate=1, hours=24)
    drawn = requests.draw(one)

    assert requests.before_s(one) == 660
    assert drawn.warm == pytest.approx(660, abs=100)
    assert -660 <= drawn.all_arrivals[0] < drawn.all_arrivals[drawn.warm - 1] < 0 <= drawn.arrivals[0]
    assert np.array_equal(drawn.all_durations[: drawn.warm], drawn.durations[-drawn.warm :])
