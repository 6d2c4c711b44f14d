from org_common.tools.cost.plans import Plan
from org_common.tools.cost.replay import Replay
from org_common.tools.cost.statement_report import FIX, SHOWN, statement_document, statement_lines
from org_common.tools.cost.statements import Asked

READ = Asked("shop.py:4", "GET_ORDER", "authenticated")
WRITE = Asked("shop.py:9", "DELETE_ORDER", "authenticated", writes=True)


def read(blocks: int, before: int = 10) -> Replay:
    return Replay(READ, "admin", Plan({"Shared Hit Blocks": blocks}), Plan({"Shared Hit Blocks": before}))


def test_table_has_the_highest_ratio_first_and_the_reasons() -> None:
    write = Replay(WRITE, "admin", Plan({"Total Cost": 12.4}), Plan({"Total Cost": 8}))
    refused = Replay(WRITE, skipped="no values for it: not_found")

    assert [*statement_lines([write, read(30), read(1_200), refused], ["shop.py:20"])] == [
        "statement               run by                 with  without  ratio",
        "shop.py:4 GET_ORDER     admin   blocks        1,200       10  120.0",
        "shop.py:4 GET_ORDER     admin   blocks           30       10    3.0",
        "shop.py:9 DELETE_ORDER  admin   planned cost     12        8    1.6",
        "not measured: shop.py:9: DELETE_ORDER, as authenticated: no values for it: not_found",
        "not measured: shop.py:20: its SQL is computed at run time",
        "SLOW  shop.py:4: GET_ORDER: a call by admin reads 1,200 blocks instead of 10",
        f"      fix: {FIX}",
        "3 statements measured, 1 slow; 0 others are above 3 times, by no more than the rows of the tenant",
    ]


def test_low_ratios_are_counted() -> None:
    lines = [*statement_lines([read(10)] * (SHOWN + 2), [])]

    assert lines[SHOWN + 1] == "and 2 with lower ratios, which --json has"


def test_ratio_within_the_tenant_s_rows_is_counted_and_not_slow() -> None:
    lines = [*statement_lines([read(50)], [])]

    assert lines[-1] == (
        "1 statements measured, 0 slow; 1 others are above 3 times, by no more than the rows of the tenant"
    )


def test_statement_that_takes_too_long_comes_first() -> None:
    late = Replay(READ, "admin", None, Plan({"Actual Total Time": 2.5}))
    lines = [*statement_lines([read(10), late], [])]

    assert lines[1] == "shop.py:4 GET_ORDER  admin   blocks     -        -      -"
    assert "takes longer than 30 s, and 2.5 ms without row-level security" in lines[3]


def test_json_has_amounts_or_the_reason() -> None:
    assert statement_document(read(30)) == {
        "place": "shop.py:4",
        "statement": "GET_ORDER",
        "role": "authenticated",
        "person": "admin",
        "is_executed": True,
        "unit": "blocks",
        "with_rls": 30,
        "without_rls": 10,
        "ratio": 3.0,
        "ms": 0.0,
        "ms_without_rls": 0.0,
        "problem": None,
    }
    assert statement_document(Replay(READ, skipped="no values"))["skipped"] == "no values"
