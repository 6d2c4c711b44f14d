"""Pagination: `?limit=` and `?cursor=` of a list route."""

from typing import Any

import pytest

from org_common import PUBLIC, App, PageRequest
from org_common.testing.client import Client

app = App("pages")
client = Client(app)


@app.get("/orgs", allow=PUBLIC)
def list_orgs(page: PageRequest, color: str = "", size: str = "") -> dict[str, Any]:
    return {"limit": page.limit, "cursor": page.cursor, "scope": page.scope}


@app.get("/orgs/{org_id}/users", allow=PUBLIC)
def list_users(org_id: str, page: PageRequest) -> dict[str, Any]:
    return {"limit": page.limit, "cursor": page.cursor, "scope": page.scope}


def scope(path: str, query: str = "") -> str:
    page_scope: str = client.send("GET", path, query=query).json()["scope"]
    return page_scope


def test_first_page_has_fifty_items() -> None:
    page = client.get("/orgs").json()

    assert (page["limit"], page["cursor"]) == (50, None)


@pytest.mark.parametrize(("sent", "limit"), [("1", 1), ("50", 50), ("100", 100), ("007", 7), ("%31", 1)])
def test_limit_is_from_one_to_a_hundred(sent: str, limit: int) -> None:
    assert client.send("GET", "/orgs", query=f"limit={sent}").json()["limit"] == limit


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param("0", id="0"),
        pytest.param("101", id="101"),
        pytest.param("-1", id="negative"),
        pytest.param("%2B5", id="plus"),
        pytest.param("", id="empty"),
        pytest.param("abc", id="word"),
        pytest.param("5.0", id="point"),
        pytest.param("1e1", id="exponent"),
        pytest.param("%205", id="space"),
        pytest.param("5%0A", id="newline"),
        pytest.param("5_0", id="underscore"),
        pytest.param("%EF%BC%91", id="full-width digit"),
        pytest.param("%C2%B2", id="superscript digit"),
        pytest.param("9" * 5000, id="5000 digits"),
    ],
)
def test_invalid_limit_is_refused(sent: str) -> None:
    response = client.send("GET", "/orgs", query=f"limit={sent}")

    assert response.status == 422
    assert [(fault["pointer"], fault["code"]) for fault in response.json()["errors"]] == [("#/limit", "out_of_range")]


def test_cursor_is_passed_on_unchanged() -> None:
    assert client.get("/orgs", cursor="a+b/c=").json()["cursor"] == "a+b/c="


@pytest.mark.parametrize("name", ["limit", "cursor"])
def test_repeated_limit_or_cursor_is_refused(name: str) -> None:
    response = client.send("GET", "/orgs", query=f"{name}=1&{name}=1")

    assert [(fault["pointer"], fault["code"]) for fault in response.json()["errors"]] == [(f"#/{name}", "repeated")]


@pytest.mark.parametrize("query", ["limit=5", "cursor=abc", "cursor=abc&limit=5"])
def test_scope_does_not_change_from_page_to_page(query: str) -> None:
    assert scope("/orgs", query) == scope("/orgs")


def test_scope_does_not_depend_on_the_order_of_filters() -> None:
    assert scope("/orgs", "color=red&size=xl") == scope("/orgs", "size=xl&color=red")


@pytest.mark.parametrize(
    ("path", "query"),
    [
        pytest.param("/orgs", "", id="without the filter"),
        pytest.param("/orgs", "color=blue", id="another value"),
        pytest.param("/orgs", "size=red", id="another filter"),
        pytest.param("/orgs", "color=red&size=xl", id="one more filter"),
        pytest.param("/orgs", "color=red%26size%3Dxl", id="a value that looks like two"),
        pytest.param("/orgs/1/users", "", id="another list"),
    ],
)
def test_every_list_has_a_scope_of_its_own(path: str, query: str) -> None:
    assert scope(path, query) != scope("/orgs", "color=red")


def test_same_list_of_another_parent_is_another_list() -> None:
    assert scope("/orgs/1/users") != scope("/orgs/2/users")
