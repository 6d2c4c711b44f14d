"""Each command that reads a project refuses a route that can never work, in one line: FILE:LINE, route, field, fix."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from org_common.tools.openapi import declarations
from org_common.tools.project.project import ToolError
from tests.org_common.tools.openapi import shop as example

BROKEN = """\
from org_common import PUBLIC, App, Model
from pydantic import Field

app = App("users")


class Password(Model):
    password: str = Field(pattern=r"^(?=.*\\d).{8,}$")


@app.post("/password", allow=PUBLIC)
def set_password(body: Password) -> None: ...
"""
SAYS = (
    "users.py:11: POST /password, handler 'set_password': body parameter 'body': Password.password: the pattern cannot"
    " be compiled. pydantic's patterns have no look-around: check it in a `@field_validator` instead"
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "users.py").write_text(BROKEN)
    (tmp_path / "pyproject.toml").write_text(
        '[tool.org-common]\napps = ["users:app"]\npublic = ["POST /password"]\n'
        '[tool.pytest]\naddopts = ["-q", "-p", "no:cacheprovider"]\n'
    )
    (tmp_path / "test_users.py").write_text("from users import app\n\n\ndef test_it() -> None:\n    assert app\n")
    return tmp_path


def run(project: Path, *arguments: str) -> tuple[int, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    result = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=project,
        env=inherited,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return result.returncode, result.stdout + result.stderr


CLI = ("org_common.tools",)


@pytest.mark.parametrize(
    "command",
    [["routes", "--check"], ["openapi"], ["doctor"], ["dev", "--port", "9"], ["dev", "--check"]],
    ids=" ".join,
)
def test_command_refuses_a_route_that_cannot_work(project: Path, command: list[str]) -> None:
    code = "from org_common.tools.cli import main; main()"
    result = subprocess.run(
        [sys.executable, "-c", code, *command], cwd=project, capture_output=True, text=True, timeout=60, check=False
    )
    output = result.stdout + result.stderr

    assert result.returncode == 1
    assert "Traceback" not in output
    assert SAYS in " ".join(output.split())


def test_pytest_refuses_a_route_that_cannot_work(project: Path) -> None:
    code, output = run(project, "pytest")

    assert code != 0
    assert SAYS in output
    assert "Traceback" not in output


def test_pytest_finds_the_project_of_the_tests_from_above(project: Path) -> None:
    code, output = run(project.parent, "pytest", f"{project.name}/test_users.py")

    assert code != 0
    assert "POST /password, handler 'set_password'" in output


def test_working_app_has_no_faults() -> None:
    declarations.check([example.app])


def test_all_faults_are_in_one_message(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = BROKEN + "\n\n@app.put('/password', allow=PUBLIC)\ndef put_password(body: Password) -> None: ...\n"
    (project / "users_twice.py").write_text(source)
    monkeypatch.syspath_prepend(project)
    import importlib

    app = importlib.import_module("users_twice").app

    with pytest.raises(ToolError) as caught:
        declarations.check([app])
    assert [line.partition(", handler")[0].rpartition(": ")[2] for line in str(caught.value).splitlines()] == [
        "POST /password",
        "PUT /password",
    ]
