from dataclasses import replace

import pytest

from org_common.tools.plan import containers
from org_common.tools.plan.distribution import Distribution
from org_common.tools.plan.result import EXACT, FORMULAS
from tests.org_common.tools.plan.conftest import MakeWorkload


@pytest.mark.parametrize(
    ("cpus", "share", "most", "expected"), [(4, 0.25, 64, 12), (4, 0.01, 64, 64), (1, 1.0, 40, 1), (1, 0.25, 40, 3)]
)
def test_processors_limit_how_many_requests_share_them(cpus: float, share: float, most: int, expected: int) -> None:
    assert containers.slots(cpus, share, most) == expected


def test_three_instances_run_without_traffic(workload: MakeWorkload) -> None:
    result = containers.managed_instances(workload(rate=0.1))

    assert result.usage["instances"] == result.usage["management"] == 3 * 24
    assert (result.cold, result.throttled, result.environments) == (0, 0, 36)


def test_traffic_that_jumps_is_throttled_on_managed_instances(workload: MakeWorkload) -> None:
    steady = containers.managed_instances(workload(rate=60, service=Distribution.constant(0.5), hours=1))
    jump = containers.managed_instances(workload(rate=30, service=Distribution.constant(0.5), hours=1, burst=10))

    assert steady.throttle_rate < jump.throttle_rate
    assert jump.throttle_rate > 0.05


def test_two_tasks_run_without_traffic(workload: MakeWorkload) -> None:
    result = containers.fargate(workload(rate=0.1))

    assert result.usage["fargate_cpu_arm64"] == 2 * 86_400
    assert result.usage["fargate_memory_arm64"] == 4 * 86_400
    assert (result.cold, result.environments) == (0, 6)


def test_requests_wait_for_a_task_after_a_burst(workload: MakeWorkload) -> None:
    one = workload(rate=5, hours=1, burst=8, service=Distribution.constant(0.4))

    result = containers.fargate(one)

    assert result.times.p50 == pytest.approx(0.4, rel=0.01)
    assert result.times.p99 > 1
    assert result.environments > 6


@pytest.mark.parametrize("option", [containers.managed_instances, containers.fargate])
def test_formulas_give_what_the_exact_simulation_gives(workload: MakeWorkload, option: object) -> None:
    assert callable(option)
    one = workload(rate=40, hours=1)

    exact = option(one)
    formulas = option(replace(one, exact_up_to=0))

    assert (exact.method, formulas.method) == (EXACT, FORMULAS)
    assert formulas.times.p50 == pytest.approx(exact.times.p50, rel=0.1)
    assert formulas.times.p95 == pytest.approx(exact.times.p95, rel=0.1)
    assert formulas.throttle_rate == pytest.approx(exact.throttle_rate, abs=0.01)
    assert formulas.usage.keys() == exact.usage.keys()
