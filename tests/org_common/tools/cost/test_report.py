import json

import pytest

from org_common.tools.cost.report import document, lines
from tests.org_common.tools.cost.conftest import Measured
from tests.org_common.tools.cost.test_measure import SLOW

pytestmark = pytest.mark.db


def test_text_and_json_of_a_slow_policy(measured: Measured) -> None:
    report = measured(SLOW)
    text = "\n".join(lines(report))
    found = json.loads(json.dumps(document(report)))
    [orders] = [each for each in found["tables"] if each["table"] == "shop.orders"]

    assert "SLOW  shop.orders: policy " in text
    assert "      fix: team_id = any (array(select …))" in text
    assert "one row for each of 1,000 tenants, as their keys require: shop.teams" in text
    assert text.endswith("4 tables measured, 1 slow")
    assert found["passed"] is False
    assert orders["tenant_column_is_index_cond"] is False
    assert orders["blocks"] / orders["blocks_without_rls"] == pytest.approx(orders["ratio"], abs=0.01)


def test_text_says_what_was_left_out(measured: Measured) -> None:
    change = "create table shop.plans (id uuid primary key); alter table shop.order_lines enable row level security"
    text = "\n".join(lines(measured(change, "[tables.shop.plans]")))

    assert "not measured, not filled: its rows belong to no tenant: shop.plans" in text
    assert "not measured, no column with the tenant: shop.users" in text
    assert text.endswith("4 tables measured, 0 slow")
