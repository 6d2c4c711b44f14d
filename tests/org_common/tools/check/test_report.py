import json

from org_common.tools.check.check import Report
from org_common.tools.check.finding import Finding
from org_common.tools.check.report import as_json, as_text

FOUND = Finding("shop/sql.py", 7, "sql.unknown", "column x does not exist", "correct it", "GET", "shop/orders.py:3")


def test_finding_is_a_paragraph() -> None:
    report = Report([FOUND], statements=3, calls=4, rules=2, computed=["shop/x.py:1"], unreachable=["app_service"])
    report.unimported = ["shop.pdf: ModuleNotFoundError: No module named 'pypdf'"]

    assert as_text(report).splitlines() == [
        "shop/sql.py:7: sql.unknown: column x does not exist",
        "    statement: GET, run at shop/orders.py:3",
        "    why: PostgreSQL knows no such table, column, function or type, so each call fails",
        "    fix: correct it",
        "not checked: shop/x.py:1: its SQL is computed at run time",
        "not checked: the module shop.pdf: ModuleNotFoundError: No module named 'pypdf'",
        "not checked: statements of app_service, which the login of --url is not a member of",
        "3 statements in 4 calls and 2 access rules planned, none executed: 1 finding",
    ]


def test_report_without_findings_is_one_line() -> None:
    assert as_text(Report(statements=1, calls=1)) == (
        "1 statements in 1 calls and 0 access rules planned, none executed: no findings"
    )


def test_json_has_the_findings_and_counts() -> None:
    document = json.loads(as_json(Report([FOUND], statements=3, calls=4, rules=2)))

    assert document["findings"] == [FOUND.as_dict()]
    assert (document["statements"], document["calls"], document["rules"]) == (3, 4, 2)
    assert (document["computed"], document["unimported"], document["unreachable_roles"]) == ([], [], [])
