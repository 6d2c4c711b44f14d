"""No policy of the modules reads more than the rows of the caller's tenant."""

import sys
from pathlib import Path

import pytest

from org_common.testing import LocalDatabase
from org_common.tools.check.planner import open_planner
from org_common.tools.cost import statements
from org_common.tools.cost.run import run
from org_common.tools.project.apps import load
from org_common.tools.project.project import Project
from org_common.tools.prove import database as databases
from org_common.tools.prove.declaration import read
from org_common.tools.prove.files import find

pytestmark = pytest.mark.db
ROOT = Path(__file__).parents[2]


def test_reads_of_members_use_indexes(database: LocalDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    project = Project.find(ROOT)
    with open_planner(database.admin_url) as planner, monkeypatch.context() as without_tests:
        # Statements are those of loaded modules, and no command loads tests.
        for name in [name for name in sys.modules if name.startswith("tests.")]:
            without_tests.delitem(sys.modules, name)
        found = statements.find(project, load(project), planner)
    with databases.transaction(database.admin_url) as conn:
        report = run(conn, read(find(project)), 5_000, statements=found)

    assert [f"{cost.table}: {cost.person} {cost.problem}" for cost in report.findings] == []
    assert set(report.filled.failed.values()) == {"its rows belong to no tenant"}
    assert [cost.table for cost in report.costs if cost.without_rls is None] == ["access.former_members"]
    scanned = {cost.table for cost in report.costs if cost.without_rls and cost.access == "all rows"}
    assert scanned <= report.filled.limited  # one row per tenant, so few that no index helps
    # Statements read no more than the rows of the tenant; functions may refuse the values that are known for them.
    assert [f"{each.asked.place}: {each.person} {each.problem}" for each in report.slow] == []
    assert report.computed == []
    left_out = {each.skipped.partition(":")[0] for each in report.replays if each.without_rls is None}
    assert left_out == {"no values for it"}
    assert sum(each.without_rls is not None for each in report.replays) >= 95
