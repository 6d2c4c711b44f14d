from dataclasses import replace

import pytest

from org_common.tools.plan import choice
from org_common.tools.plan.choice import Goals
from org_common.tools.plan.prices import Prices
from org_common.tools.plan.workload import Database
from tests.org_common.tools.plan.conftest import MakeWorkload

PRICES = Prices.load()


def test_the_cheapest_that_reaches_the_goals_is_chosen(workload: MakeWorkload) -> None:
    one = workload(rate=2)
    priced = choice.price(one, PRICES)

    chosen = choice.choose(one, priced, Goals())

    assert chosen.option == "on-demand"
    assert chosen.reason.startswith("the cheapest that reaches the goals: p95 ")
    assert chosen.rejected == []


def test_cold_starts_that_miss_a_goal_lead_to_another_option(workload: MakeWorkload) -> None:
    one = workload(rate=0.02, hours=24)
    priced = choice.price(one, PRICES)
    p99 = {each.result.option: each.result.times.p99 for each in priced}

    chosen = choice.choose(one, priced, Goals(p99=(p99["on-demand"] + p99["snapstart"]) / 2))

    assert chosen.option == "snapstart"
    assert [name for name, _ in chosen.rejected] == ["on-demand"]
    assert "p99" in chosen.rejected[0][1]
    assert "Cheaper, but: on-demand: p99" in chosen.reason


def test_connections_that_do_not_fit_reject_an_option(workload: MakeWorkload) -> None:
    one = workload(rate=5, database=Database(12))

    chosen = choice.choose(one, choice.price(one, PRICES), Goals())

    assert dict(chosen.rejected)["on-demand"].endswith("connections, with room for 4")


def test_no_option_reaches_impossible_goals(workload: MakeWorkload) -> None:
    one = workload(rate=1, hours=1)

    chosen = choice.choose(one, choice.price(one, PRICES), Goals(p95=0.001))

    assert chosen.option is None
    assert len(chosen.rejected) == 6
    assert "is above 1 ms" in chosen.reason


def test_plan_says_what_would_change_it(workload: MakeWorkload) -> None:
    one = workload(rate=0.02, hours=24)
    on_demand = choice.price(one, PRICES)[0].result

    made = choice.plan(one, PRICES, Goals(p99=on_demand.times.p99))

    assert made.choice.option == "on-demand"
    assert [name for name, _ in made.changes] == ["traffic x 0.5", "traffic x 2", "cold start x 2"]
    assert dict(made.changes)["cold start x 2"].option == "snapstart"


@pytest.mark.parametrize("free", [True, False])
def test_free_tier_makes_a_small_function_cheaper(workload: MakeWorkload, free: bool) -> None:
    [bill] = [each for each in choice.price(workload(rate=1), PRICES, free=free) if each.result.option == "on-demand"]

    assert (sum(line.amount for line in bill.lines if line.name == "requests") == 0) is free


def test_ten_times_the_traffic_costs_ten_times_the_duration(workload: MakeWorkload) -> None:
    small = workload(rate=1)

    def duration(rate: float) -> float:
        one = replace(small, traffic=small.traffic.scaled(rate))
        return sum(line.amount for line in choice.price(one, PRICES)[0].lines if line.name == "duration")

    assert duration(10) == pytest.approx(10 * duration(1), rel=0.05)
