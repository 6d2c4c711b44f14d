"""The fixtures as another project meets them. Folders lie in /tmp: pytest's own is closed to root's helpers."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from org_common.tools.database.local import LocalDatabase
from org_common.tools.database.postgres import EmbeddedPostgres
from org_common.values.secret import Secret

pytestmark = pytest.mark.db

PROJECT = '[tool.org-common]\nmigrations = ["shop"]\n[tool.pytest]\naddopts = ["-q", "-p", "no:cacheprovider"]\n'
MIGRATION = "create table app.notes (body text);\ngrant select, insert on app.notes to app_service;\n"
TESTS = """
import psycopg


def test_one(database):
    with psycopg.connect(database.service_url) as conn:
        conn.execute("insert into app.notes values ('mine')")


def test_two(database):
    with psycopg.connect(database.service_url) as conn:
        assert conn.execute("select count(*) from app.notes").fetchone() == (0,)


def test_three(postgres, database_template):
    with psycopg.connect(postgres) as conn:
        names = {name for (name,) in conn.execute("select datname from pg_database")}
    assert database_template.name in names
    assert not any(name.startswith("test_") for name in names)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="test-plugin-"))
    folder.chmod(0o755)
    (folder / "tmp").mkdir()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def shop(folder: Path) -> Path:
    (folder / "shop" / "shop" / "migrations").mkdir(parents=True)
    (folder / "shop" / "shop" / "__init__.py").touch()
    (folder / "shop" / "shop" / "migrations" / "0001_notes.sql").write_text(MIGRATION)
    (folder / "shop" / "pyproject.toml").write_text(PROJECT)
    (folder / "shop" / "test_shop.py").write_text(TESTS)
    return folder / "shop"


def run_tests(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return subprocess.run(
        [sys.executable, "-m", "pytest", *arguments],
        cwd=project,
        env={**inherited, "TMPDIR": str(project.parent / "tmp")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def databases(server: EmbeddedPostgres) -> list[str]:
    with psycopg.connect(server.url) as conn:
        return [name for (name,) in conn.execute("select datname from pg_database order by 1")]


def test_each_test_gets_a_database_and_the_server_goes_with_the_session(shop: Path, folder: Path) -> None:
    answer = run_tests(shop)

    assert "3 passed" in answer.stdout, answer.stdout
    assert list((folder / "tmp").glob("org-common-*")) == []


def test_given_server_is_used_and_left_as_it_was(shop: Path, folder: Path) -> None:
    with EmbeddedPostgres.start(durable=False) as given:
        before = databases(given)

        answer = run_tests(shop, "--database-url", given.url)

        assert "3 passed" in answer.stdout, answer.stdout
        assert databases(given) == before
        assert list((folder / "tmp").glob("org-common-*")) == []


def test_project_without_our_table_is_reported(shop: Path) -> None:
    (shop / "pyproject.toml").write_text("[tool.pytest]\n")

    answer = run_tests(shop, "-k", "test_one")

    assert answer.returncode == 1
    assert "has no table [tool.org-common]" in answer.stdout


@pytest.mark.parametrize("url", ["postgres//u:s3cret@h/x", "postgresql://u:s3cret@127.0.0.1:1/x"])
def test_unusable_server_is_reported_once(shop: Path, url: str) -> None:
    answer = run_tests(shop, "--database-url", url)

    assert answer.returncode == 1
    assert answer.stdout.count("--database-url, or DATABASE_URL: ") == 1, answer.stdout
    assert "s3cret" not in answer.stdout + answer.stderr
    assert "Traceback" not in answer.stdout


def test_plugin_costs_nothing_until_a_fixture_is_asked_for() -> None:
    program = (
        "import sys, org_common.testing.plugin; print({'psycopg', 'pydantic', 'jwt', 'uvicorn'} & sys.modules.keys())"
    )

    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert answer.stdout == "set()\n"


def test_database_is_migrated_and_empty(database: LocalDatabase) -> None:
    with psycopg.connect(database.admin_url) as conn:
        row = conn.execute("select (select count(*) from app.migrations) > 4, count(*) from access.users").fetchone()

    assert row == (True, 0)


def test_database_is_not_the_template(database: LocalDatabase, database_template: LocalDatabase) -> None:
    assert database.name != database_template.name
    assert database.settings.database_url == Secret(database.login_url)


def test_extensions_of_the_project_are_in_the_databases(shop: Path) -> None:
    (shop / "pyproject.toml").write_text(PROJECT.replace("[tool.pytest]", 'extensions = ["vector"]\n[tool.pytest]'))
    with (shop / "shop" / "migrations" / "0001_notes.sql").open("a") as file:
        file.write("alter table app.notes add column place vector(2);")

    result = run_tests(shop)

    assert result.returncode == 0, result.stdout
