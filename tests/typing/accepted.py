"""What the type checkers make of the public names. Checked, never run."""

from collections.abc import Callable
from typing import Annotated, Literal, assert_type, get_args
from uuid import UUID

from org_common import (
    PUBLIC,
    SIGNED_IN,
    App,
    Check,
    Conflict,
    Cookie,
    Cors,
    Form,
    Ladder,
    Model,
    OrgCheck,
    OrgError,
    OrgRole,
    Page,
    PageRequest,
    Precondition,
    Reader,
    Request,
    Response,
    Router,
    Rule,
    Transaction,
)


class Org(Model):
    id: UUID
    name: str


app = App("accepted")

ORG_USER = OrgCheck("org_user")

WsRole = Literal["ws_user", "ws_admin", "ws_owner"]
WsCheck: Ladder[WsRole] = Ladder("app.has_ws_role", parameter="ws_id", roles=get_args(WsRole))
Spelled: Ladder[WsRole] = Ladder("app.has_ws_role", parameter="ws_id", roles=("ws_user", "ws_admin", "ws_owner"))


@app.get("/orgs/{org_id}", allow=ORG_USER)
def get_org(db: Reader, org_id: UUID) -> Org:
    return db.one(Org, "select id, name from orgs where id = %(org_id)s", {"org_id": org_id})


@app.get("/orgs", allow=SIGNED_IN)
def list_orgs(db: Reader, page: PageRequest) -> Page[Org]:
    return db.page(Org, "select id, name from orgs", page=page, by=("name", "id"))


ORG_SORTS = {"name": ("name", "id"), "newest": ("-created_at", "id")}


def a_sort_order_is_chosen_at_run_time(db: Reader, page: PageRequest, sort: str) -> Page[Org]:
    return db.page(Org, "select id, name from orgs", page=page, by=ORG_SORTS[sort])


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


def a_rule_of_a_ladder_is_a_rule(role: WsRole, org_role: OrgRole) -> None:
    assert_type(OrgCheck, Ladder[OrgRole])
    assert_type(OrgCheck("org_admin", parameter="tenant_id"), Rule)
    assert_type(OrgCheck(org_role) | WsCheck(role) & Check("%(user_id)s = app.uid()"), Rule)


class Mailer:
    sender = "post@shop.example"


class StockEmpty(Exception):
    item = "tea"


def timed(request: Request, next: Callable[[Request], Response]) -> Response:
    return next(request)


shop = App("shop", cors=Cors(["https://shop.example"]), middleware=[timed])
shop.provide(Mailer, lambda request: Mailer())
orders = Router("/orders")


@orders.post("/{order_id}", allow=PUBLIC, status=201, cache="no-cache")
def order(
    order_id: UUID, body: Annotated[Org, Form()], precondition: Precondition, theme: Annotated[str, Cookie()]
) -> Org:
    precondition.check(body, required=True)
    return body


@shop.error(StockEmpty)
def stock_empty(error: StockEmpty, request: Request) -> OrgError:
    return Conflict(error.item)


shop.include(orders)


def what_is_declared_keeps_its_type(order_id: UUID, body: Org, precondition: Precondition, request: Request) -> None:
    assert_type(order(order_id, body, precondition, "dark"), Org)
    assert_type(stock_empty(StockEmpty(), request), OrgError)
    with shop.override(Mailer, Mailer()) as mailer:
        assert_type(mailer, Mailer)
