from pathlib import Path

import pytest

from org_common.tools.deploy.terraform import Terraform, find
from org_common.tools.project.project import ToolError
from tests.org_common.tools.deploy.program import Program

PRINTED = """
Planning failed. Terraform encountered an error while generating this plan.

╷
│ Error: Unsupported argument
│
│   on main.tf line 4, in module "stack":
│    4:   prefx = "prod-"
│
│ An argument named "prefx" is not expected here. Did you mean "prefix"?
╵
╷
│ Error: Missing required argument
│
│ The argument "prefix" is required.
╵
"""


def ignore(line: str) -> None:
    pass


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path / "bin")


def test_commands_are_called_without_questions(program: Program, tmp_path: Path) -> None:
    program.shows({"format_version": "1.2"})
    terraform = Terraform(tmp_path, str(program.path), ignore)

    terraform.init(tmp_path / "mirror")
    shown = terraform.plan(tmp_path / "plan", ["-var-file=x"])
    terraform.apply(tmp_path / "plan")

    assert shown == {"format_version": "1.2"}
    assert (program.folder / "calls").read_text().splitlines() == [
        f"init -no-color -input=false -plugin-dir={tmp_path / 'mirror'}",
        f"plan -no-color -input=false -out={tmp_path / 'plan'} -var-file=x",
        f"show -json {tmp_path / 'plan'}",
        f"apply -no-color -input=false {tmp_path / 'plan'}",
    ]


def test_error_is_one_line(program: Program, tmp_path: Path) -> None:
    printed = list[str]()
    program.fails("plan", PRINTED)

    with pytest.raises(ToolError) as raised:
        Terraform(tmp_path, str(program.path), printed.append).plan(tmp_path / "plan")

    assert str(raised.value) == (
        f'terraform plan failed in {tmp_path}: Unsupported argument on main.tf line 4, in module "stack": 4: prefx = '
        '"prod-" An argument named "prefx" is not expected here. Did you mean "prefix"? (and 1 more)'
    )
    assert printed[0] == ""
    assert printed[4] == "│ Error: Unsupported argument"


@pytest.mark.parametrize(("printed", "shown"), [("Killed", "Killed"), ("", "it printed nothing")])
def test_error_without_a_frame(program: Program, tmp_path: Path, printed: str, shown: str) -> None:
    program.fails("init", printed)

    with pytest.raises(ToolError, match=f"terraform init failed in .*: {shown}$"):
        Terraform(tmp_path, str(program.path), ignore).init()


def test_program_is_found(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(program.folder))

    assert find(None) == find(str(program.path)) == str(program.path)


@pytest.mark.parametrize(
    ("name", "message"),
    [(None, "install Terraform 1.9 or newer, or name it: --terraform FILE"), ("/nowhere/tf", "correct --terraform")],
)
def test_missing_program_is_reported(name: str | None, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    with pytest.raises(ToolError, match=message):
        find(name)
