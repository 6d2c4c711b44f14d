"""What holds for every command."""

import json
import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import psycopg
import pytest
from click.testing import CliRunner

from org_common.testing import LocalDatabase
from org_common.tools.cli import main
from org_common.tools.commands import terminal

# Commands that print no table: they act, or print one value or one line for each thing done.
WITHOUT_TABLE = {
    "new", "add table", "add module", "add route", "add queue", "add schedule", "dev", "token", "invoke",
    "db url", "db shell", "db seed", "db reset", "db new", "db redo", "db bootstrap", "db migrate",
    "outbox relay", "outbox forget", "outbox requeue", "outbox discard",
    "layer lock", "layer build", "layer verify", "layer report", "functions build",
    "manifest", # it is JSON
    "deploy", # Terraform's own output
}  # fmt: skip
SHELLS = {"bash": "complete -o nosort -F", "zsh": "#compdef org-common", "fish": "complete --no-files --command"}


def commands(command: click.Command = main, *path: str) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        for name, each in command.commands.items():
            yield from commands(each, *path, name)
    if not isinstance(command, click.Group) or command.invoke_without_command:
        yield " ".join(path), command


def has_json(command: click.Command) -> bool:
    return any("--json" in option.opts for option in command.params)


def test_each_command_that_prints_a_table_has_json() -> None:
    found = dict(commands())

    assert {name for name, command in found.items() if not has_json(command)} == WITHOUT_TABLE
    assert len(found) > 40


def completed(*words: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", "from org_common.tools.cli import main; main(prog_name='org-common')"],
        env={
            **os.environ,
            "_ORG_COMMON_COMPLETE": "bash_complete",
            "COMP_WORDS": " ".join(["org-common", *words]),
            "COMP_CWORD": str(len(words)),
        },
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return [line.partition(",")[2] for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("db", "s"), ["seed", "shell", "status"]),
        (("plan", "--max-c"), ["--max-clients", "--max-connections"]),
        (("db", "url", "--as", "app_"), ["app_login", "app_migrator", "app_service"]),
    ],
)
def test_shell_completes_commands_options_and_values(words: tuple[str, ...], expected: list[str]) -> None:
    assert sorted(completed(*words)) == expected


@pytest.mark.parametrize("shell", SHELLS)
def test_script_for_each_shell(shell: str) -> None:
    result = CliRunner().invoke(main, prog_name="org-common", env={"_ORG_COMMON_COMPLETE": f"{shell}_source"})

    assert SHELLS[shell] in result.output


def test_bash_completes_with_the_script_of_the_page(tmp_path: Path) -> None:
    bash = shutil.which("bash")
    assert bash
    program = tmp_path / "org-common"
    program.write_text(f"#!{sys.executable}\nfrom org_common.tools.cli import main\nmain(prog_name='org-common')\n")
    program.chmod(0o755)
    script = """
eval "$(_ORG_COMMON_COMPLETE=bash_source org-common)"
COMP_WORDS=(org-common outbox re) COMP_CWORD=2
_org_common_completion org-common re outbox
printf '%s\\n' "${COMPREPLY[@]}"
"""
    environ = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}

    done = subprocess.run([bash, "-c", script], env=environ, check=True, capture_output=True, text=True)

    assert sorted(done.stdout.split()) == ["refused", "relay", "requeue"]


def test_imports_as_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[tool.org-common]\napps = ["shop_json_stub:app"]\n[tool.org-common.imports]\nshop_json_stub = ["wave"]\n'
    )
    source = tmp_path / "shop_json_stub.py"
    source.write_text("from org_common import App\n\napp = App('shop')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", sys.path.copy())

    good = CliRunner().invoke(main, ["imports", "--json"], catch_exceptions=False)
    source.write_text("import wave\nfrom org_common import App\n\napp = App('shop')\n")
    bad = CliRunner().invoke(main, ["imports", "--json"], catch_exceptions=False)

    assert (good.exit_code, bad.exit_code) == (0, 1)
    assert json.loads(good.stdout)["violations"] == []
    assert json.loads(good.stdout)["gates"]["shop_json_stub"] == ["wave"]
    [violation] = json.loads(bad.stdout)["violations"]
    assert "wave" in violation


@pytest.mark.db
def test_guard_as_json(database: LocalDatabase) -> None:
    good = CliRunner().invoke(main, ["db", "guard", "--json", "--url", database.login_url])
    with psycopg.connect(database.migrator_url) as conn:
        conn.execute("alter table ws.workspaces no force row level security")
    bad = CliRunner().invoke(main, ["db", "guard", "--json", "--url", database.login_url])

    assert (good.exit_code, json.loads(good.stdout)["violations"]) == (0, [])
    assert bad.exit_code == 1
    [violation] = json.loads(bad.stdout)["violations"]
    assert "ws.workspaces" in violation


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"FORCE_COLOR": "1"}, "\x1b[31m\x1b[1mfault\x1b[0m"),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, "fault "),
        ({}, "fault "),
    ],
)
def test_color_follows_the_variables(
    variables: dict[str, str], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.org-common]\napps = []\n")
    monkeypatch.chdir(tmp_path)
    environ = {"NO_COLOR": None, "FORCE_COLOR": None, "ORG_COMMON_DATABASE_URL": "postgresql://app_login@127.0.0.1:9/x"}

    result = CliRunner().invoke(main, ["doctor"], env={**environ, **variables})

    assert result.stdout.startswith(expected), result.output


def test_words_at_the_beginning_of_a_line_are_colored() -> None:
    text = "missing     table a.b\nthe error is missing\n            > create table a.b ();\nno violations: checked"

    lines = terminal.colored(text).splitlines()

    assert [click.unstyle(line) for line in lines] == text.splitlines()
    assert [line != click.unstyle(line) for line in lines] == [True, False, True, True]


def test_progress_is_a_bar_in_a_terminal_and_a_line_in_a_log() -> None:
    code = (
        "from org_common.tools.commands.terminal import show_progress\n"
        "show = show_progress('rows')\nfor done in range(1, 4): show(done, 3)"
    )
    log = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stderr
    front, back = pty.openpty()
    subprocess.run([sys.executable, "-c", code], check=True, stderr=back, stdout=subprocess.DEVNULL)
    os.close(back)
    with os.fdopen(front, "rb", buffering=0) as file:
        shown = file.read(4096)

    assert log == "3 of 3 rows\n"
    assert b"rows  [" in shown
    assert b"3/3" in shown
