"""All modules are proved: every table and function, with the declarations next to their migrations."""

from pathlib import Path

import pytest

from org_common.testing import LocalDatabase
from org_common.tools.project.project import Project
from org_common.tools.prove import database as databases
from org_common.tools.prove import report
from org_common.tools.prove.declaration import read
from org_common.tools.prove.files import find
from org_common.tools.prove.proof import prove

pytestmark = pytest.mark.db
ROOT = Path(__file__).parents[2]


def test_no_tenant_reaches_another_ones_rows(database: LocalDatabase) -> None:
    with databases.transaction(database.admin_url) as conn:
        proof = prove(conn, read(find(Project.find(ROOT))))

    asked, leaks = report.foreign(proof)
    assert [f"{each.cell.name}: {each.problem}" for each in proof.findings] == []
    assert {cell.subject for cell in proof.cells} >= {table.name for table in proof.world.catalog.tables}
    assert leaks == 0
    assert asked > 5000
