"""No policy of the modules reads more than the rows of the caller's tenant."""

from pathlib import Path

import pytest

from org_common.testing import LocalDatabase
from org_common.tools.cost.run import run
from org_common.tools.project.project import Project
from org_common.tools.prove import database as databases
from org_common.tools.prove.declaration import read
from org_common.tools.prove.files import find

pytestmark = pytest.mark.db
ROOT = Path(__file__).parents[2]


def test_reads_of_members_use_indexes(database: LocalDatabase) -> None:
    with databases.transaction(database.admin_url) as conn:
        report = run(conn, read(find(Project.find(ROOT))), 5_000)

    assert [f"{cost.table}: {cost.person} {cost.problem}" for cost in report.findings] == []
    assert set(report.filled.failed.values()) == {"its rows belong to no tenant"}
    assert [cost.table for cost in report.costs if cost.without_rls is None] == ["access.former_members"]
    scanned = {cost.table for cost in report.costs if cost.without_rls and cost.access == "all rows"}
    assert scanned <= report.filled.limited  # one row per tenant, so few that no index helps
