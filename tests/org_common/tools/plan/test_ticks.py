import numpy as np
import pytest

from org_common.tools.plan import events, ticks
from org_common.tools.plan.distribution import Distribution

SERVICE, START = Distribution.lognormal(0.06, 0.3), Distribution.lognormal(0.5, 0.9)
SEEDS = range(12)


def exact(rate: float, seconds: int, seed: int) -> tuple[int, float, int]:
    random = np.random.default_rng(1000 + seed)
    count = int(random.poisson(rate * seconds))
    arrivals = np.sort(random.random(count) * seconds)
    starts = START.sample(random, count)
    served = events.serve(arrivals, SERVICE.sample(random, count), starts, events.Pool(scaling=10**6, limit=10**6))
    return int((served.outcome == events.COLD).sum()), float(served.latency.sum()), served.alive


@pytest.mark.parametrize(("rate", "seconds"), [(0.5, 1200), (20.0, 300), (200.0, 60)])
def test_ticks_agree_with_the_exact_simulation(rate: float, seconds: int) -> None:
    ours, theirs = [], []
    for seed in SEEDS:
        random = np.random.default_rng(seed)
        volume = ticks.simulate(np.full(seconds, rate), SERVICE, START, random=random)
        assert volume.unsettled == 0
        ours.append((volume.cold, volume.busy_s, int(volume.alive.max())))
        theirs.append(exact(rate, seconds, seed))

    a, b = np.array(ours, dtype=float), np.array(theirs, dtype=float)
    # A request is in progress for up to two ticks longer.
    allowed = np.array([0.0, rate * seconds * 2 * ticks.TICK_S, 0.0])
    spread = np.sqrt((a.var(axis=0, ddof=1) + b.var(axis=0, ddof=1)) / len(a))
    assert (np.abs(a.mean(axis=0) - b.mean(axis=0)) <= 3 * spread + allowed).all()


def test_the_pool_is_the_maximum_of_the_last_idle_seconds() -> None:
    # 40 requests at once, then one a second: the 40 environments end when 20 seconds have passed.
    counts = np.array([40.0, *[1.0] * 59])

    volume = ticks.simulate(
        counts,
        Distribution.constant(0.9),
        Distribution.constant(0.0),
        idle_s=20,
        random=np.random.default_rng(1),
        poisson=False,
    )

    peak = int(volume.peak[0])
    assert peak >= 30
    assert volume.alive[20] >= peak
    assert volume.alive[25] <= 2
    assert volume.requests == 99


def test_volume_is_the_same_for_the_same_seed() -> None:
    first, second = (
        ticks.simulate(np.full(120, 50.0), SERVICE, START, random=np.random.default_rng(5)) for _ in range(2)
    )

    assert (first.cold, first.busy_s) == (second.cold, second.busy_s)
    assert np.array_equal(first.peak, second.peak)


def test_little_law_holds_in_ticks() -> None:
    volume = ticks.simulate(np.full(3600, 100.0), SERVICE, Distribution.constant(0.0), random=np.random.default_rng(2))

    # Times are rounded up to a tick: half a tick in the mean.
    assert volume.busy_s / 3600 == pytest.approx(100 * (SERVICE.mean + ticks.TICK_S / 2), rel=0.01)


def test_new_environments_are_limited_in_ten_seconds() -> None:
    volume = ticks.simulate(
        np.array([3000.0, *[0.0] * 30]), Distribution.constant(5.0), START, random=np.random.default_rng(1)
    )

    assert volume.throttled == pytest.approx(2000, abs=200)


def test_mixture_has_its_percentiles() -> None:
    fast, slow = np.linspace(0, 1, 1001), np.linspace(10, 11, 1001)

    assert ticks.weighted_percentiles([(fast, 90), (slow, 10)], [45, 95]) == pytest.approx([0.5, 10.5], abs=0.01)
    assert ticks.weighted_percentiles([(fast, 0)], [50]) == [0.0]


def test_first_seconds_may_only_fill_the_pool() -> None:
    counts = np.full(900, 20.0)

    cold, warm = (
        ticks.simulate(counts, SERVICE, START, random=np.random.default_rng(1), warm_s=warm_s) for warm_s in (0, 600)
    )

    assert (len(cold.peak), len(warm.peak)) == (900, 300)
    assert warm.cold < cold.cold / 3
    assert warm.requests == pytest.approx(6000, rel=0.1)
    assert warm.busy_s == pytest.approx(6000 * SERVICE.mean, rel=0.1)
