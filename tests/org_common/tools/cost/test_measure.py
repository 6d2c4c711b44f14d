from collections.abc import Callable

import psycopg
import pytest

from org_common.tools.cost.explain import TIMEOUT_S
from org_common.tools.cost.measure import Cost
from org_common.tools.cost.plans import Plan
from tests.org_common.tools.cost.conftest import Measured

pytestmark = pytest.mark.db
SLOW = "alter policy members_read on shop.orders using (team_id in (select shop.team_ids()))"
FAST = "alter policy members_read on shop.orders using (team_id = any (array(select shop.team_ids())))"


@pytest.fixture
def orders(measured: Measured) -> Callable[[str], Cost]:
    return lambda change: next(cost for cost in measured(change).costs if cost.table == "shop.orders")


def test_schema_of_the_page_is_fast(measured: Measured) -> None:
    report = measured()

    assert report.findings == []
    assert {cost.table for cost in report.costs if cost.is_indexed} == {
        "shop.members",
        "shop.order_lines",
        "shop.orders",
        "shop.teams",
    }


def test_slow_policy_is_found(orders: Callable[[str], Cost]) -> None:
    cost = orders(SLOW)

    assert cost.problem is not None
    assert cost.problem.startswith("scans all rows, ")
    assert cost.problem.endswith(" where an index on team_id could serve")
    assert "members_read" in cost.policies
    assert cost.fix == "team_id = any (array(select …))"
    assert (cost.ratio or 0) > 3
    assert not cost.is_indexed


def test_fast_twin_is_quiet(orders: Callable[[str], Cost]) -> None:
    cost = orders(FAST)

    assert cost.problem is None
    assert cost.access == "team_id"


def test_only_the_slow_one_of_two_policies_is_named(orders: Callable[[str], Cost]) -> None:
    added = "create policy late on shop.orders for select to authenticated using (team_id in (select shop.team_ids()))"

    assert orders(f"{FAST}; {added}").policies == ("late",)


def test_function_that_reads_all_rows_is_found(orders: Callable[[str], Cost]) -> None:
    cost = orders("drop index shop.members_user_id_idx; " + FAST)

    assert cost.is_indexed
    assert cost.problem is not None
    assert cost.problem.startswith("reads ")
    assert cost.fix.startswith("column = any (array(select …)) in the functions that the policy calls")


PARTITIONED = """
    create table shop.events (team_id uuid not null references shop.teams, id uuid not null, primary key (team_id, id))
      partition by hash (team_id);
    create table shop.events_0 partition of shop.events for values with (modulus 2, remainder 0);
    create table shop.events_1 partition of shop.events for values with (modulus 2, remainder 1);
    alter table shop.events enable row level security, force row level security;
    grant select on shop.events to authenticated;
    create policy members_read on shop.events for select to authenticated using (team_id {});"""


@pytest.mark.parametrize(
    ("condition", "access"),
    [("in (select shop.team_ids())", "all rows"), ("= any (array(select shop.team_ids()))", "team_id")],
)
def test_partitions_are_scans_of_their_table(measured: Measured, condition: str, access: str) -> None:
    entry = ("[tables.shop.events]", 'admin = "select"', 'viewer = "select"')
    [cost] = [each for each in measured(PARTITIONED.format(condition), *entry).costs if each.table == "shop.events"]

    assert cost.access == access
    assert (cost.problem is not None) == (access == "all rows")


def test_statement_that_takes_too_long_is_a_problem() -> None:
    cost = Cost("shop.orders", "team_id", 10, "owner", None, Plan({"Actual Total Time": 0.25}))

    assert cost.problem == f"takes longer than {TIMEOUT_S} s, and 0.2 ms without row-level security"
    assert (cost.access, cost.ratio) == ("all rows", None)


def test_settings_and_role_do_not_outlast_the_measurement(measured: Measured, shop: psycopg.Connection) -> None:
    measured()

    row = shop.execute("select current_user = session_user, current_setting('session_replication_role')").fetchone()
    assert row == (True, "origin")
