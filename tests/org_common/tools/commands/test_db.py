import json
import re
import sys
from collections.abc import Iterator
from datetime import datetime
from itertools import count
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result
from psycopg import sql

from org_common.tools.cli import main
from org_common.tools.database.bootstrap import bootstrap
from org_common.tools.database.postgres import EmbeddedPostgres

PASSWORD = "s3cret-of-the-migrator"
NUMBERS = count(1)


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres.start(durable=False) as server:
        yield server


@pytest.fixture
def admin_url(server: EmbeddedPostgres) -> str:
    """The superuser, in a new database."""
    name = f"cli_{next(NUMBERS)}"
    with psycopg.connect(server.url, autocommit=True) as conn:
        create = sql.SQL("create database {} strategy file_copy")
        conn.execute(create.format(sql.Identifier(name)))
    return server.url.removesuffix("/postgres") + f"/{name}"


@pytest.fixture
def url(admin_url: str) -> str:
    bootstrap(admin_url, migrator_password=PASSWORD)
    return f"postgresql://app_migrator:{PASSWORD}@{admin_url.rpartition('@')[2]}"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the package shop_cli in src; its SQL replaces that of org-common."""
    (tmp_path / "pyproject.toml").write_text('[tool.org-common]\nmigrations = ["other=db/sql"]')
    package = tmp_path / "src" / "shop_cli"
    (package / "sql").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "sql" / "0001_shop.sql").write_text("create schema shop;")
    (tmp_path / "db" / "sql").mkdir(parents=True)
    (tmp_path / "db" / "sql" / "0001_other.sql").write_text("create table shop.other (id int);")
    monkeypatch.chdir(package)
    monkeypatch.setattr("sys.path", sys.path.copy())
    monkeypatch.setattr("org_common.tools.database.migrations.OWN_PACKAGE", "shop_cli")
    monkeypatch.delitem(sys.modules, "shop_cli", raising=False)
    return tmp_path


def call(*arguments: str, url: str = "", **environment: str) -> Result:
    env = {"ORG_COMMON_MIGRATOR_URL": url or None, **environment}
    return CliRunner().invoke(main, arguments, env=env, catch_exceptions=False)


def test_bootstrap_creates_the_extensions_of_the_project(project: Path, admin_url: str) -> None:
    (project / "pyproject.toml").write_text('[tool.org-common]\nextensions = ["vector"]')

    first = call("db", "bootstrap", DATABASE_URL=admin_url)
    second = call("db", "bootstrap", "--extension", "vector", DATABASE_URL=admin_url)

    assert first.stdout == "created the extension vector\napp_migrator is ready\n"
    assert second.stdout == "app_migrator is ready\n"


def test_migrate_applies_the_project_and_reports_each_file(project: Path, url: str) -> None:
    first = call("db", "migrate", url=url)
    second = call("db", "migrate", url=url)

    assert (first.exit_code, first.stderr) == (0, "")
    assert first.stdout.splitlines() == [
        "applied 0001_shop.sql of package shop_cli",
        "applied 0001_other.sql of package other",
    ]
    assert (second.exit_code, second.stdout) == (0, "no pending migrations\n")


def test_package_option_replaces_the_list_of_the_project(project: Path, url: str) -> None:
    result = call("db", "migrate", "--package", "x=../../db/sql", "--url", url)

    assert result.stdout.splitlines()[1] == "applied 0001_other.sql of package x"


def test_package_option_needs_no_project(project: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "pyproject.toml").unlink()
    monkeypatch.chdir(project / "src")

    result = call("db", "migrate", "--package", "shop_cli", url=url)

    assert (result.exit_code, result.stdout) == (0, "applied 0001_shop.sql of package shop_cli\n")


def test_status_is_a_table(project: Path, url: str) -> None:
    call("db", "migrate", "--package", "shop_cli", url=url)

    result = call("db", "status", url=url)

    assert result.exit_code == 0
    head, first, second = result.stdout.splitlines()
    assert head.split() == ["package", "file", "applied"]
    assert re.fullmatch(r"shop_cli  0001_shop\.sql   20\d\d-\d\d-\d\d \d\d:\d\d UTC", first)
    assert second == "other     0001_other.sql  pending"


def test_status_for_programs(project: Path, url: str) -> None:
    call("db", "migrate", "--package", "shop_cli", url=url)

    first, second = json.loads(call("db", "status", "--json", url=url).stdout)

    assert datetime.fromisoformat(first.pop("applied_at")).tzinfo is not None
    assert first == {
        "package": "shop_cli",
        "file": "0001_shop.sql",
        "applied_by": "app_migrator",
        "problem": None,
    }
    assert (second["package"], second["applied_at"]) == ("other", None)


def test_status_check_fails_while_something_is_pending(project: Path, url: str) -> None:
    before = call("db", "status", "--check", url=url)
    call("db", "migrate", url=url)
    after = call("db", "status", "--check", url=url)

    assert (before.exit_code, after.exit_code) == (1, 0)


def test_status_check_fails_on_a_changed_file(project: Path, url: str) -> None:
    call("db", "migrate", url=url)
    (project / "db" / "sql" / "0001_other.sql").write_text("select 1;")

    result = call("db", "status", "--check", url=url)

    assert result.exit_code == 1
    assert "problem: 0001_other.sql of package other was changed" in result.stderr


def test_failing_sql_is_a_line_on_stderr(project: Path, url: str) -> None:
    (project / "db" / "sql" / "0001_other.sql").write_text("select 1;\nselect nothing;")

    result = call("db", "migrate", url=url)

    assert result.exit_code == 1
    assert result.stderr == (
        'Error: 0001_other.sql of package other, line 2, column 8: column "nothing" does not exist (statement 2)\n'
        "  Correct the name, with its schema, as in shop.orders, or create it in an earlier statement or file\n"
    )


def test_superuser_is_refused(project: Path, admin_url: str) -> None:
    result = call("db", "migrate", url=admin_url)

    assert result.exit_code == 1
    assert result.stderr.startswith("Error: postgres is a superuser or has BYPASSRLS, and")


def test_broken_project_is_reported(project: Path, url: str) -> None:
    (project / "pyproject.toml").write_text("[tool.org-common]\nmigration = []")

    result = call("db", "status", url=url)

    assert result.exit_code == 1
    assert "did you mean migrations?" in result.stderr


def test_missing_url_names_its_variable(project: Path) -> None:
    result = call("db", "migrate")

    assert result.exit_code == 2
    assert "ORG_COMMON_MIGRATOR_URL" in result.stderr


@pytest.mark.parametrize(
    "address",
    ["postgresql://app_migrator:{}@127.0.0.1:1/x", "postgresql://app_migrator:a/{}@127.0.0.1:1/x"],
)
@pytest.mark.parametrize("command", ["migrate", "status", "bootstrap"])
def test_connection_error_does_not_show_the_password(project: Path, command: str, address: str) -> None:
    secret = address.format(PASSWORD)

    result = call("db", command, url=secret, DATABASE_URL=secret)

    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert PASSWORD not in result.output


def test_bootstrap_takes_the_password_from_the_environment(project: Path, admin_url: str, url: str) -> None:
    variables = {"DATABASE_URL": admin_url, "APP_MIGRATOR_PASSWORD": "changed-secret"}

    result = call("db", "bootstrap", "--own", **variables)

    assert (result.exit_code, result.output) == (0, "app_migrator is ready\n")
    with psycopg.connect(url.replace(PASSWORD, "changed-secret")) as conn:
        revoke = sql.SQL("revoke temporary on database {} from public")
        conn.execute(revoke.format(sql.Identifier(conn.info.dbname)))
        public = conn.execute("select has_database_privilege('public', current_database(), 'temp')")
        assert public.fetchone() == (False,)


def test_bootstrap_asks_for_the_password(project: Path, admin_url: str, url: str) -> None:
    result = CliRunner().invoke(
        main,
        ["db", "bootstrap", "--admin-url", admin_url, "--ask-password"],
        input="typed-secret\ntyped-secret\n",
    )

    assert result.exit_code == 0
    assert "typed-secret" not in result.output
    psycopg.connect(url.replace(PASSWORD, "typed-secret")).close()
