import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from org_common.tools.cli import main
from org_common.tools.project.project import Project

RUNNER = CliRunner()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that `org-common new` wrote, as the current folder."""
    monkeypatch.chdir(tmp_path)
    assert call("new", "help-desk", "--table", "tickets").exit_code == 0
    monkeypatch.chdir("help-desk")
    return tmp_path / "help-desk"


def call(*arguments: str, typed: str | None = None) -> Result:
    return RUNNER.invoke(main, arguments, input=typed, catch_exceptions=False)


def test_new_project_is_a_project(project: Path) -> None:
    found = Project.find(project)

    assert (found.apps, found.migrations, found.demo) == (("help_desk.tickets:app",), ("help_desk",), "help_desk.demo")


def test_new_prints_what_it_writes_and_what_comes_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    lines = call("new", "shop").stdout.splitlines()

    assert lines[0] == "wrote shop/pyproject.toml"
    assert lines[-1] == "Next: cd shop && pytest, then org-common dev"


def test_new_overwrites_nothing(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.parent)
    (project / "src" / "help_desk" / "tickets.py").write_text("mine")

    again = call("new", "help-desk")

    assert again.exit_code == 1
    assert "pyproject.toml" in again.stderr
    assert "already there. Choose another name, or overwrite with --force" in again.stderr
    assert (project / "src" / "help_desk" / "tickets.py").read_text() == "mine"


def test_added_app_is_listed(project: Path) -> None:
    done = call("add", "table", "comments", "text_html:text")

    assert done.stdout.splitlines()[-2:] == [
        "added help_desk.comments:app to apps in pyproject.toml",
        "added tables.help_desk.comments to src/help_desk/migrations/isolation.toml",
    ]
    assert Project.find(project).apps == ("help_desk.tickets:app", "help_desk.comments:app")
    assert (project / "src/help_desk/migrations/0003_comments.sql").exists()


def test_table_that_is_there_is_refused_even_with_force(project: Path) -> None:
    again = call("add", "table", "tickets", "--force")

    assert again.exit_code == 1
    assert "a migration of help_desk creates the table tickets already: choose another name" in again.stderr


def test_fields_have_defaults_without_a_terminal(project: Path) -> None:
    call("add", "table", "comments")

    assert "  body text check" in (project / "src/help_desk/migrations/0003_comments.sql").read_text()


def test_terminal_is_asked_for_fields(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("org_common.tools.commands.scaffold.is_terminal", lambda: True)

    done = call("add", "table", "comments", typed="size:int\norg_owner\n")

    assert done.stdout.startswith("Fields, name:type [title:text body:text?]: ")
    migration = (project / "src/help_desk/migrations/0003_comments.sql").read_text()
    assert "  size integer not null,\n" in migration
    assert "create policy owners_remove on" in migration


def test_module_then_table_route_queue_and_schedule_in_it(project: Path) -> None:
    call("add", "module", "billing")
    for arguments in (
        ["table", "invoices", "amount:decimal"],
        ["route", "total", "--method", "post"],
        ["queue", "payments"],
        ["schedule", "purge_invoices", "--table", "invoices"],
    ):
        assert call("add", *arguments, "--module", "billing").exit_code == 0

    assert Project.find(project).migrations == ("help_desk", "billing")
    assert sorted(path.name for path in (project / "src/billing/migrations").iterdir()) == [
        "0001_billing.sql",
        "0002_invoices.sql",
        "0003_payments.sql",
        "0004_purge_invoices.sql",
        "isolation.toml",
    ]
    assert "references help_desk.orgs" in (project / "src/billing/migrations/0002_invoices.sql").read_text()


def test_project_without_declarations_gets_none(project: Path) -> None:
    file = project / "src/help_desk/migrations/isolation.toml"
    file.unlink()

    done = call("add", "table", "comments")

    assert done.stdout.splitlines()[-1] == "added help_desk.comments:app to apps in pyproject.toml"
    assert not file.exists()


def test_add_outside_of_a_project_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    done = call("add", "table", "tickets")

    assert done.exit_code == 1
    assert "no pyproject.toml in" in done.stderr


def test_help_loads_no_templates() -> None:
    loaded = {name for name in sys.modules if name.partition(".")[0] in ("jinja2", "tomlkit")}

    call("add", "table", "--help")

    assert {name for name in sys.modules if name.partition(".")[0] in ("jinja2", "tomlkit")} == loaded
