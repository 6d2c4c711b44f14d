from typing import Annotated, Any

import pytest

from org_common import SIGNED_IN, App, Header, Precondition, Response, Stream, Transaction
from org_common.tools.openapi.document import document
from org_common.tools.openapi.operations import wire_path
from tests.org_common.tools.openapi import shop

PATHS = document([shop.app], title="Shop")["paths"]
LIST, ADD = PATHS["/orgs/{orgId}/orders"]["get"], PATHS["/orgs/{orgId}/orders"]["post"]
ONE = PATHS["/orgs/{orgId}/orders/{number}"]


def parameters(operation: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in operation["parameters"]}


@pytest.mark.parametrize(
    ("path", "called"),
    [("/", "/"), ("/orgs", "/orgs"), ("/orgs/{org_id}/email-domains/{id}", "/orgs/{orgId}/email-domains/{id}")],
)
def test_path_is_called_in_camel_case(path: str, called: str) -> None:
    assert wire_path(path) == called


def test_words_come_from_the_docstring() -> None:
    assert LIST["summary"] == "The organization's orders."
    assert LIST["description"] == "The newest come first."
    assert "description" not in ADD
    assert "summary" not in ONE["get"]


def test_parameters_are_in_the_order_of_path_query_header() -> None:
    assert [(each["in"], each["name"]) for each in LIST["parameters"]] == [
        ("path", "orgId"),
        ("query", "state"),
        ("query", "since"),
        ("query", "leastCount"),
        ("query", "limit"),
        ("query", "cursor"),
        ("header", "If-None-Match"),
    ]
    assert [each["name"] for each in ONE["get"]["parameters"]] == ["orgId", "number", "x-trace", "If-None-Match"]


def test_parameters_have_types_constraints_and_defaults() -> None:
    found = parameters(LIST)

    assert found["orgId"]["schema"] == {"type": "string", "format": "uuid"}
    assert found["orgId"]["required"] is True
    assert found["state"]["schema"] == {"default": "open", "$ref": "#/components/schemas/State"}
    assert found["since"]["schema"] == {"type": "string", "format": "date"}
    assert found["leastCount"]["schema"] == {"type": "integer", "minimum": 1, "maximum": 1000, "default": 1}
    assert found["limit"]["schema"]["maximum"] == 100


def test_integer_has_as_many_digits_as_are_read() -> None:
    assert parameters(ONE["get"])["number"]["schema"]["maximum"] == 999_999_999_999_999_999


def test_text_of_a_path_is_not_empty() -> None:
    assert parameters(PATHS["/items/{name}"]["get"])["name"]["schema"] == {"type": "string", "minLength": 1}


def test_idempotent_route_takes_a_key() -> None:
    key = parameters(ADD)["Idempotency-Key"]

    assert (key["in"], key["required"]) == ("header", False)
    assert "Idempotent-Replayed" in ADD["responses"]["201"]["headers"]
    assert "Idempotency-Key" not in parameters(LIST)


@pytest.mark.parametrize("header", ["Idempotency-Key", "If-Match"])
@pytest.mark.parametrize("required", [True, False])
def test_header_that_the_handler_declares_too_is_listed_once(header: str, required: bool) -> None:
    app = App("once")

    def add(tx: Transaction, precondition: Precondition, key: Any) -> None: ...

    add.__annotations__["key"] = Annotated[str if required else str | None, Header(header)]
    add.__defaults__ = None if required else (None,)
    app.post("/orders", allow=SIGNED_IN, idempotent=True)(add)

    listed = document([app], title="Shop")["paths"]["/orders"]["post"]["parameters"]

    assert [(each["name"], each["required"]) for each in listed if each["name"].lower() == header.lower()] == [
        (header, required)
    ]


def test_body_is_required_unless_it_has_a_default() -> None:
    assert ADD["requestBody"] == {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/NewOrder"}}},
    }
    assert PATHS["/admin/sys/state"]["put"]["requestBody"]["required"] is False


def test_each_body_has_one_media_type() -> None:
    """Generators make a function of each, and some of them one that does not work."""
    bodies = [
        operation["requestBody"] for path in PATHS.values() for operation in path.values() if "requestBody" in operation
    ]

    assert all(len(body["content"]) == 1 for body in bodies)
    assert list(ONE["patch"]["requestBody"]["content"]) == ["application/json"]


def test_created_thing_has_an_address() -> None:
    location = ADD["responses"]["201"]["headers"]["Location"]

    assert location["required"] is True


@pytest.mark.parametrize(
    ("operation", "statuses"),
    [
        (LIST, ["200", "304"]),
        (ADD, ["201"]),
        (ONE["get"], ["200", "204", "304"]),
        (ONE["delete"], ["204"]),
        (PATHS["/admin/sys/state"]["put"], ["200", "204"]),
    ],
    ids=["page", "created", "or nothing", "nothing", "nobody knows"],
)
def test_statuses_of_success(operation: dict[str, Any], statuses: list[str]) -> None:
    assert [status for status in operation["responses"] if status[0] in "23"] == statuses
    assert "content" not in operation["responses"].get("204", {})


@pytest.mark.parametrize(
    ("operation", "schema"),
    [
        (LIST, {"$ref": "#/components/schemas/PageOfOrder"}),
        (PATHS["/health"]["get"], {"type": "object", "additionalProperties": {"type": "string"}}),
        (PATHS["/admin/sys/state"]["put"], {}),
        (ONE["get"], {"$ref": "#/components/schemas/Order"}),
    ],
    ids=["page", "no model", "nobody knows", "or nothing"],
)
def test_schema_of_an_response(operation: dict[str, Any], schema: dict[str, Any]) -> None:
    assert operation["responses"]["200"]["content"]["application/json"]["schema"] == schema


def test_response_made_by_hand_may_be_anything() -> None:
    assert PATHS["/files/{name}"]["get"]["responses"]["200"].keys() == {"description", "headers"}


def test_form_is_a_body_of_its_own_kind() -> None:
    body = PATHS["/login"]["post"]["requestBody"]

    assert list(body["content"]) == ["application/x-www-form-urlencoded"]


def test_cookie_is_a_parameter() -> None:
    assert parameters(PATHS["/login"]["post"])["theme_name"]["in"] == "cookie"


def test_list_in_a_query_is_an_array() -> None:
    found = parameters(PATHS["/items"]["get"])

    assert found["tag"]["schema"] == {"type": "array", "items": {"type": "string"}, "maxItems": 3}
    assert found["size"]["schema"] == {"type": "array", "items": {"type": "integer"}}


def test_change_takes_the_tag_of_what_was_read() -> None:
    put = PATHS["/items/{name}"]["put"]

    assert parameters(put)["If-Match"]["required"] is False
    assert {"412", "428"} <= put["responses"].keys()


def test_read_thing_has_a_tag() -> None:
    assert "ETag" in ONE["get"]["responses"]["200"]["headers"]
    assert "ETag" in ONE["get"]["responses"]["304"]["headers"]
    assert "304" not in ONE["patch"]["responses"]


def test_rule_and_token_are_reported() -> None:
    assert LIST["x-rule"] == repr(shop.MEMBER)
    assert LIST["security"] == [{"fromAuthorizer": []}]
    assert PATHS["/health"]["get"]["security"] == []
    assert PATHS["/admin/sys/state"]["put"]["x-database-role"] == "app_sys"


@pytest.mark.parametrize(
    ("annotation", "content"),
    [
        (Stream, {"text/event-stream": {"schema": {"type": "string"}}}),
        (Stream | Response, {"text/event-stream": {"schema": {"type": "string"}}}),
        (Annotated[Stream, "text/csv"], {"text/csv": {"schema": {"type": "string"}}}),
        (Annotated[Stream, "application/zip"], {"application/zip": {"schema": {}}}),
    ],
)
def test_stream_has_the_media_type_of_its_annotation(annotation: Any, content: dict[str, Any]) -> None:
    app = App("streams")

    def stream() -> Any: ...

    stream.__annotations__["return"] = annotation
    app.get("/stream", allow=SIGNED_IN)(stream)

    responses = document([app], title="Streams")["paths"]["/stream"]["get"]["responses"]

    assert responses["200"] == {"description": "OK.", "content": content}
    assert "304" not in responses
