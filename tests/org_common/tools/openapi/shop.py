"""An app with an example of everything that a document contains."""

from datetime import date
from enum import Enum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints

from org_common import (
    PUBLIC,
    SIGNED_IN,
    TOKEN,
    App,
    Cookie,
    Form,
    Gone,
    Header,
    Model,
    NotAcceptable,
    OrgCheck,
    OrgError,
    Page,
    PageRequest,
    Patch,
    Precondition,
    Query,
    Reader,
    Request,
    Response,
    SysCheck,
    TooManyRequests,
    Transaction,
)
from tests.org_common.tools.openapi import shelf

app = App("shop-orders")

MEMBER = OrgCheck("org_user")


class State(Enum):
    OPEN = "open"
    PAID = "paid"


class Line(Model):
    """One thing of an order."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"article": "A-1", "count": 2}]})

    article: Annotated[str, StringConstraints(min_length=1, max_length=40, strip_whitespace=True)]
    count: Annotated[int, Field(ge=1)] = 1


class NewOrder(Model):
    lines: list[Line]
    note: str | None = None


class Order(Model):
    id: UUID
    state: State
    lines: list[Line]
    note: str | None = None
    parent: "Order | None" = None


class OrderPatch(Patch):
    state: State
    note: str | None


class Item(Model):
    """Of an order; the shelf has another one."""

    name: str


@app.get("/orgs/{org_id}/orders", allow=MEMBER)
def list_orders(
    db: Reader,
    org_id: UUID,
    page: PageRequest,
    state: State = State.OPEN,
    since: date | None = None,
    least_count: Annotated[int, Query(ge=1, le=1000)] = 1,
) -> Page[Order]:
    """The organization's orders.

    The newest come first.
    """
    raise NotImplementedError


@app.post("/orgs/{org_id}/orders", allow=MEMBER, status=201, idempotent=True)
def add_order(tx: Transaction, org_id: UUID, body: NewOrder) -> Order:
    """Order something."""
    raise NotImplementedError


@app.get("/orgs/{org_id}/orders/{number}", allow=MEMBER)
def get_order(db: Reader, org_id: UUID, number: int, x_trace: Annotated[str | None, Header()] = None) -> Order | None:
    raise NotImplementedError


@app.patch("/orgs/{org_id}/orders/{number}", allow=MEMBER)
def update_order(tx: Transaction, org_id: UUID, number: int, body: OrderPatch) -> Order:
    raise NotImplementedError


@app.delete("/orgs/{org_id}/orders/{number}", allow=MEMBER, raises=[Gone])
def remove_order(tx: Transaction, org_id: UUID, number: int) -> None:
    raise NotImplementedError


@app.get("/health", allow=PUBLIC)
def health() -> dict[str, str]:
    return {}


@app.get("/items/{name}", allow=TOKEN)
def get_item(name: str, kind: Literal["new", "used"] = "new") -> list[Item]:
    raise NotImplementedError


@app.get("/shelves/{name}", allow=SIGNED_IN)
def get_shelf(name: str) -> shelf.Item:
    raise NotImplementedError


@app.get("/files/{name}", allow=TOKEN)
def get_file(name: str) -> Response:
    raise NotImplementedError


class Clock:
    """What the app gives."""


class Login(Model):
    name: str
    tags: list[str]


def clock(request: Request) -> Clock:
    if not request.cookies:
        raise TooManyRequests
    return Clock()


app.provide(Clock, clock)


@app.post("/login", allow=PUBLIC)
def login(now: Clock, body: Annotated[Login, Form()], theme_name: Annotated[str | None, Cookie()] = None) -> None:
    raise NotImplementedError


@app.put("/items/{name}", allow=SIGNED_IN)
def replace_item(tx: Transaction, name: str, body: Item, precondition: Precondition) -> Item:
    raise NotImplementedError


@app.get("/items", allow=TOKEN)
def find_items(tag: Annotated[list[str], Query(max_length=3)], size: list[int] | None = None) -> list[Item]:
    raise NotImplementedError


class Empty(Exception):
    """Not ours; the app says what it becomes."""


@app.error(Empty)
def empty(error: Empty, request: Request) -> OrgError:
    return NotAcceptable()


@app.put("/admin/sys/state", allow=SysCheck("sys_admin"))
def set_state(tx: Transaction, body: Item | None = None):  # type: ignore[no-untyped-def]  # noqa: ANN201
    raise NotImplementedError
