"""Types, nulls and values are compared in test_check.py."""

import pytest

from org_common.tools.check.columns import has_star, spelled


@pytest.mark.parametrize(
    "sql",
    [
        "select * from shop.orders",
        "select o.* from shop.orders o",
        "select distinct * from shop.orders",
        "select id, o.* from shop.orders o",
        "delete from shop.orders returning *",
        "with x as (select id from shop.orders) select * from x",
    ],
)
def test_star_is_found(sql: str) -> None:
    assert has_star(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "select count(*) from shop.orders",
        "select count * 2 from shop.orders",
        "select 2 * 3",
        "with x as (delete from shop.orders returning *) select id from x",
        "select id from (select * from shop.orders) x",
        "select '*' -- *",
    ],
)
def test_other_asterisks_are_none(sql: str) -> None:
    assert not has_star(sql)


def test_annotation_is_shown_as_code() -> None:
    assert (spelled(int), spelled(int | None)) == ("int", "int | None")
