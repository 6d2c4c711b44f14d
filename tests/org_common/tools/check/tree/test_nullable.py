import pytest

from org_common.tools.check.tree.nullable import nullability
from tests.org_common.tools.check.tree.conftest import Describe

pytestmark = pytest.mark.db
ORDERS = "shop.orders o"
LEFT = f"{ORDERS} left join shop.buyers b on b.order_id = o.id"


@pytest.mark.parametrize(
    "sql",
    [
        f"select o.note from {ORDERS}",
        f"select b.name from {LEFT}",
        f"select b.name from {LEFT} where o.count = 1",
        f"select o.title from {ORDERS} join shop.secrets s on true right join shop.codes c on true",
        f"select o.title from {ORDERS} full join shop.buyers b on b.order_id = o.id",
        "select title from shop.overview full join shop.codes on true",
        "select buyer from shop.overview",
        f"select x.n from (select b.name as n from {LEFT}) x",
        f"with x as (select o.note from {ORDERS}) select note from x",
        f"select o.title from {ORDERS} union all select o.note from {ORDERS}",
        f"select upper(o.note) from {ORDERS}",
        f"select o.title || o.note from {ORDERS}",
        f"select o.note::varchar from {ORDERS}",
        f"select max(o.title) from {ORDERS}",
        f"select max(o.note) from {ORDERS} group by o.id",
        f"select sum(o.count) filter (where o.count > 1) from {ORDERS} group by o.id",
        f"select case when o.count = 1 then 'one' end from {ORDERS}",
        f"select case when o.count = 1 then 'one' else o.note end from {ORDERS}",
        f"select (select b.name from shop.buyers b where b.order_id = o.id) from {ORDERS}",
        f"select o.details ->> 'key' from {ORDERS}",
        f"select nullif(o.title, '') from {ORDERS}",
        f"select coalesce(o.note, null) from {ORDERS}",
        "select null::text",
        "select v.a from (values ('x'), (null)) as v(a)",
        "insert into shop.codes (code) values ('x') returning maybe",
        "update shop.orders set title = '' returning note",
        "select f.note from shop.first_order() f",
        "select maybe from shop.codes",
        f"select o.note from {ORDERS} group by o.note",
        f"select b.name from {LEFT} group by b.name",
        f"select lag(o.title) over (order by o.id) from {ORDERS} union select null",
    ],
)
def test_column_that_can_be_null(describe: Describe, sql: str) -> None:
    described = describe(sql)
    assert described.query is not None

    verdict = nullability(described.query, 0)

    assert verdict.is_null is True
    assert verdict.why


@pytest.mark.parametrize(
    "sql",
    [
        f"select o.title from {ORDERS}",
        f"select o.id from {LEFT}",
        f"select b.name from {ORDERS} join shop.buyers b on b.order_id = o.id",
        f"select b.name from {LEFT} where b.name = 'x'",
        f"select b.name from {LEFT} where b.order_id is not null",
        f"select b.name from {LEFT} where lower(b.name) like 'x%%'",
        f"select b.name from {LEFT} where b.order_id in (select id from shop.secrets)",
        f"select b.name from {LEFT} where b.name = any (array['x'])",
        f"select b.name from {LEFT} join shop.secrets s on s.id = b.order_id",
        f"select o.note from {ORDERS} where o.note is not null",
        f"select o.note from {ORDERS} where not (o.note = 'x')",
        f"select x.note from (select o.note from {ORDERS}) x where x.note > ''",
        "select buyer from shop.overview where buyer is not null",
        "select code from shop.codes",
        f"select count(*) from {ORDERS}",
        f"select max(o.title) from {ORDERS} group by o.id",
        f"select array(select o.note from {ORDERS})",
        f"select exists (select from {ORDERS})",
        f"select coalesce(o.note, '') from {ORDERS}",
        f"select coalesce(max(o.title), '') from {ORDERS}",
        f"select case when o.count = 1 then 'one' else o.title end from {ORDERS}",
        f"select o.note is null from {ORDERS}",
        f"select (select count(*) from {ORDERS})",
        "select 'x'::text",
        "select now()",
        "select row_number() over () from shop.orders",
        f"select array_agg(o.note) from {ORDERS} group by o.id",
        "insert into shop.codes (code) values ('x') returning code",
        f"with x as (select o.title from {ORDERS}) select title from x",
        f"select o.title from {ORDERS} union select o.title from {ORDERS}",
        f"select o.title from {ORDERS} group by o.title",
        f"select upper(o.title) from {ORDERS}",
    ],
)
def test_column_without_null_is_not_reported(describe: Describe, sql: str) -> None:
    described = describe(sql)
    assert described.query is not None

    assert nullability(described.query, 0).is_null is not True
