import json
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result

from org_common.tools.cli import main
from org_common.tools.database.local import LocalDatabase

pytestmark = pytest.mark.db

EXAMPLE = Path(__file__).parents[5] / "examples" / "notes"


def lint(*options: str, environ: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(main, ["db", "lint", *options], env=environ)


@pytest.fixture
def faulty(database: LocalDatabase) -> LocalDatabase:
    with psycopg.connect(database.migrator_url) as conn:
        conn.execute("alter table ws.workspaces no force row level security")
        conn.execute("alter policy members_read on access.orgs using (id in (select access.org_ids()))")
    return database


def test_table_has_reason_fix_and_place(faulty: LocalDatabase) -> None:
    result = lint("--url", faulty.login_url)

    lines = result.stdout.splitlines()
    assert result.exit_code == 1
    assert lines[0].startswith("error    rls-not-forced")
    assert "table ws.workspaces (src/cora_modules/ws/migrations/0001_workspaces.sql:" in lines[0]
    assert lines[0].endswith("its row-level security does not apply to its owner")
    assert lines[1].strip() == "fix: alter table ws.workspaces force row level security"
    assert "policy members_read on table access.orgs (src/cora_modules/access/migrations/0008_" in lines[2]
    assert lines[-2] == "roles of requests: anon, authenticated, app_sys; tenant column: org_id"
    assert lines[-1] == "1 error, 1 warning, 1 waived"


def test_warning_fails_if_strict(database: LocalDatabase) -> None:
    with psycopg.connect(database.migrator_url) as conn:
        conn.execute("alter policy members_read on access.orgs using (id in (select access.org_ids()))")
    environ = {"ORG_COMMON_LINT_URL": database.login_url}

    assert lint(environ=environ).exit_code == 0
    assert lint("--strict", environ=environ).exit_code == 1


def test_json_is_for_programs(faulty: LocalDatabase) -> None:
    document = json.loads(lint("--url", faulty.login_url, "--json").stdout)

    assert document["errors"] == 1
    assert [(finding["rule"], finding["object"]) for finding in document["findings"]] == [
        ("rls-not-forced", "table ws.workspaces"),
        ("policy-never-uses-index", "policy members_read on table access.orgs"),
    ]
    assert [finding["until"] for finding in document["waived"]] == ["2029-12-31"]


def test_sarif_names_the_migrations(faulty: LocalDatabase) -> None:
    run = json.loads(lint("--url", faulty.login_url, "--sarif").stdout)["runs"][0]

    locations = [result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for result in run["results"]]
    assert locations == [
        "src/cora_modules/ws/migrations/0001_workspaces.sql",
        "src/cora_modules/access/migrations/0008_indexed_policies.sql",
        "src/cora_modules/access/migrations/0001_people_and_orgs.sql",
    ]


def test_project_is_linted_on_a_database_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(EXAMPLE)

    result = lint("--strict")

    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1] == "0 errors, 0 warnings, 0 waived"


def test_formats_exclude_each_other() -> None:
    result = lint("--json", "--sarif")

    assert result.exit_code == 2
    assert "--json and --sarif exclude each other: remove one of them" in result.stderr


def test_unknown_role_is_one_message(database: LocalDatabase) -> None:
    result = lint("--url", database.login_url, "--role", "nobody_knows")

    assert result.exit_code == 1
    assert result.stderr == "Error: the server has no role nobody_knows: check the spelling\n"


def test_folder_without_a_project_needs_a_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    result = lint()

    assert result.exit_code == 1
    assert "no pyproject.toml" in result.stderr


def test_url_works_without_a_project(faulty: LocalDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "1.sql").write_text("create table ws.workspaces (id int);")

    assert "table ws.workspaces (1.sql:1)" in lint("--url", faulty.login_url).stdout
