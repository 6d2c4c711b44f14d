import pytest

from org_common.tools.check.check import collect
from org_common.tools.check.code.sources import load_sources
from org_common.tools.project.apps import load
from tests.org_common.tools.check.conftest import Shop

pytestmark = pytest.mark.db
CODE = """
class Order(Model):
    id: UUID

class Buyer(Model):
    order_id: UUID
    phone: str

def rows(db: Reader, model: Any, sql: Any, params: dict[str, object]) -> list[Any]:
    return db.all(model, sql, params)

def by_id(db: Reader, model: Any, sql: str, id: UUID) -> list[Any]:
    return rows(db, model, sql + " where id = %(id)s", {"id": id})

@app.get("/orders", allow=SIGNED_IN)
def orders(db: Reader) -> list[Order]:
    return rows(db, Order, "select id from shop.orders", {})

@app.get("/buyers", allow=SIGNED_IN)
def buyers(db: Reader) -> list[Buyer]:
    return rows(db, Buyer, "select order_id, phone from shop.buyers", params={})

def purge() -> None:
    with service_transaction(reason="purge") as tx:
        rows(tx, Order, "select id from shop.secrets", {})
"""


def test_statement_of_each_call_of_a_helper_is_found(code: Shop) -> None:
    project = code.project(CODE)

    uses, computed = collect(load(project), load_sources(project))

    assert {use.sql.text: use.roles for use in uses} == {
        "select id from shop.orders": ("authenticated",),
        "select order_id, phone from shop.buyers": ("authenticated",),
        "select id from shop.secrets": ("app_service",),
    }
    # One that a helper composes for another helper is not followed.
    assert [each.rpartition(":")[2] for each in computed] == [str(code.line_of('return rows(db, model, sql + "'))]


def test_finding_is_at_the_call_of_the_helper(code: Shop) -> None:
    found = code.finding(CODE)

    assert (found.id, code.line(found)) == (
        "columns.null",
        'return rows(db, Buyer, "select order_id, phone from shop.buyers", params={})',
    )


def test_missing_parameter_of_a_helper_is_found(code: Shop) -> None:
    found = code.finding(
        CODE.replace("phone: str", "phone: str | None").replace("shop.orders", "shop.orders where id = %(id)s")
    )

    assert found.id == "parameters.missing"
