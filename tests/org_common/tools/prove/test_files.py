from pathlib import Path

import pytest

from org_common.tools.project.project import Project
from org_common.tools.prove.declaration import DeclarationError, read
from org_common.tools.prove.files import SDK, find

ROOT = Path(__file__).parents[4]


def test_declarations_are_next_to_the_migrations() -> None:
    project = Project.find(ROOT)
    found = find(project)

    assert found[0] == SDK
    assert [file.parent.parent.name for file in found[1:]] == ["access", "ai", "mgmt", "ws", "kb", "chat"]
    assert "app.outbox" in read(found).tables


def test_missing_declaration_is_named(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.org-common]\nmigrations = ["shop=db"]')
    (tmp_path / "db").mkdir()
    project = Project.find(tmp_path)

    with pytest.raises(
        DeclarationError, match=r"db has migrations and no isolation.toml: draft one with `org-common db prove"
    ):
        find(project)
    assert find(project, partly=True) == [SDK]
