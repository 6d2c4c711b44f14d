"""The fixtures as another project meets them. Folders lie in /tmp: pytest's own is closed to root's helpers."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from cora_modules import demo
from org_common import TOKEN, App, Model, Reader, reader, service_transaction, transaction
from org_common.testing.client import ISSUER, Client, Person
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


FAILING = """
from org_common import TOKEN, App, Database, Reader, service_transaction
from org_common.testing import Client, Person

app = App("shop")


@app.get("/notes", allow=TOKEN)
def notes(db: Reader) -> dict[str, str]:
    return {"body": db.value("select n.boddy from app.notes n where n.body = %(q)s", {"q": "swordfish"})}


def test_request(database):
    app.use(Database(database.settings))
    assert Client(app, person=Person("alice")).get("/notes").status == 200


def test_statement(database, monkeypatch):
    monkeypatch.setenv("ORG_COMMON_SERVICE_DATABASE_URL", database.service_url)
    with service_transaction(reason="test") as tx:
        tx.run("insert into app.notes (body)\\nvalues (%(q)s, %(q)s)", {"q": "swordfish"}, rows=1)


def test_other():
    raise ValueError("mine")
"""


def test_sql_error_is_reported_with_its_sentence_and_the_sql(shop: Path) -> None:
    (shop / "test_shop.py").write_text(FAILING)

    answer = run_tests(shop)

    told = answer.stdout
    assert "3 failed" in told, told
    assert "GET /notes responded with 500\napp.find_user(token_issuer, token_subject) is not defined" in told
    [summary] = [line for line in told.splitlines() if line.startswith("FAILED") and "test_statement" in line]
    assert summary.startswith("FAILED test_shop.py::test_statement - INSERT has more")
    assert "(SQLSTATE 42601)\n    values (%(q)s, %(q)s)\n                   ^\n" in told
    section = told[told.index("_ test_statement _") : told.index("_ test_other _")]
    assert "server_transaction.py" not in section
    assert "ValueError: mine" in told


def test_extensions_of_the_project_are_in_the_databases(shop: Path) -> None:
    (shop / "pyproject.toml").write_text(PROJECT.replace("[tool.pytest]", 'extensions = ["vector"]\n[tool.pytest]'))
    with (shop / "shop" / "migrations" / "0001_notes.sql").open("a") as file:
        file.write("alter table app.notes add column place vector(2);")

    result = run_tests(shop)

    assert result.returncode == 0, result.stdout


# --- databases of the environment ---------------------------------------------------------------


@pytest.mark.parametrize("number", [1, 2])
def test_each_test_has_its_own_database_of_the_environment(
    database: LocalDatabase, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setenv("ORG_COMMON_SERVICE_DATABASE_URL", database.service_url)
    monkeypatch.setenv("ORG_COMMON_ALLOW_PLAIN_SECRETS", "1")

    with service_transaction(reason="test") as tx:
        assert tx.value("select current_database()::text") == database.name


def test_served_database_is_used_where_none_is_named(database: LocalDatabase) -> None:
    demo.seed(database.admin_url, ISSUER)

    with database.serve():
        with service_transaction(reason="test") as tx:
            assert tx.value("select current_database()::text || ' ' || current_user") == f"{database.name} app_service"
        with reader(Person("local|alice").identity()) as db:
            assert db.value("select current_database()::text") == database.name
        with transaction(Person("local|alice").identity()) as own:
            assert own.value("select current_database()::text") == database.name


def test_table_without_row_level_security_is_a_warning(shop: Path) -> None:
    (shop / "shop" / "migrations" / "0001_notes.sql").write_text(
        "create schema shop;\ngrant usage on schema shop to authenticated;\ncreate table shop.open (body text);\n"
        "grant select on shop.open to authenticated;\ncreate table shop.closed (body text);\n"
        "alter table shop.closed enable row level security, force row level security;\n"
        "grant select on shop.closed to authenticated;\n" + MIGRATION
    )

    answer = run_tests(shop)

    assert "3 passed, 2 warnings" in answer.stdout, answer.stdout
    said = " ".join(answer.stdout.split())
    assert "authenticated has rights on shop.open without row-level security: alter table shop.open enable" in said
    assert "authenticated has select on shop.closed, but no policy for it, so it sees no rows" in said


class Served(Model):
    name: str


served = App("served")


@served.get("/database", allow=TOKEN)
def get_database(db: Reader) -> Served:
    return db.one(Served, "select current_database()::text as name")


@pytest.mark.parametrize("number", [1, 2])
def test_client_s_app_uses_the_database_of_the_test(
    client: Callable[..., Client], database: LocalDatabase, number: int
) -> None:
    alice, bob = client(served, person="alice"), client(served, person="bob")

    assert alice.get("/database").json() == bob.get("/database").json() == {"name": database.name}
    assert client(served).get("/database").status == 401
