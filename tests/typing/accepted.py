"""What the type checkers make of the public names. Checked, never run."""

from typing import assert_type
from uuid import UUID

from org_common import SIGNED_IN, App, Check, Model, Page, PageRequest, Reader, Transaction


class Org(Model):
    id: UUID
    name: str


app = App("accepted")

ORG_USER = Check("app.has_org_role(%(org_id)s, 'org_user')")


@app.get("/orgs/{org_id}", allow=ORG_USER)
def get_org(db: Reader, org_id: UUID) -> Org:
    return db.one(Org, "select id, name from orgs where id = %(org_id)s", {"org_id": org_id})


@app.get("/orgs", allow=SIGNED_IN)
def list_orgs(db: Reader, page: PageRequest) -> Page[Org]:
    return db.page(Org, "select id, name from orgs", page=page, by=("name", "id"))


def a_query_is_typed_by_its_model(db: Reader, page: PageRequest) -> None:
    assert_type(db.one(Org, "select id, name from orgs"), Org)
    assert_type(db.maybe(Org, "select id, name from orgs"), Org | None)
    assert_type(db.all(Org, "select id, name from orgs"), list[Org])
    assert_type(db.page(Org, "select id, name from orgs", page=page, by=("id",)), Page[Org])


def a_write_is_typed_by_its_model(tx: Transaction) -> None:
    assert_type(tx.one(Org, "insert into orgs default values returning id, name"), Org)
    assert_type(tx.run("delete from orgs", rows=None), int)


def a_declared_handler_keeps_its_type(db: Reader, org_id: UUID) -> None:
    assert_type(get_org(db, org_id), Org)
