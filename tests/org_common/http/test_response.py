"""What goes back: results as JSON, errors as problems."""

import json
import warnings
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Any, Optional
from uuid import UUID

import pytest
from typing_extensions import TypeAliasType

from org_common import (
    BadRequest,
    Fault,
    MethodNotAllowed,
    Model,
    OrgError,
    Page,
    Request,
    Response,
    Unauthorized,
    Unavailable,
    Unprocessable,
)
from org_common.events import http_api as gateway
from org_common.handlers import schema
from org_common.handlers.result import ResultWriter
from org_common.http.response import problem
from org_common.values.types import LocalContext

ID = UUID("0e4b2c52-9d3f-4f6d-8e0c-5e62d94c1b7a")


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


ORG_JSON = {
    "id": str(ID),
    "displayName": "Acme",
    "createdAt": "2026-01-02T03:04:05Z",
    "ownedBy": {"fullName": "Alice"},
    "settings": {"a_b": {"cD": None}},
}


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


@pytest.mark.parametrize(
    ("value", "annotation", "expected"),
    [
        pytest.param(ORG, Org, ORG_JSON, id="model"),
        pytest.param(ORG, Org | None, ORG_JSON, id="model or None"),
        pytest.param(ORG, Optional[Org], ORG_JSON, id="optional model"),  # noqa: UP045 - the spelling is what is tested
        pytest.param(ORG, Org | Owner, ORG_JSON, id="one of two models"),
        pytest.param([ORG, ORG], list[Org], [ORG_JSON, ORG_JSON], id="list"),
        pytest.param([], list[Org], [], id="empty list"),
        pytest.param(Page([ORG], "c-1"), Page[Org], {"items": [ORG_JSON], "nextCursor": "c-1"}, id="page"),
        pytest.param(Page([], None), Page[Org], {"items": [], "nextCursor": None}, id="last page"),
        pytest.param(Page([1], 'a"b'), Page[int], {"items": [1], "nextCursor": 'a"b'}, id="page of numbers"),
        pytest.param({"org": ORG, "total": 1}, dict[str, Any], {"org": ORG_JSON, "total": 1}, id="dict with a model"),
        pytest.param({"a_b": 1, "cD": None}, dict[str, Any], {"a_b": 1, "cD": None}, id="dict"),
        pytest.param("é\n", str, "é\n", id="text"),
        pytest.param(5, int, 5, id="number"),
        pytest.param(False, bool, False, id="false"),
        pytest.param({}, dict[str, Any], {}, id="empty dict"),
        pytest.param((1, 2), tuple[int, int], [1, 2], id="tuple"),
        pytest.param(ID, UUID, str(ID), id="UUID"),
        pytest.param(Decimal("1.10"), Decimal, "1.10", id="decimal"),
        pytest.param(Color.RED, Color, "red", id="enum"),
        pytest.param(AT, datetime, "2026-01-02T03:04:05Z", id="datetime"),
    ],
)
@pytest.mark.parametrize("declared", [True, False], ids=["declared", "bare"])
def test_result_is_json(value: object, annotation: object, expected: object, declared: bool) -> None:
    assert body(value, [None, annotation][declared]) == expected


@pytest.mark.parametrize(
    ("value", "annotation"),
    [({"value": float("nan")}, None), (Reading.model_construct(value=float("inf")), Reading)],
    ids=["dict", "model"],
)
def test_number_that_json_lacks_is_null(value: object, annotation: object) -> None:
    assert body(value, annotation) == {"value": None}


def test_datetime_of_another_zone_keeps_its_moment() -> None:
    at = AT.astimezone(timezone(timedelta(hours=2)))

    assert datetime.fromisoformat(body(at)) == AT


def test_headers_of_a_response_are_its_own() -> None:
    shared = {"x-a": "1"}

    Response(headers=shared).headers["x-b"] = "2"

    assert shared == {"x-a": "1"}


# names are kept as given, and `asgi.py` sends them on; ASGI asks for lower case.
def test_header_names_of_a_response_are_lower_case() -> None:
    assert Response(headers={"Content-Type": "text/csv"}).headers == {"content-type": "text/csv"}


def test_filter_of_misfits_leaves_the_warnings_of_others_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    number: Any = 5
    monkeypatch.setattr(warnings, "filters", [schema.MISMATCH_IS_ERROR, ("always", None, Warning, None, 0)])

    with pytest.warns(UserWarning, match="Pydantic serializer warnings"):
        Owner.model_construct(full_name=number).model_dump_json()


class Known(Owner):
    password_hash: str


KNOWN = Known(full_name="a", password_hash="hunter2")


FULL_NAME = {"fullName": "a"}


# as `type Owners = list[Owner]` makes it from Python 3.12 on.
def test_alias_is_what_it_stands_for() -> None:
    assert body([KNOWN], TypeAliasType("Owners", list[Owner])) == [FULL_NAME]


def test_problem_is_rfc_9457() -> None:
    response = problem(BadRequest("No such sort order.", code="unknown_order"), "r-1")

    assert response.status == 400
    assert response.headers == {"content-type": "application/problem+json", "cache-control": "no-store"}
    assert json.loads(response.body) == {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "detail": "No such sort order.",
        "instance": "urn:request:r-1",
        "code": "unknown_order",
    }


def test_problem_lists_its_faults() -> None:
    error = Unprocessable(
        errors=[Fault("body", "#/name", "Field required", "missing"), Fault("query", "#/limit", "Too big", "range")]
    )

    assert json.loads(problem(error, "r-1").body)["errors"] == [
        {"in": "body", "pointer": "#/name", "detail": "Field required", "code": "missing"},
        {"in": "query", "pointer": "#/limit", "detail": "Too big", "code": "range"},
    ]


@pytest.mark.parametrize(
    ("error", "name", "value"),
    [
        pytest.param(MethodNotAllowed(headers={"Allow": "GET, PUT"}), "allow", "GET, PUT", id="405"),
        pytest.param(Unauthorized(), "www-authenticate", "Bearer", id="401"),
        pytest.param(Unavailable(retry_after_s=7), "retry-after", "7", id="503"),
    ],
)
def test_headers_of_an_error_are_sent_in_lower_case(error: OrgError, name: str, value: str) -> None:
    assert problem(error, "r-1").headers[name] == value


def test_cause_of_a_problem_is_not_told() -> None:
    error = OrgError()
    error.__cause__ = RuntimeError("hunter2")

    assert b"hunter2" not in problem(error, "r-1").body


@pytest.mark.parametrize("request_id", ['a"b', "a\\b", "é", "\0"])
def test_odd_request_id_stays_within_its_text(request_id: str) -> None:
    assert json.loads(problem(OrgError(), request_id).body)["instance"] == f"urn:request:{request_id}"


@pytest.mark.parametrize("name", ["", "x y", "x:", "x\r\ny", "ł"])
def test_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is not a valid header name"):
        Response(headers={name: "1"})


def test_latin_1_and_tabs_can_be_sent() -> None:
    assert Response(headers={"x-name": "é\t~"}).headers == {"x-name": "é\t~"}
