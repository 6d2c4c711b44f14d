import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from org_common.tools.cli import main
from org_common.tools.project.project import Project
from org_common.tools.scaffold.layout import Layout


def call(root: Path, *arguments: str) -> Result:
    """Run `org-common` in this folder."""
    before = Path.cwd()
    os.chdir(root)
    try:
        return CliRunner().invoke(main, arguments)
    finally:
        os.chdir(before)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that `org-common new` wrote."""
    done = call(tmp_path, "new", "help-desk")
    assert done.exit_code == 0, done.output
    return tmp_path / "help-desk"


@pytest.fixture
def layout(project: Path) -> Layout:
    return Layout.of(Project.find(project))
