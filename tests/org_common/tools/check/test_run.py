"""`org-common db check` as its user runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from org_common.tools.database.local import LocalDatabase
from tests.org_common.tools.check.conftest import HEADER, Shop

pytestmark = pytest.mark.db
ROOT = Path(__file__).parents[4]
COMMAND = str(Path(sys.executable).with_name("org-common"))
BROKEN = """
@app.get("/orders", allow=SIGNED_IN)
def count(db: Reader) -> int:
    return db.value("select count(*) from shop.order")
"""


def run(folder: Path, *options: str, url: str = "") -> subprocess.CompletedProcess[str]:
    env = {**os.environ, **({"ORG_COMMON_CHECK_URL": url} if url else {})}
    return subprocess.run(
        [COMMAND, "db", "check", *options], cwd=folder, env=env, capture_output=True, text=True, check=False
    )


def test_this_repository_has_no_findings(database: LocalDatabase) -> None:
    """All modules, in CI. The SQL of each call is known: none is computed at run time."""
    done = run(ROOT, url=database.admin_url)

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("none executed: no findings\n")
    assert "not checked" not in done.stdout


def test_finding_is_printed_and_fails(code: Shop, shop: LocalDatabase) -> None:
    code.project(BROKEN)

    done = run(code.folder, url=shop.admin_url)
    as_json = run(code.folder, "--json", url=shop.admin_url)

    line = len((HEADER + BROKEN).splitlines())
    assert (done.returncode, as_json.returncode) == (1, 1)
    assert done.stdout.startswith(f'{code.file.name}:{line}: sql.unknown: relation "shop.order" does not exist\n')
    assert json.loads(as_json.stdout)["findings"][0]["line"] == line
    assert done.stderr == "1 of 1 calls\n"


def test_statements_of_a_role_out_of_reach_are_named(code: Shop, shop: LocalDatabase) -> None:
    code.project("""
@app.schedule("rate(1 day)", allow=AsService("purge"))
def nightly(tx: Transaction) -> None:
    tx.value("select 1")
""")

    done = run(code.folder, url=shop.login_url)

    assert "not checked: statements of app_service, which the login of --url is not a member of\n" in done.stdout
    assert done.returncode == 0


def test_database_is_made_and_migrated_without_a_url(code: Shop) -> None:
    migrations = code.folder / "migrations"
    migrations.mkdir()
    (migrations / "0001_shop.sql").write_text("create schema shop; grant usage on schema shop to authenticated;\n")
    code.project(BROKEN)
    with (code.folder / "pyproject.toml").open("a") as file:
        file.write('migrations = ["shop=migrations"]\n')

    done = run(code.folder)

    assert 'relation "shop.order" does not exist' in done.stdout
    assert done.stderr.splitlines() == ["Starting PostgreSQL, applying migrations …", "1 of 1 calls"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "no pyproject.toml in"),
        ({"pyproject.toml": "[tool.org-common]\n"}, "no apps: list them in pyproject.toml"),
        ({"pyproject.toml": '[tool.org-common]\napps = ["lost:app"]\n'}, "lost:app"),
        (
            {"pyproject.toml": '[tool.org-common]\napps = ["bad:app"]\n', "bad.py": "1 / 0\n"},
            "bad.py:1: ZeroDivisionError",
        ),
        (
            {
                "pyproject.toml": '[tool.org-common]\napps = ["ok:app"]\nmigrations = ["shop=sql"]\n',
                "ok.py": "from org_common import App\napp = App('ok')\n",
                "sql/0001_bad.sql": "create tabel x ();\n",
            },
            "0001_bad.sql of package shop, line 1",
        ),
    ],
)
def test_error_of_the_project_is_one_message(tmp_path: Path, files: dict[str, str], message: str) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)

    done = run(tmp_path)

    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_url_that_is_not_reachable_is_one_message(code: Shop) -> None:
    code.project(BROKEN)

    done = run(code.folder, url="postgresql://postgres@127.0.0.1:1/none")

    assert done.returncode == 1
    assert done.stderr.startswith("Error: ORG_COMMON_CHECK_URL: cannot connect as postgres")
