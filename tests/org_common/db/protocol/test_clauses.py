"""The clauses at the end of a SELECT, told from those in subqueries, windows, strings and comments."""

import pytest

from org_common.db.protocol.clauses import outer_clauses


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        ("select id from t limit 3", ["LIMIT"]),
        ("select id from t LIMIT %(limit)s", ["LIMIT"]),
        ("select id from t limit all", ["LIMIT"]),
        ("select id from t offset 3 rows", ["OFFSET"]),
        ("select id from t fetch first row only", ["FETCH"]),
        ("select id from t order\n by id", ["ORDER BY"]),
        ("select id from t order by id limit 3 offset 2", ["ORDER BY", "LIMIT", "OFFSET"]),
        ("select id from t order by array_agg(x order by x)", ["ORDER BY"]),
        ("select 'it''s' from t limit 3", ["LIMIT"]),
        ("select $$ $ $$ from t limit 3", ["LIMIT"]),
        (r"select '\' from t limit 3", ["LIMIT"]),
        (r"select E'\\\\' from t limit 3", ["LIMIT"]),
        ("select id from t -- all\nlimit 3", ["LIMIT"]),
        ("select id from t -- all\rlimit 3", ["LIMIT"]),
        ("select id from t /* /* all */ */ limit 3", ["LIMIT"]),
        ("select id from t where a = 1limit 3", ["LIMIT"]),
        ("(select id from t limit 3)", ["LIMIT"]),
        (" ( (select id from t order by id limit 3) ) -- all", ["ORDER BY", "LIMIT"]),
        ("with x as (select 1) select * from x limit 3", ["LIMIT"]),
        ("with x as (select 1) (select * from x limit 3)", ["LIMIT"]),
        ("with x as (select 1), y (a, b) as (select 2) (select * from x limit 3)", ["LIMIT"]),
        ("select 1 union select 2 order by 1", ["ORDER BY"]),
        ("values (1), (2) limit 1", ["LIMIT"]),
        ("table t limit 1", ["LIMIT"]),
        ("select distinct on (a) a from t order by a, b limit 3", ["LIMIT"]),
        ("select as_limit from t limit 3", ["LIMIT"]),
    ],
)
def test_clauses_of_the_whole(text: str, clauses: list[str]) -> None:
    assert outer_clauses(text) == clauses


@pytest.mark.parametrize(
    "text",
    [
        "",
        "select id from t",
        "select id from (select id from t order by id limit 3) as x",
        "select id from t where id in (select id from u limit 3)",
        "select id from t where id = any(array(select id from u limit 3))",
        "select array_agg(id order by id) from t",
        "select rank() over (order by id) from t window w as (order by x)",
        "select percentile_cont(0.5) within group (order by x) from t",
        "with x as (select id from t order by id limit 3) select * from x",
        "(select 1 limit 1) union all (select 2 limit 1)",
        "select 1 union (select 2 order by 1 limit 1)",
        "select 'limit 3' from t",
        "select 'it''s limit 3' from t",
        r"select E'\'limit 3' from t",
        'select id as "limit 3" from t',
        "select 1 as limit, 2 as offset, 3 as order",
        "select t.limit, t . offset, u.order from t",
        "select $$ limit 3 $$ from t",
        "select $a$ $$ limit 3 $a$ from t",
        "select id from t -- limit 3",
        "select id from t /* /* */ limit 3 */",
        "select id from t where n = %(limit)s and m = any(%(order)s)",
        "select distinct on (a) a, b from t order by a, b desc",
        'select limit_, order_id, no_limit, limits, "Order" from t',
        "select 'unclosed limit 3",
        "select (((1 limit 3",
        "select 1))) limit",
    ],
)
def test_texts_without_any(text: str) -> None:
    assert outer_clauses(text) == []
