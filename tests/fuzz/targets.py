"""What is fed with anything: an app that binds every kind of parameter, behind every shape of events.

Whatever comes in, an answer goes out, and never one that a fault of ours made: a 500 is only for an event that nobody
but AWS could have sent.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from org_common import (
    ALB,
    FUNCTION_URL,
    HTTP_API,
    PUBLIC,
    REST_API,
    App,
    Cookie,
    Cors,
    Form,
    Header,
    Identity,
    Model,
    PageRequest,
    Patch,
    Precondition,
    Query,
    Request,
)
from org_common.values.types import LocalContext
from tests.support.recorded import NAMES, recorded

CONTEXT = LocalContext("r-fuzz", 29)
ID = "0e4b2c52-9d3f-4f6d-8e0c-5e62d94c1b7a"


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class Part(Model):
    part_name: Annotated[str, Field(max_length=20)]
    price: Decimal = Decimal(0)


class Thing(Model):
    name: str
    count: int = 0
    ratio: float = 0
    owner_id: UUID | None = None
    made_at: datetime | None = None
    due: date | None = None
    color: Color = Color.RED
    parts: list[Part] = Field(default_factory=list)
    either: int | str | None = None
    settings: dict[str, Any] = Field(default_factory=dict)


class ThingPatch(Patch):
    name: str
    count: int | None


class Login(Model):
    user_name: str
    tries: int = 0
    tags: list[int] = Field(default_factory=list)


class Nobody:
    needs_authorizer = False

    def identity(self, request: Request) -> Identity | None:
        return None


app = App(
    "fuzz",
    identity=Nobody(),
    events=(HTTP_API, REST_API, FUNCTION_URL, ALB),
    cors=Cors(["https://*.shop.example"], credentials=True),
)


@app.post("/things/{thing_id}", allow=PUBLIC)
def create(thing_id: UUID, body: Thing, dry_run: bool = False) -> Thing:
    return body


@app.patch("/things/{thing_id}", allow=PUBLIC)
def change(thing_id: UUID, body: ThingPatch, precondition: Precondition) -> dict[str, Any]:
    precondition.check(Part(part_name="a"))
    return body.sent()


@app.post("/logins", allow=PUBLIC, status=201)
def login(body: Annotated[Login, Form()]) -> Login:
    return body


@app.get("/search/{number}", allow=PUBLIC, cache="no-cache")
def search(
    number: int,
    page: PageRequest,
    q: str = "",
    tags: Annotated[list[str], Query(max_length=5)] = [],  # noqa: B006 - copied for each request
    days: list[date] | None = None,
    since: datetime | None = None,
    price: Decimal | None = None,
    ratio: Annotated[float, Query(ge=0)] = 0,
    color: Color | None = None,
    sort: Literal["name", "-name"] = "name",
    x_tries: Annotated[int, Header()] = 0,
    theme: Annotated[str, Cookie()] = "",
) -> list[Any]:
    return [number, page.limit, q, tags, days, since, price, ratio, color, sort, x_tries, theme]


JSON = {"content-type": "application/json"}
FORM = {"content-type": "application/x-www-form-urlencoded"}
GOOD_BODY = (
    b'{"name": "a", "count": 1, "ratio": 1.5, "ownerId": "0e4b2c52-9d3f-4f6d-8e0c-5e62d94c1b7a", "color": "blue", '
    b'"madeAt": "2026-01-02T03:04:05Z", "parts": [{"partName": "b", "price": "1.5"}], "settings": {"a": [1e3]}}'
)


def answered(event: Any) -> int:
    """The status; `AssertionError` for an answer that no caller may bring about."""
    answer = app(event, CONTEXT)
    status: int = answer["statusCode"]
    json.dumps(answer).encode()
    if status >= 500:
        code = json.loads(answer["body"])["code"]
        assert code == "unknown_event", f"{status} {code}"
    return status


def send(method: str, path: str, *, query: str = "", headers: dict[str, str] | None = None, body: bytes = b"") -> int:
    from org_common.events import http_api as gateway

    status = answered(gateway.event(method, path, query=query, headers=headers, body=body))
    assert status < 500
    return status


def bodies(data: bytes) -> None:
    """A JSON body, and the same for a patch."""
    send("POST", f"/things/{ID}", headers=JSON, body=data)
    send("PATCH", f"/things/{ID}", headers=JSON, body=data)


def forms(data: bytes) -> None:
    send("POST", "/logins", headers=FORM, body=data)


def requests(data: bytes) -> None:
    """Path, query and headers, divided by NUL."""
    path, query, *values = [*data.decode("utf-8", "replace").split("\0"), ""]
    names = ("x-tries", "cookie", "accept-encoding", "if-none-match", "origin", "content-type", "if-match")
    headers = dict(zip(names, values, strict=False))
    for method in ("GET", "HEAD", "OPTIONS", "PATCH"):
        send(method, f"/search/{path}", query=query, headers=headers)
        send(method, f"/{path}", query=query, headers={**headers, "access-control-request-method": "GET"})


def events(data: bytes) -> None:
    """One of the recorded events with something else at one place: the place by the first two bytes, JSON behind."""
    if len(data) < 2:
        return
    event = recorded_anew(data[0])
    places = _places(event)
    holder, key = places[data[1] % len(places)]
    try:
        holder[key] = json.loads(data[2:])
    except (ValueError, RecursionError):
        holder[key] = data[2:].decode("utf-8", "replace")
    answered(event)


TARGETS: dict[str, Callable[[bytes], None]] = {"bodies": bodies, "forms": forms, "requests": requests, "events": events}
SEEDS: dict[str, list[bytes]] = {
    "bodies": [GOOD_BODY, b'{"name": "a", "count": null}', b'{"count": 12345678901234567890}', b"NaN", b"[[]]"],
    "forms": [b"userName=a&tries=1&tags=1&tags=2", b"userName=%C3%A9&tries=2_0", b"a=b=c&&&=;"],
    "requests": [
        b"5\0q=a&tags=b&tags=c&days=2026-01-02&since=2026-01-02T03:04:05Z&price=1.5&color=red\x003\0theme=dark\0gzip",
        b'%2F%ff\0limit=5&cursor=abc\0x\0a=b; c\0br;q=0.5, *\0W/"a", *\0https://a.shop.example\0text/plain',
    ],
    "events": [b"\0\0{}", b'\1\5{"a": ["b"]}', b"\2\7null", b'\3\1"\\ud800"'],
}
_RECORDED = {name: recorded(name) for name in NAMES}


def recorded_anew(number: int) -> Any:
    return deepcopy(_RECORDED[NAMES[number % len(NAMES)]])


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every place of a JSON value: its holder, and its key there."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    return [(value, key) for key in keys] + [place for key in keys for place in _places(value[key])]
