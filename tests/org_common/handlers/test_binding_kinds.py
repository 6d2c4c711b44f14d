"""Binding of cookies, forms and lists to a handler's arguments."""

from datetime import date
from enum import Enum
from typing import Annotated, Any
from uuid import UUID

import pytest
from pydantic import Field

from org_common import PUBLIC, App, Cookie, Form, Model, Query
from org_common.testing.client import Answer, Client

ID = "0e4b2c52-9d3f-4f6d-8e0c-5e62d94c1b7a"
FORM = "application/x-www-form-urlencoded"
SECRET = "hunter2"


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class Login(Model):
    user_name: Annotated[str, Field(min_length=2)]
    tries: int = 0
    remember_me: bool = False
    device_id: UUID | None = None
    born: date | None = None
    groups: list[int] = Field(default_factory=list)


app = App("kinds")
client = Client(app)


@app.get("/cookies", allow=PUBLIC)
def cookies(
    session: Annotated[str, Cookie()],
    tries: Annotated[int, Cookie("__Host-tries", ge=1)] = 1,
    dark_mode: Annotated[bool | None, Cookie()] = None,
) -> list[Any]:
    return [session, tries, dark_mode]


@app.get("/lists", allow=PUBLIC)
def lists(
    ids: list[UUID],
    tags: list[str] = [],  # noqa: B006 - as users write it
    colors: list[Color] | None = None,
    some_numbers: Annotated[list[int], Query(min_length=1, max_length=3)] = [7],  # noqa: B006
    few: Annotated[list[int] | None, Query("few[]", max_length=1)] = None,
) -> dict[str, Any]:
    tags.append("changed")
    return {"ids": ids, "tags": tags, "colors": colors, "numbers": some_numbers, "few": few}


@app.post("/logins", allow=PUBLIC)
def login(body: Annotated[Login, Form()], dry_run: bool = False) -> Login:
    return body


@app.post("/maybe", allow=PUBLIC)
def maybe(body: Annotated[Login | None, Form()] = None) -> bool:
    return body is None


def faults(response: Answer) -> set[tuple[str, str, str]]:
    return {(fault["in"], fault["pointer"], fault["code"]) for fault in response.json()["errors"]}


def send(form: bytes, path: str = "/logins", content_type: str = FORM) -> Answer:
    return client.send("POST", path, body=form, headers={"content-type": content_type})


def test_cookies_are_converted_to_their_types() -> None:
    response = client.get("/cookies", headers={"cookie": "session=a=b; __Host-tries=3; dark_mode=true; other=x"})

    assert response.json() == ["a=b", 3, True]


def test_invalid_cookies_are_reported_with_their_names() -> None:
    response = client.get("/cookies", headers={"cookie": f"__Host-tries=0; dark_mode={SECRET}"})

    assert faults(response) == {
        ("cookie", "#/session", "missing"),
        ("cookie", "#/__Host-tries", "greater_than_equal"),
        ("cookie", "#/dark_mode", "bool_parsing"),
    }
    assert SECRET not in response.body.decode()


def test_list_has_all_values_of_its_name() -> None:
    query = f"ids={ID}&tags=a&tags=b&tags=a&colors=red&someNumbers=1&someNumbers=2&few%5B%5D=9"

    assert client.send("GET", "/lists", query=query).json() == {
        "ids": [ID],
        "tags": ["a", "b", "a", "changed"],
        "colors": ["red"],
        "numbers": [1, 2],
        "few": [9],
    }


def test_each_request_has_its_own_copy_of_a_default_list() -> None:
    responses = [client.send("GET", "/lists", query=f"ids={ID}").json() for _ in range(2)]

    assert [response["tags"] for response in responses] == [["changed"]] * 2
    assert (responses[0]["numbers"], responses[0]["colors"], responses[0]["few"]) == ([7], None, None)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {("query", "#/ids", "missing")}),
        (f"ids={ID}&ids=me&ids=you", {("query", "#/ids/1", "uuid_parsing"), ("query", "#/ids/2", "uuid_parsing")}),
        (f"ids={ID}&colors=green", {("query", "#/colors/0", "enum")}),
        (f"ids={ID}" + "&someNumbers=1" * 4, {("query", "#/someNumbers", "too_long")}),
        (f"ids={ID}&few[]=1&few[]=2", {("query", "#/few[]", "too_long")}),
    ],
)
def test_invalid_list_is_reported_with_its_pointer(query: str, expected: set[tuple[str, str, str]]) -> None:
    response = client.send("GET", "/lists", query=query)

    assert (response.status, faults(response)) == (422, expected)


def test_form_is_converted_to_its_model() -> None:
    form = f"userName=J%C3%BCrgen+B&tries=3&rememberMe=true&deviceId={ID}&born=2000-01-02&groups=1&groups=2"

    assert send(form.encode()).json() == {
        "userName": "Jürgen B",
        "tries": 3,
        "rememberMe": True,
        "deviceId": ID,
        "born": "2000-01-02",
        "groups": [1, 2],
    }


@pytest.mark.parametrize(
    ("form", "pointer", "code"),
    [
        (b"", "", ""),
        (b"tries=1", "#/userName", "missing"),
        (b"userName=a", "#/userName", "string_too_short"),
        (b"user_name=me", "#/user_name", "extra_forbidden"),
        (b"userName=me&tries=2_0", "#/tries", "int_parsing"),
        (b"userName=me&tries=%2B2", "#/tries", "int_parsing"),
        (b"userName=me&tries=+2", "#/tries", "int_parsing"),
        (b"userName=me&tries=", "#/tries", "int_parsing"),
        (b"userName=me&rememberMe=on", "#/rememberMe", "bool_parsing"),
        (b"userName=me&deviceId={" + ID.encode() + b"}", "#/deviceId", "uuid_parsing"),
        (b"userName=me&born=0", "#/born", "date_parsing"),
        (b"userName=me&userName=you", "#/userName", "repeated"),
        (b"userName=me&groups=1&groups=x", "#/groups", "int_parsing"),
        (b"userName=me&a/b~=1", "#/a~1b~0", "extra_forbidden"),
    ],
)
def test_invalid_form_is_reported_with_its_pointer(form: bytes, pointer: str, code: str) -> None:
    response = send(form)

    if not form:
        assert (response.status, response.json()["code"]) == (400, "missing_body")
        return
    assert response.status == 422
    assert ("body", pointer, code) in faults(response)


@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data; boundary=x", "text/plain", ""])
def test_other_media_types_are_not_a_form(content_type: str) -> None:
    response = send(b"userName=me", content_type=content_type)

    assert response.status == 415
    assert FORM in response.json()["detail"]


def test_form_may_name_its_charset() -> None:
    assert send(b"userName=me", content_type=f"{FORM}; charset=UTF-8".title()).status == 200


@pytest.mark.parametrize("form", [b"userName=\xff", b"&".join([b"a=1"] * 1001)])
def test_unreadable_form_is_a_bad_request(form: bytes) -> None:
    response = send(form)

    assert (response.status, response.json()["code"]) == (400, "invalid_form")


def test_large_form_is_refused() -> None:
    assert send(b"userName=" + b"a" * 1024 * 1024).status == 413


def test_optional_form_may_be_left_out() -> None:
    assert (client.post("/maybe").json(), send(b"userName=me", "/maybe").json()) == (True, False)


def two(first: Login, second: Annotated[Login, Form()]) -> None: ...
def no_model(name: Annotated[str, Form()]) -> None: ...
def no_parentheses(name: Annotated[str, Cookie]) -> None: ...
def nested(names: list[list[str]]) -> None: ...
def list_in_header(names: Annotated[list[str], Cookie()]) -> None: ...


@pytest.mark.parametrize(
    ("handler", "words"),
    [
        (two, "takes two bodies"),
        (no_model, r"'name' is marked Form\(\) but is not a model"),
        (no_parentheses, r"write Query\(\), Header\(\), Cookie\(\) or Form\(\)"),
        (nested, "'names' cannot be bound"),
        (list_in_header, "'names' cannot be bound"),
    ],
)
def test_invalid_declaration_is_refused(handler: Any, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        App("wrong").post("/x", allow=PUBLIC)(handler)
