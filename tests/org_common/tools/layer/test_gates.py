from pathlib import Path

import pytest
from click.testing import CliRunner

from org_common.tools.cli import main
from org_common.tools.layer import gates
from org_common.tools.layer.gates import Breach
from org_common.tools.project.project import Project, ProjectError, ToolError

ROOT = Path(__file__).parents[3]
THIS = Project.find(ROOT)


def project(folder: Path, table: str, **sources: str) -> Project:
    (folder / "pyproject.toml").write_text(f'[tool.org-common]\napps = ["shop:app"]\n{table}')
    for name, text in sources.items():
        (folder / f"{name}.py").write_text(text)
    return Project.find(folder)


@pytest.mark.parametrize("module", gates.gates(THIS))
def test_modules_of_this_project_load_nothing_that_they_may_not(module: str) -> None:
    breaches = gates.look(THIS, module, gates.gates(THIS)[module])

    assert breaches == [], "\n".join(map(str, breaches))


def test_every_app_of_this_project_has_a_gate() -> None:
    assert {app.partition(":")[0] for app in THIS.apps} <= gates.gates(THIS).keys()


def test_heavy_import_in_a_handler_fails_with_the_chain(tmp_path: Path) -> None:
    made = project(
        tmp_path,
        '[tool.org-common.imports]\n"*" = ["email.mime.text"]\n',
        shop="import shop_prices\n",
        shop_prices="import shop_mail\n",
        shop_mail="from email.mime.text import MIMEText\n",
    )

    [breach] = gates.check(made)

    assert breach == Breach("shop", "email.mime.text", ("shop", "shop_prices", "shop_mail", "email.mime.text"))
    assert "shop → shop_prices → shop_mail → email.mime.text" in str(breach)


def test_import_by_name_has_its_chain_too(tmp_path: Path) -> None:
    source = "import importlib\nimportlib.import_module('wave')\n"
    made = project(tmp_path, '[tool.org-common.imports]\nshop = ["wave"]\n', shop=source)

    assert [breach.chain for breach in gates.check(made)] == [("shop", "wave")]


def test_import_within_a_function_is_none(tmp_path: Path) -> None:
    made = project(
        tmp_path, '[tool.org-common.imports]\n"*" = ["wave"]\n', shop="def late():\n    import wave\n    return wave\n"
    )

    assert gates.check(made) == []


def test_gates_of_all_apps_and_of_one_module_add_up(tmp_path: Path) -> None:
    made = project(tmp_path, '[tool.org-common.imports]\n"*" = ["wave"]\nshop = ["csv", "wave"]\nother = ["csv"]\n')

    assert gates.gates(made) == {"shop": ("wave", "csv"), "other": ("csv",)}


def test_module_that_does_not_import_is_reported(tmp_path: Path) -> None:
    made = project(tmp_path, '[tool.org-common.imports]\nshop = ["wave"]\n', shop="import no_such_module\n")

    with pytest.raises(ToolError, match=r"shop\.py:1: ModuleNotFoundError: .*no_such_module"):
        gates.check(made)


@pytest.mark.parametrize(
    ("table", "message"), [('imports = "wave"', "must be a table"), ("imports.shop = 3", "must be a list")]
)
def test_wrong_table_is_reported(tmp_path: Path, table: str, message: str) -> None:
    with pytest.raises(ProjectError, match=message):
        gates.gates(project(tmp_path, table))


def test_command_exits_with_one_at_a_breach(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project(tmp_path, '[tool.org-common.imports]\n"*" = ["wave"]\n', shop="import wave\n")
    monkeypatch.chdir(tmp_path)

    done = CliRunner().invoke(main, ["imports"])

    assert (done.exit_code, "shop → wave" in done.output) == (1, True)


def test_apps_without_a_gate_are_imported_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project(tmp_path, "", shop="x = 1\n")
    monkeypatch.chdir(tmp_path)
    good = CliRunner().invoke(main, ["imports"])
    (tmp_path / "shop.py").write_text("x = = 1\n")

    bad = CliRunner().invoke(main, ["imports"])

    assert (good.exit_code, good.output) == (0, "shop imports; it has no gate\n")
    assert (bad.exit_code, bad.output) == (1, "Error: shop.py:1: SyntaxError: invalid syntax\n")


def test_what_is_watched_is_not_loaded_by_the_watcher(tmp_path: Path) -> None:
    made = project(tmp_path, '[tool.org-common.imports]\n"*" = ["json"]\n', shop="import json\n")

    assert [breach.chain for breach in gates.check(made)] == [("shop", "json")]
