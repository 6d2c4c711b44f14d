import json

import pytest

from org_common.tools.plan import choice, table
from org_common.tools.plan.choice import Goals, Plan
from org_common.tools.plan.prices import Prices
from tests.org_common.tools.plan.conftest import MakeWorkload

PRICES = Prices.load()


@pytest.fixture
def plan(workload: MakeWorkload) -> Plan:
    return choice.plan(workload(rate=1, hours=1), PRICES, Goals())


def test_lines_have_each_option_its_bill_and_the_recommendation(plan: Plan) -> None:
    lines = [*table.lines(plan, PRICES)]

    assert lines[0] == "3,600 requests in 24.0 h, 512 MB, arm64"
    assert lines[2].split()[:2] == ["option", "p50"]
    assert [line.split("  ")[0] for line in lines[3:9]] == [each.result.option for each in plan.priced]
    assert any(line.startswith("HTTP API") for line in lines)
    assert any(line.startswith("recommended: on-demand, the cheapest") for line in lines)
    assert "  traffic x 2: the same" in lines
    assert lines[-1] == "computed: exact; prices of us-east-1, read 2026-11-30"


def test_json_has_the_same_figures(plan: Plan) -> None:
    document = json.loads(json.dumps(table.document(plan, PRICES)))

    first = document["options"][0]
    assert first["option"] == "on-demand"
    assert first["total"] == plan.priced[0].total
    assert first["p95_ms"] == plan.priced[0].result.times.p95 * 1000
    assert {line["name"] for line in first["cost"]} == {"requests", "duration", "init", "HTTP API"}
    assert document["recommended"]["option"] == "on-demand"
    assert document["prices"]["read"] == "2026-11-30"


def test_throttled_attempts_that_came_again_have_a_line(workload: MakeWorkload) -> None:
    one = workload(rate=20, hours=1, account=4, retries=1, queued=0.5)

    found = choice.plan(one, PRICES, Goals())

    [line] = [line for line in table.lines(found, PRICES) if line.startswith("on-demand: throttled attempts")]
    result = found.priced[0].result
    assert line.endswith(f": {result.retried:,.0f} of callers, {result.redelivered:,.0f} of events")
    option = table.document(found, PRICES)["options"][0]
    assert (option["retried"], option["redelivered"]) == (result.retried, result.redelivered)
    assert min(result.retried, result.redelivered) > 0
