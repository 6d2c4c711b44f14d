import json

import pytest

from org_common.tools.prove import report
from org_common.tools.prove.kill import Kills
from org_common.tools.prove.proof import Proof

pytestmark = pytest.mark.db


def test_matrix_and_figures(page_proof: Proof) -> None:
    proof = page_proof
    text = "\n".join(report.lines(proof))

    assert "shop.orders       siud   s       -         -" in text
    assert f"{len(proof.cells):,} cells, {len(proof.cells):,} as declared, 0 not; " in text
    asked, leaks = report.foreign(proof)
    assert leaks == 0
    assert f"0 of {asked:,} statements of tenants and outsiders reached a row of another tenant" in text
    assert f"the upper bound at 95 % is 3/{asked:,} = " in text
    assert report.passed(proof)


def test_leak_is_marked_and_counted(leaky_proof: Proof) -> None:
    found = json.loads(report.dump(report.document(leaky_proof)))

    assert found["passed"] is False
    assert found["foreign"]["leaks"] > 0
    assert found["tables"]["shop.orders"]["viewer"] == "s!"
    assert any(
        "sees 1 rows of others" in each["problem"] and "set local role" in each["sql"] for each in found["findings"]
    )
    assert "LEAK OR ERROR  shop.orders: select by viewer of a: sees 1 rows of others: of b" in [
        *report.lines(leaky_proof)
    ]


def test_too_few_kills_do_not_pass(page_proof: Proof) -> None:
    assert report.passed(page_proof, Kills())
    assert "0 of 0 mutations turned the proof red: 100.00%" in "\n".join(report.lines(page_proof, Kills()))
    assert report.document(page_proof, Kills())["mutations"]["rate"] == 1
