import pytest

from tests.org_common.tools.check.conftest import Shop

pytestmark = pytest.mark.db
CODE = """
class Order(Model):
    id: UUID
    title: str
    placed_at: datetime

@app.get("/orgs/{org_id}/orders", allow=SIGNED_IN)
def list_orders(db: Reader, org_id: UUID, page: PageRequest) -> Page[Order]:
    return db.page(Order, SQL, {"org_id": org_id}, page=page, BY)
"""
ORDERS = "select id, title, placed_at from shop.orders"
OF_ORG = f"{ORDERS} where org_id = %(org_id)s"


def source(sql: str, by: str) -> str:
    return CODE.replace("SQL", repr(sql)).replace("BY", by)


@pytest.mark.parametrize(
    ("sql", "by"),
    [
        (OF_ORG, 'by=("placed_at", "id")'),
        (OF_ORG, 'by=("placed_at", "id"), descending=True'),
        (OF_ORG, 'by=("-placed_at", "-id")'),
        # Sorted within the rows of one time.
        (OF_ORG, 'by=("placed_at", "title", "id")'),
        (ORDERS, 'by=("id",)'),
        # No index can have it.
        ("select id, upper(title) as title, placed_at from shop.orders", 'by=("title", "id")'),
        (
            "select o.id, b.name as title, o.placed_at from shop.orders o join shop.buyers b on b.order_id = o.id",
            'by=("title", "placed_at")',
        ),
    ],
)
def test_order_of_an_index_has_no_finding(code: Shop, sql: str, by: str) -> None:
    assert code.check(source(sql, by)).findings == []


@pytest.mark.parametrize(
    ("sql", "by", "index"),
    [
        (OF_ORG, 'by=("title", "id")', "(org_id, title, id)"),
        (ORDERS, 'by=("placed_at", "id")', "(placed_at, id)"),
        (OF_ORG, 'by=("-title", "id")', "(org_id, title, id desc)"),
        ("select id, title, placed_at from shop.orders order by id", 'by=("id",)', None),
    ],
)
def test_index_that_is_missing_is_named(code: Shop, sql: str, by: str, index: str | None) -> None:
    found = code.finding(source(sql, by))

    if index is None:
        assert (found.id, "ORDER BY" in found.problem) == ("page.sort", True)
    else:
        assert (found.id, found.fix) == ("page.index", f"create index on shop.orders {index}")


def test_list_that_stays_small_is_allowed_with_a_reason(code: Shop) -> None:
    allowed = source(OF_ORG, 'by=("title", "id")').replace(
        "    return", "    # db check: allow page.index, an organization has ten orders\n    return"
    )

    assert code.check(allowed).findings == []
    assert len(code.check(allowed.replace(", an organization has ten orders", "")).findings) == 1
    assert len(code.check(allowed.replace("page.index", "page.sort")).findings) == 1
