"""Results of handlers as responses."""

import json
import warnings
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any
from uuid import UUID

import pytest
from pydantic import Field, computed_field

from org_common import (
    Model,
    Page,
    Request,
    Response,
)
from org_common.events import http_api as gateway
from org_common.handlers import schema
from org_common.handlers.result import ResultWriter
from org_common.values.types import LocalContext
from tests.support.names import name_of

ID = UUID("0e4b2c52-9d3f-4f6d-8e0c-5e62d94c1b7a")


IGNORE = ("ignore", None, Warning, None, 0)


AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Owner(Model):
    full_name: str


class Org(Model):
    id: UUID
    display_name: str
    created_at: datetime
    owned_by: Owner
    settings: dict[str, Any]


class Reading(Model):
    value: float


class Color(Enum):
    RED = "red"


ORG = Org(id=ID, display_name="Acme", created_at=AT, owned_by=Owner(full_name="Alice"), settings={"a_b": {"cD": None}})


def read(event: Any) -> Request:
    request = gateway.HTTP_API.read(event, LocalContext("r-1", 29))
    assert request is not None
    return request


def request(path: str = "/orgs") -> Request:
    return read(gateway.event("POST", path))


def rendered(value: object, annotation: object = None, status: int = 200) -> Response:
    return ResultWriter(annotation, status).render(value, request())


def body(value: object, annotation: object = None) -> Any:
    return json.loads(rendered(value, annotation).body)


def test_success_is_json_that_caches_do_not_store() -> None:
    assert rendered({}).headers == {"content-type": "application/json", "cache-control": "no-store"}


def test_none_is_no_content() -> None:
    response = rendered(None, Org | None)

    assert (response.status, response.body, response.headers) == (204, b"", {})


@pytest.mark.parametrize("value", [{}, [], "", 0, False], ids=repr)
def test_empty_values_are_content(value: object) -> None:
    response = rendered(value)

    assert (response.status, json.loads(response.body)) == (200, value)


def test_response_is_returned_unchanged() -> None:
    response = Response(b"a,b", status=207, headers={"content-type": "text/csv"})

    assert rendered(response, Response, status=201) is response


@pytest.mark.parametrize("value", [ORG, {"id": ID}], ids=["model", "dict"])
@pytest.mark.parametrize("path", ["/orgs", "/orgs/"])
def test_created_has_the_location_of_the_resource(value: object, path: str) -> None:
    response = ResultWriter(None, 201).render(value, request(path))

    assert (response.status, response.headers["location"]) == (201, f"/orgs/{ID}")


def test_location_of_an_id_of_zero() -> None:
    assert rendered({"id": 0}, status=201).headers["location"] == "/orgs/0"


def test_location_contains_the_stage() -> None:
    event = {**gateway.event("POST", "/v1/orgs")}
    event["requestContext"]["stage"] = "v1"

    response = ResultWriter(None, 201).render(ORG, read(event))

    assert response.headers["location"] == f"/v1/orgs/{ID}"


def test_declared_location_replaces_the_path_of_the_request_and_keeps_the_stage() -> None:
    event = {**gateway.event("POST", "/v1/orgs/7/notes")}
    event["requestContext"]["stage"] = "v1"

    response = ResultWriter(None, 201, location="/notes/{id}").render(ORG, read(event))

    assert response.headers["location"] == f"/v1/notes/{ID}"


@pytest.mark.parametrize("location", ["", "/notes", "notes/{id}", "/orgs/{org_id}/notes/{id}", "/notes/{id}/"])
def test_location_that_is_not_a_collection_and_an_id_is_a_type_error(location: str) -> None:
    with pytest.raises(TypeError, match="Example"):
        ResultWriter(None, 201, location=location)


def test_location_without_a_201_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="201"):
        ResultWriter(None, 200, location="/notes/{id}")


@pytest.mark.parametrize("value", [{}, {"id": None}, [], Owner(full_name="a")], ids=repr)
def test_created_without_an_id_has_no_location(value: object) -> None:
    assert "location" not in rendered(value, status=201).headers


def test_other_success_has_no_location() -> None:
    assert "location" not in rendered(ORG, Org, status=202).headers


# regression: the id was not escaped, so a line break in it ended the header.
@pytest.mark.parametrize(
    ("id", "location"),
    [
        ("a b", "/orgs/a%20b"),
        ("a/b?c#d", "/orgs/a%2Fb%3Fc%23d"),
        ("é", "/orgs/%C3%A9"),
        ("a\r\nx-b: 1", "/orgs/a%0D%0Ax-b%3A%201"),
        ("a/b", "/orgs/a%2Fb"),
        ("/evil.example", "/orgs/%2Fevil.example"),
        ('a"b\\', "/orgs/a%22b%5C"),
        ("a.b", "/orgs/a.b"),
        (Color.RED, "/orgs/red"),
        (Decimal("1.10"), "/orgs/1.10"),
        (2**63, "/orgs/9223372036854775808"),
    ],
)
@pytest.mark.parametrize("other", [{}, {"x": 1}], ids=["first", "second"])
def test_id_is_escaped_in_the_location(id: object, location: str, other: dict[str, int]) -> None:
    assert rendered({**other, "id": id}, status=201).headers["location"] == location


def test_location_stays_on_its_host() -> None:
    assert (
        ResultWriter(None, 201).render({"id": "/evil.example"}, request("/")).headers["location"] == "/%2Fevil.example"
    )


@pytest.mark.parametrize("id", ["", ".", ".."])
@pytest.mark.parametrize("other", [{}, {"x": 1}], ids=["first", "second"])
def test_dots_are_not_an_id(id: str, other: dict[str, int]) -> None:
    assert "location" not in rendered({**other, "id": id}, status=201).headers


# regression: a field that is excluded from the body was in the header.
def test_location_has_only_the_id_of_the_body() -> None:
    class Hidden(Model):
        name: str
        id: str = Field(exclude=True)

    assert "location" not in rendered(Hidden(name="a", id="hunter2"), Hidden, status=201).headers


# regression: a value that JSON lacks was written as its repr, with 200: "<coroutine object ...>", "{1, 2}".
@pytest.mark.parametrize(
    "value",
    [{1, 2}, object(), b"\xff", (item for item in [1]), {"a": object()}, [b"x"], Response, test_none_is_no_content],
    ids=["set", "object", "bytes", "generator", "object within", "bytes within", "class", "function"],
)
def test_value_that_json_lacks_is_an_error(value: object) -> None:
    with pytest.raises(TypeError):
        rendered(value)


# regression: behind `-> Owner` a dict was written with undeclared (maybe private) fields, another model as `{}`.
@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
@pytest.mark.parametrize(
    "value",
    [{"full_name": "a", "password_hash": "hunter2"}, Reading(value=1), "text", [Owner(full_name="a")]],
    ids=["dict", "another model", "string", "list"],
)
def test_value_other_than_declared_is_an_error(value: object) -> None:
    with pytest.raises(Exception, match="Owner"):
        rendered(value, Owner)


# With any warning filters that other code has set, and in a function, where no other code has.
@pytest.mark.parametrize("filters", [[], [schema.MISMATCH_IS_ERROR], [schema.MISMATCH_IS_ERROR, IGNORE], [IGNORE]])
@pytest.mark.parametrize("mismatch", [5, {"password_hash": "hunter2"}, Reading(value=1)], ids=type)
def test_value_of_another_type_than_its_field_is_an_error(
    filters: list[Any], mismatch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warnings, "filters", filters)

    with pytest.raises(Exception, match="serialized value may not be as expected"):
        rendered(Owner.model_construct(full_name=mismatch), Owner)


def test_warning_of_a_property_is_not_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    class Old(Owner):
        @computed_field  # type: ignore[prop-decorator]
        @property
        def name(self) -> str:
            warnings.warn("name is old", stacklevel=2)
            return self.full_name

    monkeypatch.setattr(warnings, "filters", [schema.MISMATCH_IS_ERROR, IGNORE])

    assert json.loads(rendered(Old(full_name="a"), Old).body)["name"] == "a"


class Known(Owner):
    password_hash: str


KNOWN = Known(full_name="a", password_hash="hunter2")


FULL_NAME = {"fullName": "a"}


# regression: each model within is written as declared, in any container.
@pytest.mark.parametrize(
    ("annotation", "wrap", "expected"),
    [
        (Owner | Response, lambda value: value, FULL_NAME),
        (Owner | Response | None, lambda value: value, FULL_NAME),
        (Owner, lambda value: value, FULL_NAME),
        (list[Owner], lambda value: [value], [FULL_NAME]),
        (Annotated[Owner, "doc"], lambda value: value, FULL_NAME),
        (Annotated[Owner | None, "doc"] | Response, lambda value: value, FULL_NAME),
        (Owner | Reading, lambda value: value, FULL_NAME),
        (Owner | int | Response, lambda value: value, FULL_NAME),
        (list[Owner] | Response, lambda value: [value], [FULL_NAME]),
        (list[Annotated[Owner, "doc"]], lambda value: [value], [FULL_NAME]),
        (list[Owner | None], lambda value: [None, value], [None, FULL_NAME]),
        (list[list[Owner]], lambda value: [[value]], [[FULL_NAME]]),
        (Sequence[Owner], lambda value: (value,), [FULL_NAME]),
        (Iterable[Owner], lambda value: [value], [FULL_NAME]),
        (tuple[Owner, ...], lambda value: (value,), [FULL_NAME]),
        (tuple[int, Owner], lambda value: (1, value), [1, FULL_NAME]),
        (dict[str, Owner], lambda value: {"a_b": value}, {"a_b": FULL_NAME}),
        (dict[str, list[Owner]], lambda value: {"a_b": [value]}, {"a_b": [FULL_NAME]}),
        (Page[Owner] | Response, lambda value: Page([value], None), {"items": [FULL_NAME], "nextCursor": None}),
        (Page[Owner | Reading], lambda value: Page([value], None), {"items": [FULL_NAME], "nextCursor": None}),
    ],
    ids=name_of,
)
def test_contained_models_are_written_as_declared(
    annotation: Any, wrap: Callable[[Any], Any], expected: object
) -> None:
    mismatch: Any = 5

    assert body(wrap(KNOWN), annotation) == expected
    for invalid in (Owner.model_construct(full_name=mismatch), Org.model_construct(id=ID), {"full_name": "a"}, "text"):
        with pytest.raises((TypeError, ValueError)):
            rendered(wrap(invalid), annotation)


# regression: pydantic warned of it on stderr, with the value, and the response was a 200.
def test_mismatch_in_an_undeclared_model_is_an_error() -> None:
    mismatch: Any = 5

    with pytest.raises(TypeError, match="Owner"):
        rendered({"owner": Owner.model_construct(full_name=mismatch)})


UNSENDABLE = [
    pytest.param("a\r\nset-cookie: x=1", "the value of header '{name}' contains a line break", id="CR LF"),
    pytest.param("a\nb", "the value of header '{name}' contains a line break", id="LF"),
    pytest.param("a\0", "the value of header '{name}' contains a line break", id="NUL"),
    pytest.param(
        'attachment; filename="Łódź.pdf"',
        r"the value of header '{name}' contains characters beyond Latin-1.*RFC 8187.*filename\*=UTF-8''",
        id="beyond Latin-1",
    ),
    pytest.param(5, "expected a string as the value of header '{name}', got int", id="number"),
]


@pytest.mark.parametrize(("value", "message"), UNSENDABLE)
def test_header_that_cannot_be_sent_is_refused(value: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message.format(name="x-name")):
        Response(headers={"X-Name": value})
    with pytest.raises((ValueError, TypeError), match=message.format(name="set-cookie")):
        Response(cookies=[value])
    with pytest.raises((ValueError, TypeError), match=message.format(name="cache-control")):
        ResultWriter(None, 200, value)


@pytest.mark.parametrize(("value", "message"), UNSENDABLE)
def test_header_that_is_set_later_is_checked_too(value: Any, message: str) -> None:
    response, cookies = Response(), Response()
    response.headers["x-name"] = value
    cookies.cookies = (value,)

    for name, invalid in (("x-name", response), ("set-cookie", cookies)):
        with pytest.raises((ValueError, TypeError), match=message.format(name=name)):
            rendered(invalid)
