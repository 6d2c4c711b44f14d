from typing import Any

from org_common.tools.cost.plans import Plan


def scan(kind: str, **more: Any) -> dict[str, Any]:
    return {"Node Type": kind, "Schema": "shop", "Relation Name": "orders", **more}


def test_figures() -> None:
    plan = Plan({"Actual Rows": 2, "Actual Loops": 3, "Shared Hit Blocks": 4, "Shared Read Blocks": 1,
                 "Actual Total Time": 0.5})  # fmt: skip

    assert (plan.rows, plan.blocks, plan.ms) == (6, 5, 0.5)


def test_condition_of_an_index_scan() -> None:
    plan = Plan(scan("Index Scan", **{"Index Cond": "(orders.team_id = ANY ((InitPlan 1).col1))"}))

    assert plan.is_indexed("team_id")
    assert not plan.is_indexed("id")


def test_condition_below_a_bitmap_scan() -> None:
    below = {"Node Type": "Bitmap Index Scan", "Index Cond": '(orders."Team" = 1)'}

    assert Plan(scan("Bitmap Heap Scan", Plans=[below])).is_indexed("Team")


def test_filter_is_not_a_condition() -> None:
    plan = Plan(scan("Seq Scan", Filter="(team_id = ANY (ARRAY[1]))"))

    assert plan.is_sequential
    assert not plan.is_indexed("team_id")


def test_scan_of_a_subquery_does_not_count() -> None:
    inner = scan("Seq Scan", **{"Parent Relationship": "InitPlan"})
    plan = Plan(scan("Index Scan", **{"Index Cond": "(team_id = 1)", "Plans": [inner]}))

    assert not plan.is_sequential
    assert plan.is_indexed("team_id")
