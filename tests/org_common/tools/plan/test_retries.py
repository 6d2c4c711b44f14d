from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from org_common.tools.plan import containers, environments, events, theory
from org_common.tools.plan.distribution import Distribution
from org_common.tools.plan.result import Result
from org_common.tools.plan.retries import Retries, offered, tries
from tests.org_common.tools.plan.conftest import MakeWorkload


def retries(queued: list[float], attempts: int = 0, seed: int = 1) -> Retries:
    return Retries(np.array(queued), attempts, np.random.default_rng(seed))


def test_event_comes_again_after_doubled_pauses_for_six_hours() -> None:
    one, at, times = retries([1.0]), 0.0, [0.0]

    while (delay := one.delay(0, len(times) - 1, at)) is not None:
        at += delay
        times.append(at)

    pauses = [after - before for before, after in pairwise(times)]
    assert pauses[:10] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300]
    assert 6 * 3600 - 300 < times[-1] <= 6 * 3600


def test_caller_gives_up_after_its_retries() -> None:
    one = retries([0.0], attempts=3)

    delays = [one.delay(0, attempt, 0.0) for attempt in range(4)]

    assert delays[3] is None
    assert all(delay is not None and 0 <= delay < 2**attempt for attempt, delay in enumerate(delays[:3]))


def test_throttled_event_is_served_later_and_its_wait_is_in_its_time() -> None:
    arrivals, durations = np.array([0.0, 0.5]), np.array([2.0, 2.0])

    served = events.serve(arrivals, durations, np.zeros(2), events.Pool(limit=1), retries=retries([0.0, 1.0]))

    # Refused at 0.5 and 1.5, it is served at 3.5, in an environment that is idle by then.
    assert served.outcome.tolist() == [events.COLD, events.WARM]
    assert served.attempts.tolist() == [0, 2]
    assert served.latency.tolist() == [2.0, 5.0]
    assert served.waited.tolist() == [0.0, 3.0]


def test_without_retries_a_throttled_request_is_lost() -> None:
    served = events.serve(
        np.array([0.0, 0.5]), np.full(2, 2.0), np.zeros(2), events.Pool(limit=1), retries=retries([0.0, 0.0])
    )

    assert served.outcome.tolist() == [events.COLD, events.THROTTLED]


def test_callers_that_retry_are_throttled_less_and_the_same_each_time(workload: MakeWorkload) -> None:
    one = workload(rate=20, hours=1, service=Distribution.constant(1.0), account=22)

    lost, kept = environments.on_demand(one), environments.on_demand(replace(one, retries=2))
    again = environments.on_demand(replace(one, retries=2))

    assert kept.throttle_rate < lost.throttle_rate / 3
    assert (lost.retried, kept.redelivered) == (0, 0)
    assert kept.retried > lost.throttled * 0.5
    assert kept.times.p99 > lost.times.p99
    assert (again.throttled, again.retried, again.times) == (kept.throttled, kept.retried, kept.times)
    assert kept.peak_concurrency == 22


def test_no_event_is_lost_where_the_load_fits(workload: MakeWorkload) -> None:
    one = workload(rate=20, hours=1, service=Distribution.constant(1.0), account=22, queued=1.0)

    result = environments.on_demand(one)

    assert result.throttled == 0
    assert result.redelivered > 0
    # Each is in progress once: Little's law.
    assert result.mean_concurrency == pytest.approx(one.load, rel=0.01)


@pytest.mark.parametrize("option", [environments.on_demand, containers.managed_instances])
@pytest.mark.parametrize(("queued", "attempts"), [(0.0, 2), (1.0, 0), (0.5, 1)])
def test_volume_loses_about_what_the_exact_simulation_loses(
    workload: MakeWorkload, option: object, queued: float, attempts: int
) -> None:
    assert callable(option)
    # Forty a second on thirty places: an overload for an hour, which events wait out.
    one = workload(
        rate=40, hours=1, service=Distribution.constant(1.0), account=30, queued=queued, retries=attempts, cpu_share=1.0
    )

    exact: Result = option(one)
    volume: Result = option(replace(one, exact_up_to=0))

    assert volume.throttled == pytest.approx(exact.throttled, rel=0.25, abs=50)
    assert volume.retried == pytest.approx(exact.retried, rel=0.25)
    assert (volume.redelivered > 0) == (exact.redelivered > 0) == (queued > 0)
    assert volume.requests == pytest.approx(exact.requests, rel=0.02)


def test_fixed_point_is_one() -> None:
    found = offered(np.array([1200.0]), 1.0, np.array([22.0]), 0.0, 2)

    share = float(found.refused[0])
    assert theory.erlang_b(22, 20 * tries(share, 2)) == pytest.approx(share, rel=1e-6)
    assert found.lost == pytest.approx(1200 * share**3)
    assert found.called == pytest.approx(1200 * (share + share**2))
    assert found.accepted[0] + found.lost == pytest.approx(1200)


def test_backlog_of_events_is_served_later() -> None:
    counts = np.array([6000.0, *[0.0] * 59])

    found = offered(counts, 1.0, np.full(60, 50.0), 1.0, 0)

    assert found.accepted.sum() + found.lost == pytest.approx(6000)
    assert found.lost < 1
    assert found.redelivered > 0
