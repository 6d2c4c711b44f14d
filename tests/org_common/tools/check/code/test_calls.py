import pytest

from org_common.tools.check.check import collect
from org_common.tools.check.code.sources import load_sources
from org_common.tools.project.apps import load
from tests.org_common.tools.check.conftest import Shop

pytestmark = pytest.mark.db
CODE = """
class Order(Model):
    id: UUID

SQL = "select id from shop.orders"

class Store:
    def all(self, model, query): ...

@app.get("/orders", allow=SIGNED_IN)
def read(db: Reader, page: PageRequest) -> Page[Order]:
    db.all(Order, SQL)
    db.one(Order, SQL)
    db.maybe(Order, SQL)
    Store().all(Order, "everything")
    helper(db)
    return db.page(Order, SQL, page=page, by=("id",))

@app.post("/orders", allow=SIGNED_IN)
def write(tx: Transaction) -> None:
    tx.run("delete from shop.orders", rows=None)
    tx.many("delete from shop.orders where id = %(id)s", [])

def helper(db: Reader | Transaction) -> None:
    db.value(SQL)

def work(identity: Identity) -> None:
    with service_transaction(reason="purge") as tx:
        tx.value("select id from shop.secrets")
    with reader(identity) as db:
        db.value(SQL)
    with transaction(identity) as tx2:
        tx2.value(SQL)
"""


def test_calls_are_found_with_their_role(code: Shop) -> None:
    project = code.project(CODE)

    uses, _ = collect(load(project), load_sources(project))

    assert [(use.call.method, use.call.role, use.call.is_read_only, use.call.model is not None) for use in uses] == [
        ("all", None, True, True),
        ("one", None, True, True),
        ("maybe", None, True, True),
        ("page", None, True, True),
        ("run", None, False, False),
        ("many", None, False, False),
        ("value", None, False, False),
        ("value", "app_service", False, False),
        ("value", "authenticated", True, False),
        ("value", "authenticated", False, False),
    ]
    assert uses[3].call.keyword("by") is not None
    assert uses[3].call.keyword("descending") is None
