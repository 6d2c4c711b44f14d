import json
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result

from org_common.tools.cli import main
from tests.org_common.tools.commands.database.test_prove import file, shop_url
from tests.org_common.tools.cost.test_measure import FAST, SLOW

pytestmark = pytest.mark.db
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
