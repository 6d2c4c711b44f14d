import psycopg
import pytest

from org_common.tools.lint.context import Context
from org_common.tools.lint.finding import Finding, Problem, rule
from tests.org_common.tools.lint.shop import snapshot


@rule("always-found", "warning", "A title", why="Because.", fix="Do it.", splinter=("0001",))
def always_found(context: Context) -> list[Problem]:
    return [Problem("table shop.notes", "it exists", "drop it")]


@pytest.mark.db
def test_rule_names_its_findings(conn: psycopg.Connection) -> None:
    (finding,) = always_found.problems(Context(snapshot(conn, "select")))

    assert finding == Finding("always-found", "warning", "table shop.notes", "it exists", "drop it")
    assert finding.as_dict() == {
        "rule": "always-found",
        "severity": "warning",
        "object": "table shop.notes",
        "message": "it exists",
        "fix": "drop it",
    }
