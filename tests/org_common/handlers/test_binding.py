"""Binding of query string, headers and injected values to a handler's arguments."""

import functools
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from org_common import PUBLIC, TOKEN, App, Deadline, Header, Identity, PageRequest, Query, Request
from org_common.testing.client import Answer, Client, Person

ID = "0e4b2c52-9d3f-4f6d-8e0c-5e62d94c1b7a"


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    LOW = 1


app = App("binding")
client = Client(app)


@app.get("/search", allow=PUBLIC)
def search(
    q: str = "",
    created_after: date | None = None,
    color: Color | None = None,
    sort: Literal["name", "-name"] = "name",
    is_open: bool | None = None,
    *,
    rank: Annotated[int, Query(ge=1, le=5)] = 1,
    tag: Annotated[str, Query("tag[name]", max_length=3)] = "",
    price: Decimal = Decimal(0),
) -> dict[str, Any]:
    return {
        "q": q,
        "createdAfter": created_after,
        "color": color,
        "sort": sort,
        "isOpen": is_open,
        "rank": rank,
        "tag[name]": tag,
        "price": price,
    }


@app.get("/needed", allow=PUBLIC)
def needed(page_size: int) -> int:
    return page_size


@app.get("/level", allow=PUBLIC)
def level(level: Level) -> str:
    return level.name


@app.get("/headers", allow=PUBLIC)
def headers(
    x_request_id: Annotated[str, Header()],
    tries: Annotated[int, Header("X-Tries", ge=1)] = 1,
    user_agent: Annotated[str | None, Header()] = None,
) -> list[Any]:
    return [x_request_id, tries, user_agent]


@app.get("/injected/{org_id}", allow=TOKEN)
def injected(org_id: UUID, caller: Identity, request: Request, deadline: Deadline, page: PageRequest) -> list[Any]:
    return [org_id, caller.subject, request.method, deadline.left_s() > 0, page.limit]


@app.get("/nothing", allow=PUBLIC)
def nothing() -> str:
    return "nothing"


def faults(response: Answer) -> list[tuple[str, str, str]]:
    """Place, pointer and code of each fault of a 422."""
    return [(fault["in"], fault["pointer"], fault["code"]) for fault in response.json()["errors"]]


@pytest.mark.parametrize(
    ("query", "name", "value"),
    [
        ("q=a%20b+c", "q", "a b c"),
        ("q=a%26b%3Dc", "q", "a&b=c"),
        ("q=%C3%A9", "q", "é"),
        ("q=", "q", ""),
        ("q=a;b", "q", "a;b"),
        ("&&q=a&", "q", "a"),
        ("createdAfter=2026-01-02", "createdAfter", "2026-01-02"),
        ("color=red", "color", "red"),
        ("sort=-name", "sort", "-name"),
        ("isOpen=true", "isOpen", True),
        ("isOpen=false", "isOpen", False),
        ("rank=5", "rank", 5),
        ("tag[name]=abc", "tag[name]", "abc"),
        ("tag%5Bname%5D=abc", "tag[name]", "abc"),
        ("price=1.10", "price", "1.10"),
    ],
)
def test_query_value_is_converted_to_its_type(query: str, name: str, value: object) -> None:
    assert client.send("GET", "/search", query=query).json()[name] == value


def test_missing_parameter_has_its_default() -> None:
    assert client.get("/search").json() == {
        "q": "",
        "createdAfter": None,
        "color": None,
        "sort": "name",
        "isOpen": None,
        "rank": 1,
        "tag[name]": "",
        "price": "0",
    }


@pytest.mark.parametrize(
    ("query", "pointer", "code"),
    [
        ("createdAfter=yesterday", "#/createdAfter", "date_parsing"),
        ("createdAfter=2026-02-30", "#/createdAfter", "date_from_datetime_parsing"),
        ("createdAfter=0", "#/createdAfter", "date_parsing"),
        ("createdAfter=1700000000", "#/createdAfter", "date_parsing"),
        ("isOpen=on", "#/isOpen", "bool_parsing"),
        ("isOpen=1", "#/isOpen", "bool_parsing"),
        ("isOpen=TRUE", "#/isOpen", "bool_parsing"),
        ("price=%2B1", "#/price", "decimal_parsing"),
        ("price=1_0", "#/price", "decimal_parsing"),
        ("price=%201", "#/price", "decimal_parsing"),
        ("price=1e2", "#/price", "decimal_parsing"),
        ("color=green", "#/color", "enum"),
        ("color=RED", "#/color", "enum"),
        ("sort=id", "#/sort", "literal_error"),
        ("isOpen=maybe", "#/isOpen", "bool_parsing"),
        ("rank=0", "#/rank", "greater_than_equal"),
        ("rank=6", "#/rank", "less_than_equal"),
        ("rank=2_", "#/rank", "int_parsing"),
        ("rank=", "#/rank", "int_parsing"),
        ("tag[name]=abcd", "#/tag[name]", "string_too_long"),
        ("price=NaN", "#/price", "decimal_parsing"),
        ("colour=red", "#/colour", "unknown_parameter"),
        ("Q=a", "#/Q", "unknown_parameter"),
        ("created_after=2026-01-02", "#/created_after", "unknown_parameter"),
        ("is_open=true", "#/is_open", "unknown_parameter"),
        ("a/b~c é=1", "#/a~1b~0c%20%C3%A9", "unknown_parameter"),
        ("=1", "#/", "unknown_parameter"),
        ("q=a&q=b", "#/q", "repeated"),
        ("q=a&q=a", "#/q", "repeated"),
    ],
)
def test_invalid_query_is_reported_with_its_pointer(query: str, pointer: str, code: str) -> None:
    response = client.send("GET", "/search", query=query)

    assert (response.status, faults(response)) == (422, [("query", pointer, code)])


@given(name=st.sampled_from(["q", "createdAfter", "color", "isOpen", "rank", "price"]), value=st.text())
def test_any_query_gets_a_response(name: str, value: str) -> None:
    assert client.send("GET", "/search", query=f"{name}={value}").status in {200, 400, 422}


def test_unknown_parameter_is_refused_by_a_handler_without_parameters() -> None:
    response = client.get("/nothing", limit=5)

    assert (response.status, faults(response)) == (422, [("query", "#/limit", "unknown_parameter")])


def test_missing_required_parameter_is_reported() -> None:
    response = client.get("/needed")

    assert (response.status, faults(response)) == (422, [("query", "#/pageSize", "missing")])


def test_integer_enum_is_read_by_its_value() -> None:
    assert client.get("/level", level=1).json() == "LOW"
    assert client.get("/level", level=2).status == 422


def test_too_many_query_parameters_are_refused() -> None:
    response = client.send("GET", "/search", query="&".join(["q=1"] * 101))

    assert (response.status, response.json()["code"]) == (400, "invalid_query")


def test_headers_are_read_by_their_dashed_names() -> None:
    response = client.get("/headers", headers={"X-Request-Id": "r-1", "x-tries": "3", "User-Agent": "curl"})

    assert response.json() == ["r-1", 3, "curl"]


def test_missing_header_has_its_default() -> None:
    assert client.get("/headers", headers={"x-request-id": ""}).json() == ["", 1, None]


@pytest.mark.parametrize(
    ("sent_headers", "fault"),
    [
        ({}, ("header", "#/x-request-id", "missing")),
        ({"x-request-id": "r", "x-tries": "0"}, ("header", "#/x-tries", "greater_than_equal")),
        ({"x-request-id": "r", "x-tries": "many"}, ("header", "#/x-tries", "int_parsing")),
    ],
    ids=["missing", "too small", "not a number"],
)
def test_invalid_header_is_reported_with_its_name(sent_headers: dict[str, str], fault: tuple[str, str, str]) -> None:
    response = client.get("/headers", headers=sent_headers)

    assert (response.status, faults(response)) == (422, [fault])


def test_injected_values_need_nothing_from_the_caller() -> None:
    response = client.as_(Person("alice")).get(f"/injected/{ID}")

    assert response.json() == [ID, "alice", "GET", True, 50]


def traced(handler: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(handler)
    def trace(*args: Any, **kwargs: Any) -> Any:
        return handler(*args, **kwargs)

    return trace


@app.get("/limited", allow=PUBLIC)
@traced
def limited(limit: int = 5, *, page: int = 1) -> list[int]:
    return [limit, page]


def test_decorated_handler_is_bound_by_its_own_signature() -> None:
    assert client.get("/limited", limit=2, page=3).json() == [2, 3]


# regression: the defaults were read from the wrapper, so the parameter became required (422).
def test_decorated_handler_keeps_its_defaults() -> None:
    assert client.get("/limited").json() == [5, 1]
