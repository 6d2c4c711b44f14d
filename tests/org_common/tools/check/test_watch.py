import pytest

from org_common.tools.check import watch
from org_common.tools.database.local import LocalDatabase
from org_common.tools.project.project import ToolError
from tests.org_common.tools.check.conftest import Shop

pytestmark = pytest.mark.db
CODE = """
@app.get("/orders", allow=SIGNED_IN)
def count(db: Reader) -> int:
    return db.value("select count(*) from shop.orders")
"""


def test_each_round_checks_the_changed_code(
    code: Shop, shop: LocalDatabase, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    code.project(CODE)
    monkeypatch.chdir(code.folder)
    asked: list[bool] = []

    def database(new: bool) -> str:
        asked.append(new)
        return shop.admin_url

    codes = [watch.check_once(database, [], set(), print)]
    code.file.write_text(code.file.read_text().replace("shop.orders", "shop.lost"))
    codes.append(watch.check_once(database, [], {str(code.file)}, print))
    codes.append(watch.check_once(database, [], {"migrations/0002_more.sql"}, print))

    assert codes == [0, 1, 1]
    # A new database at first, and when a migration has changed.
    assert asked == [True, False, True]
    output = capfd.readouterr().out
    assert "no findings" in output
    assert 'relation "shop.lost" does not exist' in output
    assert output.count("Waiting for changes") == 3


def test_broken_migration_waits_for_its_fix() -> None:
    said: list[str] = []

    def database(new: bool) -> str:
        raise ToolError("0002_more.sql, line 1: syntax error")

    assert watch.check_once(database, [], set(), said.append) is None
    assert said == ["Error: 0002_more.sql, line 1: syntax error"]
