import pytest

from org_common.tools.check.tree.query import Query, base_column
from tests.org_common.tools.check.tree.conftest import Describe

pytestmark = pytest.mark.db


def query_of(describe: Describe, sql: str) -> Query:
    query = describe(sql).query
    assert query is not None
    return query


@pytest.mark.parametrize(
    ("sql", "writes"),
    [
        ("select id from shop.orders", False),
        ("delete from shop.orders", True),
        ("with gone as (delete from shop.orders returning id) select id from gone", True),
    ],
)
def test_query_knows_whether_it_writes(describe: Describe, sql: str, writes: bool) -> None:
    assert query_of(describe, sql).writes is writes


def test_outputs_are_those_of_select_or_returning(describe: Describe) -> None:
    assert len(query_of(describe, "select id, title from shop.orders order by count").outputs) == 2
    assert len(query_of(describe, "update shop.orders set title = '' returning id").outputs) == 1


@pytest.mark.parametrize(
    ("sql", "column"),
    [
        ("select id from shop.orders", "id"),
        ("select x.title from (select title from shop.orders) x", "title"),
        ("with x as (select title from shop.orders) select title from x", "title"),
        ("select title from shop.overview", "title"),
        ("select upper(title) from shop.orders", None),
        ("select b.name from shop.orders o left join shop.buyers b on true", None),
        ("select title from shop.orders union select title from shop.orders", None),
    ],
)
def test_column_is_traced_to_its_table(describe: Describe, sql: str, column: str | None) -> None:
    query = query_of(describe, sql)

    found = base_column(query, 0)

    assert (None if found is None else query.catalog.columns[found[2]].name) == column
