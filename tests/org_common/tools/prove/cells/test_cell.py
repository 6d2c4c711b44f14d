from org_common.tools.prove.cells.cell import Cell, Finding
from org_common.tools.prove.cells.probe import Probe


def test_finding_has_a_script_if_a_statement_decides() -> None:
    probe = Probe("authenticated", {"request.jwt.claims": '{"sub": "o\'x"}'}, "select 1", "rows", "set local x.y = 1")
    cell = Cell("shop.orders", "select", "admin of a", lambda outcome: None, probe)
    fact = Cell("shop.orders", "force", "", lambda outcome: None, fact=("force", "shop.orders"))

    assert cell.name == "shop.orders: select by admin of a"
    assert fact.name == "shop.orders: force"
    assert Finding(fact, "is off").script == ""
    assert Finding(cell, "sees").script.splitlines() == [
        "begin;",
        "set local x.y = 1;",
        """select set_config('request.jwt.claims', '{"sub": "o''x"}', true);""",
        'set local role "authenticated";',
        "select 1;",
        "rollback;",
    ]
