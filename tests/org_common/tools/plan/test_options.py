import numpy as np

from org_common.tools.plan import options
from org_common.tools.plan.requests import Minutes
from tests.org_common.tools.plan.conftest import MakeWorkload


def test_each_option_has_a_result_for_the_same_requests(workload: MakeWorkload) -> None:
    results = options.run(workload(rate=2, hours=1))

    assert [result.option for result in results] == [*options.NAMES]
    assert len({result.requests for result in results}) == 1


def test_same_seed_same_results(workload: MakeWorkload) -> None:
    first, second = (options.run(workload(rate=2, hours=1)) for _ in range(2))

    assert [(r.times, r.cold, r.usage) for r in first] == [(r.times, r.cold, r.usage) for r in second]


def test_schedule_is_ready_for_the_burst_and_tracking_is_late(workload: MakeWorkload) -> None:
    one = workload(rate=5, hours=3, burst=15)

    tracking, schedule = (options.run_one(one, f"provisioned, {way}") for way in ("tracking", "schedule"))

    assert schedule.cold < tracking.cold
    assert schedule.usage["provisioned_arm64"] > tracking.usage["provisioned_arm64"]


def test_bounds_come_from_the_workload_or_its_traffic(workload: MakeWorkload) -> None:
    found = Minutes(np.ones(3), np.array([7.0, 7.0, 1.0]), np.array([9.0, 14.0, 2.0]))

    assert options.bounds(workload(), found) == (10, 20)
    assert options.bounds(workload(provisioned=(2, 5)), found) == (2, 5)
