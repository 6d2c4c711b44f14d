import psycopg
import pytest
from sarif_pydantic import Sarif  # type: ignore[import-untyped]

from org_common.tools.lint.registry import RULES
from org_common.tools.lint.sarif import document
from org_common.tools.lint.sources import Sources
from tests.org_common.tools.lint.shop import report

pytestmark = pytest.mark.db

SQL = """create policy p on shop.notes for select to authenticated using (true);
alter role anon bypassrls;
comment on table shop.members is 'org-common lint: allow rls-not-forced until 2027-01-01: tested';
alter table shop.members no force row level security;
comment on table shop.notes is 'org-common lint: nonsense'"""


def test_log_is_valid_and_complete(conn: psycopg.Connection) -> None:
    found = report(conn, SQL)
    sources = Sources({"db/1.sql": "\ncreate policy p on shop.notes for select using (true)"})

    log = document(found, {rule.id: rule for rule in RULES}, sources, "1.0")

    run = Sarif.model_validate(log).runs[0]
    results = run.results or []
    rules = run.tool.driver.rules or []
    assert len(results) == len(found.findings) + len(found.waived)
    assert [rules[result.rule_index or 0].id for result in results] == [result.rule_id for result in results]
    places = {result["ruleId"]: place(result) for result in log["runs"][0]["results"]}
    assert places["policy-always-true"] == ("db/1.sql", 2)
    # A role is created by no file, and code scanning wants one.
    assert places["role-bypasses-rls"] == ("pyproject.toml", 1)
    assert [result["suppressions"] for result in log["runs"][0]["results"] if "suppressions" in result] == [
        [{"kind": "external", "justification": "tested"}]
    ]
    assert {rule.id for rule in RULES} | {"waiver-invalid"} == {rule.id for rule in rules}


def test_fingerprint_does_not_depend_on_the_line(conn: psycopg.Connection) -> None:
    found = report(conn, SQL)
    rules = {rule.id: rule for rule in RULES}

    here, there = (
        document(found, rules, Sources({"db/1.sql": lines + "create policy p on shop.notes"}), "1.0")
        for lines in ("", "\n\n")
    )

    prints = [[result["partialFingerprints"] for result in log["runs"][0]["results"]] for log in (here, there)]
    assert prints[0] == prints[1]
    assert len({str(each) for each in prints[0]}) == len(prints[0])
    assert here != there


def place(result: dict[str, object]) -> tuple[str, int]:
    location = result["locations"][0]["physicalLocation"]  # type: ignore[index]
    return location["artifactLocation"]["uri"], location["region"]["startLine"]
