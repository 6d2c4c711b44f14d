"""The exact simulation agrees with theory: |z| <= 3, by the means of batches of each of ten seeds."""

from collections.abc import Callable

import numpy as np
import pytest

from org_common.tools.plan import events, theory
from org_common.tools.plan.distribution import Distribution, Floats
from org_common.tools.plan.events import COLD, PROVISIONED, THROTTLED, WARM, Pool

SEEDS, CUSTOMERS, WARM_UP, BATCHES = range(10), 100_000, 10_000, 15
Times = Callable[[np.random.Generator, int], Floats]


def exponential(random: np.random.Generator, count: int) -> Floats:
    return random.exponential(1.0, count)


def constant(_: np.random.Generator, count: int) -> Floats:
    return np.ones(count)


def lognormal(random: np.random.Generator, count: int) -> Floats:
    return np.exp(random.normal(-0.5 * 0.8**2, 0.8, count))


def z(batches: list[float], expected: float) -> float:
    """How many standard errors the mean of the batches is away."""
    values = np.array(batches)
    return float((values.mean() - expected) / (values.std(ddof=1) / np.sqrt(len(values))))


def batched(values: Floats) -> list[float]:
    return [float(part.mean()) for part in np.array_split(values[WARM_UP:], BATCHES)]


@pytest.mark.parametrize(
    ("servers", "rate", "times", "expected"),
    [
        pytest.param(20, 16.0, exponential, theory.mmc_wait(20, 16, 1), id="M/M/20"),
        pytest.param(3, 1.8, exponential, theory.mmc_wait(3, 1.8, 1), id="M/M/3"),
        pytest.param(1, 0.6, lognormal, theory.mg1_wait(0.6, 1, float(np.exp(0.8**2))), id="M/G/1"),
        pytest.param(4, 2.8, constant, theory.mdc_wait(4, 2.8, 1), id="M/D/4"),
    ],
)
def test_waits_are_those_of_theory(servers: int, rate: float, times: Times, expected: float) -> None:
    batches: list[float] = []
    for seed in SEEDS:
        random = np.random.default_rng(seed)
        arrivals = np.cumsum(random.exponential(1 / rate, CUSTOMERS))
        batches += batched(events.queue(arrivals, times(random, CUSTOMERS), servers))

    assert abs(z(batches, expected)) <= 3


@pytest.mark.parametrize("times", [exponential, constant, lognormal])
def test_spill_over_is_erlang_b_for_any_law(times: Times) -> None:
    batches: list[float] = []
    for seed in SEEDS:
        random = np.random.default_rng(seed)
        arrivals = np.cumsum(random.exponential(1 / 18, 50_000))
        pool = Pool(limit=10**9, provisioned=((0.0, 20),))
        served = events.serve(arrivals, times(random, 50_000), np.zeros(50_000), pool)
        batches += batched((served.outcome != PROVISIONED).astype(np.float64))

    assert abs(z(batches, theory.erlang_b(20, 18))) <= 3


def test_littles_law_holds() -> None:
    random = np.random.default_rng(1)
    arrivals = np.cumsum(random.exponential(1 / 16, CUSTOMERS))
    latency = events.queue(arrivals, durations := random.exponential(1.0, CUSTOMERS), 20) + durations

    moments, level = events.concurrency(arrivals, latency)
    span = arrivals[-1]
    inside = moments <= span
    time_average = float((np.diff(np.append(moments[inside], span)) * level[inside]).sum()) / span

    assert time_average == pytest.approx(CUSTOMERS / span * latency.mean(), rel=0.01)


def test_one_environment_is_cold_with_the_chance_of_a_long_gap() -> None:
    random = np.random.default_rng(2)
    arrivals = np.cumsum(random.exponential(100.0, 40_000))

    served = events.serve(arrivals, np.zeros(40_000), np.zeros(40_000), Pool(idle_s=300))

    assert (served.outcome == COLD).mean() == pytest.approx(np.exp(-3), rel=0.05)
    assert served.alive == 1


def outcomes(arrivals: list[float], durations: list[float], pool: Pool, start: float = 0.5) -> list[int]:
    served = events.serve(np.array(arrivals), np.array(durations), np.full(len(arrivals), start), pool)
    return [int(outcome) for outcome in served.outcome]


def test_the_environment_that_became_idle_last_is_reused() -> None:
    # Two at once, then one every 8 s: the older of the two is never asked again, and ends.
    arrivals = [0.0, 0.0, *(8.0 * n for n in range(1, 5)), 32.0]

    assert outcomes(arrivals, [0.1] * 7, Pool(idle_s=10)) == [COLD, COLD, WARM, WARM, WARM, WARM, COLD]


def test_limit_throttles_and_frees_again() -> None:
    assert outcomes([0, 0, 0, 2], [1.0] * 4, Pool(limit=2)) == [COLD, COLD, THROTTLED, WARM]


def test_a_function_adds_no_more_environments_than_allowed_in_ten_seconds() -> None:
    found = outcomes([0, 0, 0, 9, 10.1], [100.0] * 5, Pool(scaling=2))

    assert found == [COLD, COLD, THROTTLED, THROTTLED, COLD]


def test_provisioned_capacity_changes_over_time_and_counts_against_the_limit() -> None:
    pool = Pool(limit=2, provisioned=((0.0, 1), (10.0, 2)))

    assert outcomes([0, 1, 2, 10, 11, 12], [5.0] * 6, pool) == [
        PROVISIONED,
        COLD,
        THROTTLED,
        PROVISIONED,
        PROVISIONED,
        THROTTLED,
    ]


def test_cold_start_is_part_of_what_the_caller_waits_for() -> None:
    served = events.serve(np.array([0.0, 5.0]), np.array([0.1, 0.2]), np.array([0.5, 0.5]), Pool())

    assert served.latency.tolist() == pytest.approx([0.6, 0.2])


def test_servers_come_and_go() -> None:
    arrivals, durations = np.array([0.0, 0.0, 1.0, 1.0, 20.0, 20.0]), np.full(6, 4.0)

    waits = events.queue_with_steps(arrivals, durations, ((0.0, 1), (3.0, 2), (19.0, 1)))

    # The second server serves the requests that arrive after it has started.
    assert waits.tolist() == [0.0, 4.0, 7.0, 11.0, 0.0, 4.0]


def test_constant_number_of_servers_is_the_plain_queue() -> None:
    random = np.random.default_rng(3)
    arrivals, durations = (
        np.cumsum(random.exponential(0.1, 2000)),
        Distribution.lognormal(0.2, 0.9).sample(random, 2000),
    )

    waits = events.queue_with_steps(arrivals, durations, ((0.0, 3), (50.0, 3)))

    assert np.array_equal(waits, events.queue(arrivals, durations, 3))


def test_first_requests_may_only_fill_the_pool() -> None:
    arrivals, durations = np.array([-50.0, -50.0, -50.0, 0.0, 1.0]), np.array([1.0, 1.0, 1.0, 5.0, 1.0])

    served = events.serve(arrivals, durations, np.ones(5), Pool(), warm=3)

    assert served.outcome.tolist() == [WARM, WARM]
    assert served.latency.tolist() == [5, 1]
    assert served.alive == 3
