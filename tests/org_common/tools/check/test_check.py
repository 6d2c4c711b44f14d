"""Each type of mistake is found at its line, and its correct twin has no finding."""

from __future__ import annotations

import pytest

from org_common.tools.check.check import check
from org_common.tools.project.apps import load
from tests.org_common.tools.check.conftest import Shop

pytestmark = pytest.mark.db

# By id: code with the mistake, the line that the finding names, a word of its problem, and what makes it correct.
MODEL = """
class Order(Model):
    id: UUID
    {field}
"""
ROUTE = """
@app.get("/orders/{order_id}", allow=SIGNED_IN)
def get_order(db: Reader, order_id: UUID) -> Order:
    return db.one(Order, GET, {"order_id": order_id})
"""


def reading(field: str, sql: str) -> str:
    return MODEL.format(field=field) + f'GET = """\n{sql}\nwhere o.id = %(order_id)s\n"""\n' + ROUTE


CALL = 'return db.one(Order, GET, {"order_id": order_id})'
CASES = {
    "column": (
        "sql.unknown",
        reading("title: str", "select o.id,\n  o.titel as title\nfrom shop.orders o"),
        "o.titel as title",
        "column o.titel does not exist",
        ("o.titel as", "o.title as"),
    ),
    "table": (
        "sql.unknown",
        reading("title: str", "select o.id, o.title\nfrom shop.order o"),
        "from shop.order o",
        'relation "shop.order" does not exist',
        ("shop.order o", "shop.orders o"),
    ),
    "function": (
        "sql.unknown",
        reading("title: str", "select o.id,\n  shop.upper(o.title) as title\nfrom shop.orders o"),
        "shop.upper(o.title) as title",
        "function shop.upper(text) does not exist",
        ("shop.upper(", "upper("),
    ),
    "operator": (
        "sql.type",
        reading("title: str", "select o.id, o.title\nfrom shop.orders o\njoin shop.buyers b on b.name = o.count"),
        "join shop.buyers b on b.name = o.count",
        "operator does not exist: text = integer",
        ("b.name = o.count", "b.order_id = o.id"),
    ),
    "syntax": (
        "sql.invalid",
        reading("title: str", "select o.id, o.title\nfrom shop.orders o\norder where true"),
        "order where true",
        "syntax error",
        ("order where true", ""),
    ),
    "field": (
        "columns.model",
        reading("title: str", "select o.id, o.title, o.note\nfrom shop.orders o"),
        CALL,
        "unknown note",
        (", o.note", ""),
    ),
    "missing": (
        "columns.model",
        reading("title: str", "select o.id\nfrom shop.orders o"),
        CALL,
        "missing title",
        ("o.id\n", "o.id, o.title\n"),
    ),
    "type": (
        "columns.type",
        reading("title: int", "select o.id, o.placed_at as title\nfrom shop.orders o"),
        CALL,
        "title is timestamp with time zone, the field Order.title is int",
        ("title: int", "title: datetime"),
    ),
    "array": (
        "columns.type",
        reading("tags: str", "select o.id, o.tags\nfrom shop.orders o"),
        CALL,
        "tags is text[], the field Order.tags is str",
        ("tags: str", "tags: list[str]"),
    ),
    "null": (
        "columns.null",
        reading("note: str", "select o.id, o.note\nfrom shop.orders o"),
        CALL,
        "shop.orders.note is nullable",
        ("note: str", "note: str | None"),
    ),
    "join": (
        "columns.null",
        reading("name: str", "select o.id, b.name\nfrom shop.orders o\nleft join shop.buyers b on b.order_id = o.id"),
        CALL,
        "b is on the nullable side of a left join",
        ("left join", "join"),
    ),
    "view": (
        "columns.null",
        reading("buyer: str", "select o.id, o.buyer\nfrom shop.overview o"),
        CALL,
        "b is on the nullable side of a left join",
        ("where o.id", "where o.buyer is not null and o.id"),
    ),
    "enum": (
        "columns.values",
        reading('size: Literal["small"]', "select o.id, o.size\nfrom shop.orders o"),
        CALL,
        "size can be 'large'",
        ('"small"', '"small", "large"'),
    ),
    "check": (
        "columns.values",
        reading('status: Literal["open", "paid"]', "select o.id, o.status\nfrom shop.orders o"),
        CALL,
        "status can be 'sent'",
        ('"paid"]', '"paid", "sent"]'),
    ),
    "domain": (
        "columns.values",
        reading('color: Literal["red"]', "select o.id, o.color\nfrom shop.orders o"),
        CALL,
        "color can be 'blue'",
        ('"red"', '"red", "blue"'),
    ),
    "star": (
        "columns.star",
        reading("secret: Any = None", "select o.id, o.*\nfrom (select id from shop.orders) as o").replace(
            "o.id, o.*", "o.*"
        ),
        "select o.*",
        "the statement selects *",
        ("o.*", "o.id"),
    ),
    "parameter": (
        "parameters.missing",
        reading("title: str", "select o.id, o.title\nfrom shop.orders o").replace("= %(order_id)s", "= %(id)s"),
        CALL,
        "%(id)s is missing: given are order_id",
        ("%(id)s", "%(order_id)s"),
    ),
    "parameter type": (
        "parameters.type",
        reading("title: str", "select o.id, o.title\nfrom shop.orders o").replace(
            "order_id: UUID) ->", "order_id: str) ->"
        ),
        CALL,
        "%(order_id)s is uuid in the database, and str in the code",
        ("order_id: str", "order_id: UUID"),
    ),
    "parameter value": (
        "parameters.values",
        """
@app.get("/orders", allow=SIGNED_IN)
def count_orders(db: Reader, size: Literal["small", "huge"]) -> int:
    return db.value("select count(*) from shop.orders where size = %(size)s", {"size": size})
""",
        'return db.value("select count(*) from shop.orders where size = %(size)s", {"size": size})',
        "has no value 'huge'",
        ('"huge"', '"large"'),
    ),
    "written value": (
        "parameters.values",
        """
@app.put("/orders/{order_id}", allow=SIGNED_IN)
def change(tx: Transaction, order_id: UUID, status: Literal["paid", "lost"]) -> None:
    tx.run("update shop.orders set status = %(status)s where id = %(order_id)s",
           {"order_id": order_id, "status": status}, rows=1)
""",
        'tx.run("update shop.orders set status = %(status)s where id = %(order_id)s",',
        "the column shop.orders.status has no value 'lost'",
        ('"lost"', '"sent"'),
    ),
    "null parameter": (
        "parameters.null",
        """
@app.get("/orders", allow=SIGNED_IN)
def count_orders(db: Reader, count: int | None = None) -> int:
    return db.value("select count(*) from shop.orders where count = %(count)s + %(count)s",
                    {"count": count})
""",
        'return db.value("select count(*) from shop.orders where count = %(count)s + %(count)s",',
        "when %(count)s is None",
        ("%(count)s + %(count)s", "%(count)s::int + %(count)s::int"),
    ),
    "right": (
        "rights.missing",
        reading("secret: str", "select o.id, o.secret\nfrom shop.secrets o"),
        "from shop.secrets o",
        "permission denied for table secrets, as the role authenticated",
        ("o.secret\nfrom shop.secrets", "o.title as secret\nfrom shop.orders"),
    ),
    "reader": (
        "reader.writes",
        """
@app.get("/orders", allow=SIGNED_IN)
def remove(db: Reader) -> int:
    return db.value("with gone as (delete from shop.orders returning id) select count(*) from gone")
""",
        'return db.value("with gone as (delete from shop.orders returning id) select count(*) from gone")',
        "the statement writes, on a Reader",
        ("delete from shop.orders returning id", "select id from shop.orders"),
    ),
    "two columns": (
        "columns.model",
        """
@app.get("/orders", allow=SIGNED_IN)
def newest(db: Reader) -> str:
    return db.value("select title, id from shop.orders limit 1")
""",
        'return db.value("select title, id from shop.orders limit 1")',
        "value() reads one column, and the statement returns 2",
        ("title, id", "title"),
    ),
    "index": (
        "page.index",
        """
class Order(Model):
    id: UUID
    title: str
    placed_at: datetime

LIST = "select id, title, placed_at from shop.orders where org_id = %(org_id)s"

@app.get("/orgs/{org_id}/orders", allow=SIGNED_IN)
def list_orders(db: Reader, org_id: UUID, page: PageRequest) -> Page[Order]:
    return db.page(Order, LIST, {"org_id": org_id}, page=page, by=("title", "id"))
""",
        'return db.page(Order, LIST, {"org_id": org_id}, page=page, by=("title", "id"))',
        "no index of shop.orders has the order of the list, title,id",
        ('by=("title", "id")', 'by=("placed_at", "id")'),
    ),
    "sort": (
        "page.sort",
        """
class Order(Model):
    id: UUID

@app.get("/orders", allow=SIGNED_IN)
def list_orders(db: Reader, page: PageRequest) -> Page[Order]:
    return db.page(Order, "select id from shop.orders", page=page, by=("idd",))
""",
        'return db.page(Order, "select id from shop.orders", page=page, by=("idd",))',
        "Order has no such field",
        ('"idd"', '"id"'),
    ),
    "rule": (
        "rule.invalid",
        """
@app.get("/orders/{order_id}", allow=Check("shop.may_read(%(order_id)s)"))
def title(order_id: UUID) -> str:
    return ""
""",
        '@app.get("/orders/{order_id}", allow=Check("shop.may_read(%(order_id)s)"))',
        "function shop.may_read(uuid) does not exist",
        ("shop.may_read(%(order_id)s)", "%(order_id)s = app.uid()"),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_mistake_is_found_at_its_line(code: Shop, name: str) -> None:
    id, mistake, line, problem, _ = CASES[name]

    found = code.finding(mistake)

    assert found.id == id
    assert code.line(found) == line
    assert problem in found.problem
    assert found.fix


@pytest.mark.parametrize("name", CASES)
def test_correct_twin_has_no_finding(code: Shop, name: str) -> None:
    _, mistake, _, _, (wrong, right) = CASES[name]
    assert wrong in mistake

    assert code.check(mistake.replace(wrong, right)).findings == []


def test_fault_of_a_shared_constant_is_one_finding(code: Shop) -> None:
    found = code.finding("""
LIST = "select titel from shop.orders"
GET = LIST + " where id = %(order_id)s"

@app.get("/orders", allow=SIGNED_IN)
def first(db: Reader) -> str:
    return db.value(LIST)

@app.get("/orders/{order_id}", allow=SIGNED_IN)
def one(db: Reader, order_id: UUID) -> str:
    return db.value(GET, {"order_id": order_id})
""")

    assert code.line(found) == 'LIST = "select titel from shop.orders"'


def test_progress_is_shown(code: Shop) -> None:
    project = code.project("""
@app.get("/orders", allow=SIGNED_IN)
def first(db: Reader) -> str:
    return db.value("select title from shop.orders limit 1")
""")
    shown: list[tuple[int, int]] = []

    check(project, load(project), code.planner, lambda done, total: shown.append((done, total)))

    assert shown == [(0, 1), (1, 1)]
