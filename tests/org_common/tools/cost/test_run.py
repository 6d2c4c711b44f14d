from collections.abc import Callable

import psycopg
import pytest

from org_common.tools.cost.run import run
from org_common.tools.project.project import ToolError
from org_common.tools.prove.declaration import Declaration

pytestmark = pytest.mark.db


def test_database_with_tenants_is_refused(shop: psycopg.Connection, declared: Callable[..., Declaration]) -> None:
    shop.execute("insert into shop.teams (name) values ('Acme')")

    with pytest.raises(ToolError, match=r"^shop\.teams has rows: use a database that is migrated and empty"):
        run(shop, declared(), 1_000)


def test_superuser_is_required(shop: psycopg.Connection, declared: Callable[..., Declaration]) -> None:
    shop.execute("create role filler bypassrls; set local role filler")

    with pytest.raises(ToolError, match=r"is not a superuser, so it cannot switch off triggers"):
        run(shop, declared(), 1_000)
