import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from org_common.tools.cli import main
from tests.org_common.tools.prove.conftest import block, shop_url

pytestmark = pytest.mark.db
__all__ = ["shop_url"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "isolation.toml"
    file.write_text(block("isolation.toml") + block("draft").partition("[functions]")[0] + block("functions"), "utf-8")
    return file


def run(url: str, file: Path, *arguments: str) -> Result:
    command = ["db", "prove", "--url", url, "--declaration", str(file), *arguments]
    return CliRunner().invoke(main, command, catch_exceptions=False)


def test_text_and_page(shop_url: str, file: Path) -> None:
    result = run(shop_url, file, "--html", str(file.with_suffix(".html")))

    assert result.exit_code == 0
    assert "shop.orders       siud   s       -         -" in result.stdout
    assert "as declared, 0 not; " in result.stdout
    assert result.stderr.rstrip().endswith("cells")  # progress
    assert "<h1>Proof of isolation</h1>" in file.with_suffix(".html").read_text("utf-8")


def test_json(shop_url: str, file: Path) -> None:
    found = json.loads(run(shop_url, file, "--json").stdout)

    assert found["passed"] is True
    assert found["foreign"]["leaks"] == 0


def test_leak_exits_with_1_and_prints_sql(shop_url: str, file: Path) -> None:
    file.write_text(file.read_text("utf-8").replace('viewer = "select"', "", 1), "utf-8")
    result = run(shop_url, file)

    assert result.exit_code == 1
    assert "LEAK OR ERROR  shop.members: select by viewer of a: sees 2 rows instead of 0" in result.stdout
    assert '    set local role "authenticated";' in result.stdout


def test_draft(shop_url: str, file: Path) -> None:
    file.write_text(block("isolation.toml"), "utf-8")

    assert "[tables.shop.orders]" in run(shop_url, file, "--draft").stdout


def test_missing_entry_is_one_line(shop_url: str, file: Path) -> None:
    file.write_text(block("isolation.toml"), "utf-8")
    result = run(shop_url, file)

    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: table shop.members has no entry in {file}: add one, such as\n")
