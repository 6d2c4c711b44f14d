import numpy as np
import pytest

from org_common.tools.plan.distribution import Distribution
from org_common.tools.project.project import ToolError


@pytest.mark.parametrize(
    ("distribution", "mean", "squared_variation"),
    [
        (Distribution.constant(0.2), 0.2, 0.0),
        (Distribution.exponential(0.2), 0.2, 1.0),
        (Distribution.of([0.1, 0.3]), 0.2, 1 / 12),
    ],
)
def test_moments(distribution: Distribution, mean: float, squared_variation: float) -> None:
    assert distribution.mean == pytest.approx(mean, rel=1e-3)
    assert distribution.squared_variation == pytest.approx(squared_variation, rel=5e-3, abs=1e-12)


def test_lognormal_goes_through_its_percentiles() -> None:
    distribution = Distribution.lognormal(0.05, 0.2)

    assert distribution.percentile(50) == pytest.approx(0.05, rel=1e-3)
    assert distribution.percentile(95) == pytest.approx(0.2, rel=1e-3)
    assert distribution.mean == pytest.approx(0.05 * np.exp((np.log(4) / 1.6448536) ** 2 / 2), rel=1e-3)


def test_sample_has_the_same_distribution() -> None:
    distribution = Distribution.lognormal(0.05, 0.2)

    sample = distribution.sample(np.random.default_rng(1), 200_000)

    assert np.percentile(sample, [50, 95, 99]) == pytest.approx(
        [distribution.percentile(percent) for percent in (50, 95, 99)], rel=0.02
    )


def test_measured_times_stay_between_their_ends() -> None:
    distribution = Distribution.of([0.03, 0.01, 0.02])

    assert (distribution.table[0], distribution.table[-1]) == pytest.approx((0.01, 0.03), rel=1e-3)
    assert distribution.scaled(2).percentile(50) == pytest.approx(0.04)


@pytest.mark.parametrize("seconds", [[], [-1.0], [float("nan")], [float("inf")]])
def test_what_is_not_a_time_is_refused(seconds: list[float]) -> None:
    with pytest.raises(ToolError, match="finite numbers"):
        Distribution.of(seconds)


def test_percentiles_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(ToolError, match="at most p95"):
        Distribution.lognormal(0.2, 0.05)
