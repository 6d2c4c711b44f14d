from dataclasses import replace

import numpy as np
import pytest

from org_common.tools.plan import environments, theory
from org_common.tools.plan.distribution import Distribution
from org_common.tools.plan.result import EXACT, FORMULAS, TICKS, Result
from tests.org_common.tools.plan.conftest import MakeWorkload


def test_cold_starts_make_the_tail_longer(workload: MakeWorkload) -> None:
    one = workload(rate=0.05, hours=24)

    cold, restored = environments.on_demand(one), environments.snapstart(one)

    assert (cold.method, cold.cold) == (EXACT, restored.cold)
    assert cold.cold > 10
    assert cold.times.p99 > restored.times.p99 > one.service.percentile(99) * 0.8


def test_usage_is_what_was_billed(workload: MakeWorkload) -> None:
    one = workload(rate=1, hours=1, service=Distribution.constant(0.1004), memory_mb=1024, arch="x86_64")

    usage = environments.on_demand(one).usage

    # Each 100.4 ms are billed as 101.
    assert usage["duration_x86_64"] == pytest.approx(usage["requests"] * 0.101)
    assert usage["init_x86_64"] > 0


def test_snapshot_is_kept_and_restored(workload: MakeWorkload) -> None:
    result = environments.snapstart(workload(memory_mb=2048))

    assert result.usage["snapshot_cache"] == 86_400 * 2
    assert result.usage["snapshot_restore"] == result.cold * 2
    assert "init_arm64" not in result.usage


def test_account_limit_throttles(workload: MakeWorkload) -> None:
    one = workload(rate=20, hours=1, service=Distribution.constant(1.0), account=20)

    result = environments.on_demand(one)

    # A load of 20 on 20 places: Erlang's formula B, and a little more for the cold starts.
    assert result.throttle_rate == pytest.approx(theory.erlang_b(20, 20), rel=0.1)
    assert result.peak_concurrency == 20


@pytest.mark.parametrize("option", [environments.on_demand, environments.snapstart])
def test_volume_gives_what_the_exact_simulation_gives(workload: MakeWorkload, option: object) -> None:
    assert callable(option)
    one = workload(rate=40, hours=1)

    exact: Result = option(one)
    volume: Result = option(replace(one, exact_up_to=0))

    assert (exact.method, volume.method) == (EXACT, TICKS)
    assert_alike(volume, exact)
    assert volume.cold == pytest.approx(exact.cold, rel=0.3)


def test_formulas_give_what_the_exact_simulation_of_provisioned_gives(workload: MakeWorkload) -> None:
    one = workload(rate=60, hours=1)
    capacity = np.full(24 * 60, 6)

    exact = environments.provisioned(one, "provisioned", capacity)
    formulas = environments.provisioned(replace(one, exact_up_to=0), "provisioned", capacity)

    assert (exact.method, formulas.method) == (EXACT, FORMULAS)
    assert_alike(formulas, exact)
    spilled = theory.erlang_b(6, 60 * one.service.mean)
    assert exact.usage["duration_arm64"] == pytest.approx(exact.requests * spilled * one.service.mean / 2, rel=0.1)
    assert formulas.usage["duration_arm64"] == pytest.approx(exact.usage["duration_arm64"], rel=0.1)
    assert formulas.usage["provisioned_arm64"] == exact.usage["provisioned_arm64"] == 24 * 3600 * 6 / 2


def assert_alike(ours: Result, theirs: Result) -> None:
    assert ours.requests == pytest.approx(theirs.requests, rel=0.02)
    assert ours.times.p50 == pytest.approx(theirs.times.p50, rel=0.02)
    assert ours.times.p95 == pytest.approx(theirs.times.p95, rel=0.03)
    assert ours.times.p99 == pytest.approx(theirs.times.p99, rel=0.05)
    assert ours.mean_concurrency == pytest.approx(theirs.mean_concurrency, rel=0.03)
    assert ours.environments == pytest.approx(theirs.environments, rel=0.35)


def test_enough_provisioned_environments_have_no_cold_start(workload: MakeWorkload) -> None:
    result = environments.provisioned(workload(), "provisioned", np.full(24 * 60, 50))

    assert (result.cold, result.usage["init_arm64"], result.environments) == (0, 0, 50)


def test_provisioned_capacity_counts_against_the_account(workload: MakeWorkload) -> None:
    one = replace(workload(rate=20, hours=1), account=3)

    assert environments.provisioned(one, "provisioned", np.full(24 * 60, 3)).throttle_rate > 0.1


def test_steps_are_the_changes() -> None:
    assert environments.steps(np.array([2, 2, 5, 5, 1])) == [(-np.inf, 2), (120.0, 5), (240.0, 1)]


def test_account_limit_holds_in_volume(workload: MakeWorkload) -> None:
    one = workload(rate=20, hours=1, service=Distribution.constant(1.0), account=20, exact_up_to=0)

    result = environments.on_demand(one)

    assert result.throttle_rate == pytest.approx(theory.erlang_b(20, 20), rel=0.15)
    assert result.peak_concurrency <= 20


def test_environments_stay_warm_for_the_idle_time() -> None:
    busy = np.array([0.0, 5.0, 1.0, 1.0, 1.0])

    assert environments.warm(busy, 120).tolist() == [0, 5, 5, 5, 1]
    assert environments.warm(busy, 30).tolist() == busy.tolist()
