import psycopg
import pytest

from org_common.tools.project.project import ToolError
from org_common.tools.prove.database import transaction

pytestmark = pytest.mark.db


def test_transaction_is_rolled_back(shop_url: str) -> None:
    with transaction(shop_url) as conn:
        conn.execute("create table shop.left_over ()")

    with psycopg.connect(shop_url) as conn:
        row = conn.execute("select to_regclass('shop.left_over')").fetchone()
    assert row == (None,)


def test_role_without_bypassrls_is_refused(shop_url: str) -> None:
    with psycopg.connect(shop_url, autocommit=True) as admin:
        admin.execute("drop role if exists prove_plain")
        admin.execute("create role prove_plain login password 'x'")
    url = shop_url.partition("//")[0] + "//prove_plain:x@" + shop_url.rpartition("@")[2]

    with pytest.raises(ToolError, match="prove_plain does not bypass row-level security"), transaction(url):
        pass
