import os
from pathlib import Path

import pytest

from org_common.tools.project import dotenv

VARIABLE = "SHOP_UPLOAD_KEY"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a `.env`, and a folder in it."""
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / ".env").write_text(f"# of this machine\n{VARIABLE}='from the file'\n")
    (tmp_path / "src").mkdir()
    monkeypatch.setenv(VARIABLE, "")
    monkeypatch.delenv(VARIABLE)
    return tmp_path


def test_file_next_to_pyproject_is_read(project: Path) -> None:
    assert dotenv.load(project / "src") == project / ".env"
    assert os.environ[VARIABLE] == "from the file"


def test_environment_takes_precedence(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "from the shell")

    dotenv.load(project)

    assert os.environ[VARIABLE] == "from the shell"


def test_lambda_reads_no_file(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "shop")

    assert dotenv.load(project) is None
    assert VARIABLE not in os.environ


def test_project_without_a_file_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()

    assert dotenv.load(tmp_path) is None
