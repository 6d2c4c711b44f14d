from collections.abc import Iterator
from random import Random

import psycopg
import pytest

from org_common.tools.check.planner import Described, Planner, open_planner
from org_common.tools.check.tree.nullable import nullability
from org_common.tools.database.local import LocalDatabase
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


# --- compared with rows ------------------------------------------------------------------------

ROWS = """
create schema rows;
create table rows.l (n int not null, x text, y text not null);
create table rows.r (n int not null, z text, w text not null);
insert into rows.l values (1, 'x1', 'y1'), (2, null, 'y2'), (3, 'x1', 'y1'), (4, null, 'y4');
insert into rows.r values (1, 'z1', 'w1'), (1, null, 'w2'), (2, 'z1', 'w2'), (5, null, 'w1'), (6, 'z6', 'w6');
create view rows.v as select l.n, l.y, r.w from rows.l left join rows.r on r.n = l.n;
grant usage on schema rows to authenticated;
"""
EXPRESSIONS = [
    *("l.x", "l.y", "r.z", "r.w", "s.w", "v.y", "v.w", "upper(r.w)", "l.y || r.z", "coalesce(r.z, l.y)"),
    *("coalesce(r.z, l.x)", "case when l.n > 1 then r.w else l.y end", "case when l.n > 1 then l.y end"),
    *("(select max(t.w) from rows.r t where t.n = l.n)", "(select t.w from rows.r t where t.n = l.n limit 1)"),
    *("(select count(*) from rows.r t where t.n = l.n)::text", "array(select t.z from rows.r t)::text", "l.x::varchar"),
]
CONDITIONS = [
    *("true", "r.n = l.n", "r.w = 'w1'", "r.z is not null", "l.x = 'x1'", "not (r.z = 'z1')", "r.w in ('w1', 'w2')"),
    *("r.n > 1 or l.n > 1", "s.n = r.n", "v.w is not null", "lower(s.z) = 'z1'", "l.n in (select t.n from rows.r t)"),
    *("r.z is null", "coalesce(r.z, 'z1') = 'z1'", "l.n > 1 and r.n < 6"),
]
JOINS = ["join", "left join", "right join", "full join"]


@pytest.fixture
def rows(shop: LocalDatabase) -> Iterator[psycopg.Connection]:
    with psycopg.connect(shop.admin_url, autocommit=True) as conn:
        conn.execute(ROWS)
        yield conn
        conn.execute("drop schema rows cascade")


@pytest.fixture
def later_planner(shop: LocalDatabase, rows: psycopg.Connection) -> Iterator[Planner]:
    """A planner that has read the catalog with these tables in it."""
    with open_planner(shop.admin_url) as planner:
        yield planner


def random_query(random: Random) -> str:
    """Four tables, joined in any way and order, with any condition."""
    first, second, third = (random.choice(JOINS) for _ in range(3))
    tables = f"rows.l {first} rows.r on r.n = l.n"
    if random.random() < 0.5:
        tables = f"({tables})"
    # A full join needs a condition that can be merged.
    on = "s.n = r.n" if second == "full join" else random.choice(["s.n = r.n", "s.n = r.n and s.w <> 'w2'"])
    tables = f"{tables} {second} rows.r s on {on} {third} rows.v on v.n = l.n"
    chosen = ", ".join(random.sample(EXPRESSIONS, 6))
    query = f"select {chosen} from {tables} where {random.choice(CONDITIONS)} and {random.choice(CONDITIONS)}"
    return random.choice([query, f"select * from ({query}) q(a, b, c, d, e, f)", f"{query} union all {query}"])


def test_column_with_null_in_a_row_is_known(later_planner: Planner, rows: psycopg.Connection) -> None:
    random = Random(18)  # the same queries in each run
    with_null = 0
    for _ in range(300):
        sql = random_query(random)
        with later_planner.transaction("authenticated"):
            described = later_planner.describe(sql.encode(), [], tree=True)
        assert isinstance(described, Described), described
        assert described.query is not None
        verdicts = [nullability(described.query, at).is_null for at in range(6)]
        for row in rows.execute(sql):
            for verdict, value in zip(verdicts, row, strict=True):
                with_null += value is None
                assert value is not None or verdict is True, (verdicts, row, sql)
    assert with_null > 1000


def test_views_of_the_catalog_are_understood(describe: Describe, rows: psycopg.Connection) -> None:
    """Every view of PostgreSQL's own, with each construct that its authors use."""
    names = [
        name
        for (name,) in rows.execute(
            "select oid::regclass::text from pg_class where relkind = 'v' and relnamespace = 'pg_catalog'::regnamespace"
        ).fetchall()
    ]
    for name in names:
        described = describe(f"select * from pg_catalog.{name.removeprefix('pg_catalog.')}")
        assert described.query is not None
        for at in range(described.result.nfields):
            nullability(described.query, at)
    assert len(names) > 50
