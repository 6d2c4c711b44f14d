import json
import sys
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result

from org_common.tools.cli import main
from tests.org_common.tools.commands.database.test_prove import file, shop_url
from tests.org_common.tools.cost.test_measure import FAST, SLOW

pytestmark = pytest.mark.db
CODE = """
from org_common import SIGNED_IN, App, Reader

app = App("shop")
COUNT = "select count(*) from shop.orders"

@app.get("/orders", allow=SIGNED_IN)
def count_orders(db: Reader) -> int:
    return db.value(COUNT)
"""
__all__ = ["file", "shop_url"]


def run(url: str, file: Path, *arguments: str) -> Result:
    command = ["db", "cost", "--url", url, "--declaration", str(file), "--rows", "10000", *arguments]
    return CliRunner().invoke(main, command, catch_exceptions=False)


def test_fast_policies(shop_url: str, file: Path) -> None:
    result = run(shop_url, file, "--json")

    assert result.exit_code == 0
    assert json.loads(result.stdout)["passed"] is True
    assert result.stderr.splitlines() == ["5 of 5 tables filled", "4 of 4 tables measured"]  # progress
    with psycopg.connect(shop_url) as conn:
        assert conn.execute("select from shop.teams").fetchall() == []  # rolled back


def test_slow_policy_exits_with_1(shop_url: str, file: Path) -> None:
    with psycopg.connect(shop_url, autocommit=True) as conn:
        conn.execute(SLOW)
        result = run(shop_url, file)
        conn.execute(FAST)

    assert result.exit_code == 1
    assert "SLOW  shop.orders: policy " in result.stdout


def test_statements_of_the_project_are_measured(
    shop_url: str, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "project" / "migrations"
    folder.mkdir(parents=True)
    (folder / "0001_none.sql").write_text("select 1;")
    (folder / "isolation.toml").write_text(file.read_text("utf-8"), "utf-8")
    project = '[tool.org-common]\napps = ["cost_of_shop:app"]\nmigrations = ["cost_of_shop=migrations"]\n'
    (folder.parent / "pyproject.toml").write_text(project)
    (folder.parent / "cost_of_shop.py").write_text(CODE)
    monkeypatch.chdir(folder.parent)
    monkeypatch.setattr(sys, "path", [*sys.path])
    result = CliRunner().invoke(main, ["db", "cost", "--url", shop_url, "--rows", "10000"], catch_exceptions=False)

    assert result.exit_code == 0
    assert "1 of 1 statements measured" in result.stderr
    assert "COUNT" in result.stdout
    assert result.stdout.splitlines()[-1].startswith("1 statements measured, 0 slow; 0 others are above 3 times")
