import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from org_common.testing.projects import extensions, nearest

TEST = """
import psycopg


def test_it_has_its_own_table(database):
    with psycopg.connect(database.admin_url) as admin:
        admin.execute("select from {name}.things")
        assert admin.execute("select to_regclass('{other}.things')").fetchone() == (None,)
"""


@pytest.fixture
def mono() -> Iterator[Path]:
    """A repository with two projects, and a pyproject.toml of its own that has no table of ours."""
    root = Path(tempfile.mkdtemp(prefix="test-projects-"))
    root.chmod(0o755)
    (root / "pyproject.toml").write_text("[tool.ruff]\n")
    for name, other in (("desk", "shop"), ("shop", "desk")):
        folder = root / "services" / name
        (folder / "sql").mkdir(parents=True)
        (folder / "tests").mkdir()
        (folder / "pyproject.toml").write_text(f'[tool.org-common]\nmigrations = ["{name}=sql"]\n')
        (folder / "sql" / "0001_things.sql").write_text(
            f"create schema {name};\ncreate table {name}.things (id int);\n"
            f"alter table {name}.things enable row level security, force row level security;\n"
        )
        (folder / "tests" / f"test_{name}.py").write_text(TEST.format(name=name, other=other))
    yield root
    shutil.rmtree(root)


def test_nearest_project_is_the_one_with_the_table(mono: Path) -> None:
    (mono / "services" / "desk" / "tests" / "pyproject.toml").write_text("[broken")

    assert nearest(mono / "services" / "desk" / "tests") == mono / "services" / "desk"
    assert nearest(mono / "services") is None


def test_extensions_are_those_of_all_projects(mono: Path) -> None:
    desk, shop = mono / "services" / "desk", mono / "services" / "shop"
    for folder, names in ((desk, '["vector"]'), (shop, '["vector", "citext"]')):
        (folder / "pyproject.toml").write_text(f"[tool.org-common]\nextensions = {names}\n")

    assert extensions([desk, shop, mono]) == ("vector", "citext")


@pytest.mark.db
def test_one_run_has_the_migrations_of_each_project(mono: Path, postgres: str) -> None:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--database-url", postgres],
        cwd=mono,
        env={**inherited, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert "2 passed" in done.stdout, done.stdout
