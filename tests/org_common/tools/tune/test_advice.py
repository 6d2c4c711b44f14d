from dataclasses import replace

import pytest

from org_common.tools.plan.prices import Prices
from org_common.tools.tune.advice import advise, patch
from tests.org_common.tools.tune.conftest import reports

PRICES = Prices.load()
# Bound by the processor up to a whole one, and by nothing above: twice the memory, half the time.
LADDER = [*reports(512, 400), *reports(1024, 190), *reports(2048, 140), *reports(4096, 139)]


def test_cheapest_fastest_and_balanced() -> None:
    advice = advise(LADDER, PRICES, "x86_64")

    assert advice.chosen == {"balanced": 1024, "cheapest": 1024, "fastest": 2048}
    assert advice.reasons["cheapest"] == ("than 512 MB -8% cost and -54% time; than 2048 MB -30% cost and +37% time")


def test_difference_that_may_be_chance_does_not_choose_the_larger_size() -> None:
    advice = advise([*reports(1024, 100), *reports(2048, 99.5)], PRICES, "arm64")

    assert advice.chosen["fastest"] == 1024
    assert "which may be chance" in advice.reasons["fastest"]


def test_cost_is_billed_memory_and_requests() -> None:
    [size] = advise([replace(report, billed_ms=100.0) for report in reports(1024, 100)], PRICES, "x86_64").sizes

    assert size.cost.value == pytest.approx(0.1 * 16.6667 + 0.20)
    assert size.cost.low == size.cost.high == size.cost.value


def test_one_size_gives_no_recommendation() -> None:
    advice = advise(reports(512, 100), PRICES, "arm64")

    assert (advice.chosen, advice.sizes[0].problem) == ({}, None)


def test_size_without_headroom_is_not_compared() -> None:
    tight = [replace(report, used_mb=500) for report in reports(512, 10)]

    advice = advise([*tight, *reports(1024, 100), *reports(2048, 90)], PRICES, "arm64")

    assert advice.sizes[0].problem == "500 MB were used: 1.2 times as much is needed"
    assert 512 not in advice.chosen.values()


def test_only_cold_invocations_are_too_few() -> None:
    advice = advise([replace(report, init_ms=300.0) for report in reports(512, 100)], PRICES, "arm64")

    assert advice.sizes[0].problem == "0 warm invocations are too few: 30 or more are needed"


def test_patch_is_a_table_of_pyproject() -> None:
    assert patch("access-orgs", 1024) == "[tool.org-common.functions.access-orgs]\nmemory = 1024"
    assert patch("shop.auth:app", 256).startswith('[tool.org-common.functions."shop.auth:app"]')
