"""Parameters that other frameworks write otherwise: each is refused, with what to write instead."""

import re
from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

import pytest
from pydantic import BaseModel, Field

from org_common import PUBLIC, TOKEN, App, Cookie, Form, Header, Model, PageRequest, Query, Reader
from org_common.handlers.misuse import is_with_status, mismatch


class New(Model):
    name: str


class Plain(BaseModel):
    name: str


class Clock:
    pass


def clock() -> Clock:
    return Clock()


def query_as_default(limit: int = Query(ge=1, le=100)) -> None: ...  # type: ignore[assignment]
def header_as_default(trace: str = Header()) -> None: ...  # type: ignore[assignment]
def cookie_as_default(sid: str = Cookie("sid")) -> None: ...  # type: ignore[assignment]
def class_as_default(limit: int = Query) -> None: ...  # type: ignore[assignment]
def form_as_default(login: New = Form()) -> None: ...  # type: ignore[assignment]  # noqa: B008 - what is tested
def field_as_default(n: int = Field(ge=1)) -> None: ...
def function_as_default(n: int = clock) -> None: ...  # type: ignore[assignment]
def dict_as_model(body: New = {}) -> None: ...  # type: ignore[assignment]  # noqa: B006
def marker_inside(n: Annotated[int, Query(ge=1)] | None = None) -> None: ...
def marker_in_list(n: list[Annotated[int, Query(ge=1)]]) -> None: ...
def two_markers(n: Annotated[int, Query(), Header()]) -> None: ...
def query_model(filters: Annotated[New, Query()]) -> None: ...
def header_reader(db: Annotated[Reader, Header()]) -> None: ...
def header_path(org_id: Annotated[UUID, Header()]) -> None: ...
def form_scalar(name: Annotated[str, Form()]) -> None: ...
def collide(org_id: int, orgId: int) -> None: ...  # noqa: N803 - what is tested
def collide_with_page(page: PageRequest, limit: int = 5) -> None: ...
def collide_headers(x_a: Annotated[str, Header()], b: Annotated[str, Header("X-A")]) -> None: ...
def header_with_space(trace: Annotated[str, Header("x trace")]) -> None: ...
def cookie_with_equals(sid: Annotated[str, Cookie("a=b")]) -> None: ...
def upload(body: bytes) -> None: ...
def list_body(body: list[New]) -> None: ...
def dict_body(body: dict[str, Any]) -> None: ...
def plain_body(body: Plain) -> None: ...
def plain_form(body: Annotated[Plain, Form()]) -> None: ...
def bare_typing_list(names: list) -> None: ...  # type: ignore[type-arg]
def unprovided(clock: Clock) -> None: ...
def plain_result() -> Plain: ...  # type: ignore[empty-body]
def set_result() -> set[int]: ...  # type: ignore[empty-body]
def key_result() -> dict[UUID, int]: ...  # type: ignore[empty-body]
def bytes_result() -> bytes: ...  # type: ignore[empty-body]
def status_result() -> tuple[dict[str, int], int]: ...  # type: ignore[empty-body]


CASES: list[tuple[Callable[..., Any], str]] = [
    (query_as_default, "'limit' has a marker as its default: write `limit: Annotated[int, Query(ge=1, le=100)]`"),
    (header_as_default, "write `trace: Annotated[str, Header()]`"),
    (cookie_as_default, "write `sid: Annotated[str, Cookie('sid')]`"),
    (class_as_default, "write `limit: Annotated[int, Query()]`"),
    (form_as_default, "write `login: Annotated[New, Form()]`"),
    (field_as_default, "'n' has pydantic's Field() as its default: write `n: Annotated[int, Query(ge=1)]`"),
    (function_as_default, "use app.provide(Type, factory)"),
    (dict_as_model, "'body' has the default {}, which is not a New: write `body: New | None = None`"),
    (marker_inside, "Put it around the complete type: `Annotated[int | None, Query(ge=1)]`"),
    (marker_in_list, "the marker Query(ge=1) is inside the type"),
    (two_markers, "has two markers, Query() and Header(): keep one"),
    (query_model, "'filters' is marked Query(), but New is a model, which is read from the body"),
    (header_reader, "'db' is marked Header(), but a Reader is injected: remove the marker"),
    (header_path, "'org_id' is in the path: remove Header(), or rename the parameter"),
    (form_scalar, "'name' is marked Form() but is not a model. Example: `Annotated[Login, Form()]`"),
    (collide, "'org_id' and 'orgId' have the same name in the request, 'orgId' (query): rename one of them"),
    (collide_with_page, "'limit' and the PageRequest have the same name in the request, 'limit' (query)"),
    (collide_headers, "'x_a' and 'b' have the same name in the request, 'x-a' (header)"),
    (header_with_space, "no request has a header with the name 'x trace'. Example: `Header("),
    (cookie_with_equals, "no request has a cookie with the name 'a=b'"),
    (upload, "'body' cannot be bound as bytes. For an upload take the request, `request: Request`"),
    (list_body, "A body is one model, so give it a field: `class New(Model): items: list[Item]`"),
    (dict_body, "A body is one model, so give it a field"),
    (plain_body, "Plain is a pydantic BaseModel, which would ignore unknown fields. Derive it from org_common.Model"),
    (plain_form, "Plain is a pydantic BaseModel"),
    (bare_typing_list, "'names' cannot be bound as list. Supported are"),
    (unprovided, "Above this route, say how to make one: app.provide(Clock, factory)"),
    (plain_result, "the return annotation Plain is a pydantic BaseModel, whose fields would have other names"),
    (set_result, "the return annotation set[int] is not JSON: return a list, for example `sorted(items)`"),
    (key_result, "has keys that JSON does not have: use strings, `dict[str, int]`"),
    (bytes_result, "the return annotation bytes is not JSON: return Response(content"),
    (
        status_result,
        "is a body and a status: annotate the body alone, `-> dict[str, int]`, with status=201 on the route",
    ),
]


@pytest.mark.parametrize(("handler", "says"), CASES, ids=[handler.__name__ for handler, _ in CASES])
def test_misuse_is_refused_with_what_to_write(handler: Callable[..., Any], says: str) -> None:
    path = "/a/{org_id}" if handler is header_path else "/a"

    with pytest.raises(TypeError, match=rf"^POST {re.escape(path)}: .*{re.escape(says)}"):
        App("misused").post(path, allow=TOKEN)(handler)


@pytest.mark.parametrize(
    ("marker", "says"),
    [
        (
            lambda: Query(default=5),
            r"Query\(default=...\): constraints are ge, .*`limit: Annotated\[int, Query\(ge=1\)\] = 20`",
        ),
        (lambda: Header(5), r"Header\(5\): the first argument is the name in the request"),  # type: ignore[arg-type]
        (lambda: Query(...), r"Query\(Ellipsis\): the first argument is the name"),  # type: ignore[arg-type]
        (lambda: Cookie(description="x"), r"Cookie\(description=...\): constraints are"),
    ],
)
def test_marker_refuses_what_it_does_not_take(marker: Callable[[], Any], says: str) -> None:
    with pytest.raises(TypeError, match=says):
        marker()


@pytest.mark.parametrize(
    ("value", "is_one"),
    [
        (({}, 201), True),
        (([], 404), True),
        ((New(name="a"), 201), True),
        ((None, 204), True),
        (("a", 1), False),
        ((1, 2), False),
    ],
)
def test_body_with_status_is_told_from_an_array(value: object, is_one: bool) -> None:
    assert is_with_status(value) is is_one


@pytest.mark.parametrize(
    ("annotation", "value", "says"),
    [
        (New, ({}, 201), "declare the status on the route: status=201"),
        (New, None, "raise NotFound() where there is nothing to return, or annotate it `-> New | None`"),
        (type(None), {}, "the handler must return None, as annotated, but returned dict: annotate what it returns"),
        (list[New], New(name="a"), "the handler must return list["),
    ],
)
def test_mismatch_says_what_to_change(annotation: object, value: object, says: str) -> None:
    assert says in str(mismatch(annotation, value))


def test_router_leaves_a_type_to_its_app() -> None:
    from org_common import Router
    from org_common.testing import Client

    router = Router()

    @router.get("/now", allow=PUBLIC)
    def tell(clock: Clock) -> dict[str, str]:
        return {"clock": type(clock).__name__}

    other = App("without")
    with pytest.raises(
        TypeError, match=r"GET /now: .*'tell' takes a Clock, .*Above include\(\), call app\.provide\(Clock"
    ):
        other.include(router)
    app = App("with")
    app.provide(Clock, lambda request: Clock())
    app.include(router)

    assert Client(app).get("/now").json() == {"clock": "Clock"}
