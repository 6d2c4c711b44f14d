"""Age is what passed on the clock that advanced further."""

import time

import pytest

from org_common.lifecycle.clock import elapsed_s, now


@pytest.mark.parametrize(
    ("end", "expected_s"),
    [
        pytest.param((107.0, 57.0), 7.0, id="both advance"),
        pytest.param((107.0, 50.0), 7.0, id="frozen monotonic clock"),
        pytest.param((40.0, 57.0), 7.0, id="wall clock set back"),
    ],
)
def test_age_is_by_the_clock_that_advanced_further(end: tuple[float, float], expected_s: float) -> None:
    assert elapsed_s((100.0, 50.0), end) == expected_s


def test_now_reads_both_clocks() -> None:
    wall_s, monotonic_s = now()

    assert wall_s == pytest.approx(time.time(), abs=5)
    assert monotonic_s == pytest.approx(time.monotonic(), abs=5)
