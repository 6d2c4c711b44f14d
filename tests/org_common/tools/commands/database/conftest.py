"""A project whose local server runs: its database is that of the test."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from org_common.testing import LocalDatabase
from org_common.tools.cli import main
from org_common.tools.database import running
from org_common.tools.database.local import drop, provision
from org_common.tools.database.migrations import load


def call(*arguments: str, typed: str | None = None, **environment: str) -> Result:
    return CliRunner().invoke(main, ["db", *arguments], input=typed, env=environment, catch_exceptions=False)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new project, as the current folder."""
    monkeypatch.chdir(tmp_path)
    CliRunner().invoke(main, ["new", "local-shop"], catch_exceptions=False)
    monkeypatch.chdir("local-shop")
    monkeypatch.setattr("sys.path", sys.path.copy())
    monkeypatch.delenv("DATABASE_URL", raising=False)
    for name in [name for name in sys.modules if name.partition(".")[0] == "local_shop"]:
        monkeypatch.delitem(sys.modules, name)
    (tmp_path / "local-shop" / ".org-common").mkdir()
    return tmp_path / "local-shop"


@pytest.fixture
def local(project: Path, postgres: str) -> Iterator[LocalDatabase]:
    """The database of the running server of the project."""
    made = provision(postgres, "local_shop", load(["local_shop=src/local_shop/migrations"], root=project))
    running.write(project / ".org-common", made)
    yield made
    drop(made)
