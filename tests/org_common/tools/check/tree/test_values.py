import pytest

from org_common.tools.check.tree.values import values
from tests.org_common.tools.check.tree.conftest import Describe

pytestmark = pytest.mark.db


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select size from shop.orders", {"small", "large"}),
        ("select size::text from shop.orders", {"small", "large"}),
        ("select status from shop.orders", {"open", "paid", "sent"}),
        ("select color from shop.orders", {"red", "blue"}),
        ("select x.status from (select status from shop.orders) x", {"open", "paid", "sent"}),
        ("with x as (select status from shop.orders) select status from x", {"open", "paid", "sent"}),
        ("select case when count = 1 then 'one' else status end from shop.orders", {"one", "open", "paid", "sent"}),
        ("select coalesce(status, 'none') from shop.orders", {"none", "open", "paid", "sent"}),
        ("select 'a' union select size::text from shop.orders", {"a", "small", "large"}),
        ("select 'small'::shop.size", {"small"}),
        ("select status from shop.orders group by status", {"open", "paid", "sent"}),
        ("select f.size from shop.first_order() f", {"small", "large"}),
        ("select title from shop.orders", None),
        ("select upper(status) from shop.orders", None),
        # The condition leaves out some of them.
        ("select status from shop.orders where status = 'open'", None),
        ("select status from shop.orders where status in ('open', 'paid')", None),
        ("select status from shop.orders where status <> $1", None),
    ],
)
def test_values_of_a_column(describe: Describe, sql: str, expected: set[str] | None) -> None:
    query = describe(sql).query
    assert query is not None

    assert values(query, 0) == expected
