import pytest

from org_common.tools.check.check import collect
from org_common.tools.check.code.sources import load_sources
from org_common.tools.project.apps import load
from tests.org_common.tools.check.conftest import Shop

pytestmark = pytest.mark.db
CODE = """
@app.get("/orders", allow=SIGNED_IN)
def read(db: Reader) -> int:
    return first(db)

@app.get("/admin/sys/orders", allow=SysCheck("sys_user"))
def read_all(db: Reader) -> int:
    return first(db)

@app.get("/open", allow=PUBLIC)
def open(db: Reader) -> int:
    return db.value("select 'open'")

@app.post("/purge", allow=SIGNED_IN)
def purge(identity: Identity) -> None:
    Worker().work()

@app.schedule("rate(1 day)", allow=AsService("purge"))
def nightly(tx: Transaction) -> None:
    tx.value("select 'nightly'")

def first(db: Reader) -> int:
    return second(db)

def second(db: Reader) -> int:
    return db.value("select 'second'")

def store(tx: Transaction) -> None:
    tx.value("select 'store'")

class Worker:
    def work(self) -> None:
        self.step()

    def step(self) -> None:
        with service_transaction(reason="purge") as tx:
            store(tx)

def lost(db: Reader) -> int:
    return db.value("select 'lost'")
"""


def test_statement_runs_as_the_roles_of_the_routes_that_reach_it(code: Shop) -> None:
    project = code.project(CODE)

    uses, _ = collect(load(project), load_sources(project))

    assert {use.sql.text.split("'")[1]: use.roles for use in uses} == {
        "open": ("anon",),
        "nightly": ("app_service",),
        "second": ("app_sys", "authenticated"),
        "store": ("app_service",),
        "lost": ("authenticated",),
    }
