"""The schema of docs/guides/isolation.md with many rows: 5 for each of 1,000 tenants."""

from collections.abc import Callable

import psycopg
import pytest

from org_common.tools.cost.report import Report
from org_common.tools.cost.run import run
from org_common.tools.prove.declaration import Declaration
from tests.org_common.tools.prove.conftest import declared, shop, shop_url

__all__ = ["declared", "shop", "shop_url"]
ROWS, PER_TENANT = 5_000, 5
Measured = Callable[..., Report]


@pytest.fixture
def measured(shop: psycopg.Connection, declared: Callable[..., Declaration]) -> Measured:
    """Measures the schema of the page after some SQL, with more entries."""

    def measure_after(change: str = "", *more: str) -> Report:
        if change:
            shop.execute(change.encode())
        return run(shop, declared(*more), ROWS, per_tenant=PER_TENANT)

    return measure_after
