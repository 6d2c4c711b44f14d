from dataclasses import replace

import numpy as np
import pytest

from org_common.telemetry.monitoring.lambda_report import LambdaReport
from org_common.tools.tune.samples import Interval, Samples, by_memory
from tests.org_common.tools.tune.conftest import reports


def samples(*found: list[LambdaReport]) -> Samples:
    [one] = by_memory([report for part in found for report in part])
    return one


def test_sizes_are_separate_and_ascend() -> None:
    found = by_memory([*reports(1024, 50, 40), *reports(512, 100, 30)])

    assert [(each.memory_mb, len(each.durations_ms)) for each in found] == [(512, 30), (1024, 40)]


def test_cold_starts_and_failures_are_counted_apart() -> None:
    first, second, third, *rest = reports(512, 100, 40)
    changed = [replace(first, init_ms=400.0), replace(second, status="timeout"), replace(third, restore_ms=90.0)]

    one = samples(changed, rest)

    assert (one.cold, one.failed, len(one.durations_ms), one.used_mb) == (2, 1, 37, 80)


def test_same_request_twice_counts_once() -> None:
    assert len(samples(reports(512, 100, 40), reports(512, 100, 40)).durations_ms) == 40


def test_interval_contains_the_true_mean_nearly_always() -> None:
    # 95 % intervals of 100 experiments: fewer than 88 would be a chance of one in 500.
    covered = 0
    for seed in range(100):
        interval = samples(reports(512, 100, 150, seed=seed)).mean_ms()
        covered += interval.low <= 100.5 <= interval.high

    assert covered >= 88


def test_interval_is_the_same_each_time_and_narrower_with_more_samples() -> None:
    few, again, many = (samples(reports(512, 100, count)).mean_ms() for count in (100, 100, 10_000))

    assert few == again
    assert (many.high - many.low) < (few.high - few.low) / 5


def test_percentile_has_an_interval() -> None:
    interval = samples(reports(512, 100, 1000)).p95_ms()

    true = 100 * np.exp(-(0.3**2) / 2 + 1.6449 * 0.3)
    assert interval.low < true < interval.high


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        (reports(512, 100, 29), "29 warm invocations are too few: 30 or more are needed"),
        (reports(512, 10, 50) + reports(512, 400, 50, seed=2), "the times are of two kinds, up to"),
        (reports(512, 100, 100) + reports(512, 200, 100, seed=2), "the times changed, from "),
        (reports(512, 100, 40, spread=1.0), "the mean is known to "),
    ],
)
def test_samples_that_cannot_be_compared(found: list[LambdaReport], problem: str) -> None:
    assert (samples(found).problem or "").startswith(problem)


def test_good_samples_have_no_problem() -> None:
    assert samples(reports(512, 100, 200)).problem is None


@pytest.mark.parametrize("seed", range(30))
def test_skewed_times_are_not_taken_for_two_kinds(seed: int) -> None:
    problem = samples(reports(512, 100, 400, spread=0.6, seed=seed)).problem or ""

    assert "two kinds" not in problem
    assert "changed" not in problem


def test_intervals_overlap_or_not() -> None:
    one = Interval(10, 9, 11)

    assert one.overlaps(Interval(12, 10.5, 13))
    assert not one.overlaps(Interval(13, 12, 14))
    assert one.scaled(2, 1) == Interval(21, 19, 23)


def test_no_reports_are_no_sizes() -> None:
    assert by_memory([]) == []
