from pathlib import Path

from org_common.tools.check.finding import REASONS, Finding

SOURCES = Path("src/org_common/tools/check")


def test_finding_has_a_json_form() -> None:
    finding = Finding("shop/orders.py", 7, "sql.unknown", "column x does not exist", "correct it", "GET", "app.py:3")

    assert finding.as_dict() == {
        "id": "sql.unknown",
        "file": "shop/orders.py",
        "line": 7,
        "statement": "GET",
        "called": "app.py:3",
        "problem": "column x does not exist",
        "reason": REASONS["sql.unknown"],
        "fix": "correct it",
    }


def test_each_id_is_used() -> None:
    root = Path(__file__).parents[4]
    code = "".join(path.read_text() for path in (root / SOURCES).glob("*.py") if path.name != "finding.py")

    assert [id for id in REASONS if f'"{id}"' not in code] == []
