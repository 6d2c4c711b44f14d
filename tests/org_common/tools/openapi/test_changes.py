"""Each small change of a document, and whether it breaks callers."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from org_common.tools.openapi.changes import Change, changes
from org_common.tools.openapi.document import document
from tests.org_common.tools.openapi import shop

Json = dict[str, Any]
Mutate = Callable[[Json], object]

BASE = document([shop.app], title="Shop")
LIST = "/orgs/{orgId}/orders"
ONE = "/orgs/{orgId}/orders/{number}"


def listed(made: Json) -> Json:
    found: Json = made["paths"][LIST]["get"]
    return found


def added(made: Json) -> Json:
    found: Json = made["paths"][LIST]["post"]
    return found


def schema(made: Json, name: str) -> Json:
    found: Json = made["components"]["schemas"][name]
    return found


def parameter(made: Json, name: str) -> Json:
    found: list[Json] = [each for each in listed(made)["parameters"] if each["name"] == name]
    return found[0]


def new_parameter(*, required: bool, place: str = "query") -> Mutate:
    made = {"name": "x", "in": place, "required": required, "schema": {"type": "string"}}
    return lambda each: listed(each)["parameters"].append(made)


def only(*names: str) -> Mutate:
    return lambda made: listed(made).update(
        parameters=[each for each in listed(made)["parameters"] if each["name"] in names]
    )


BREAKING: list[tuple[str, Mutate, str]] = [
    ("path gone", lambda made: made["paths"].pop("/health"), "operation-removed"),
    ("method gone", lambda made: made["paths"][LIST].pop("post"), "operation-removed"),
    ("other operationId", lambda made: listed(made).update(operationId="x"), "operation-id-changed"),
    ("stricter rule", lambda made: listed(made).update({"x-rule": "Check('false')"}), "rule-changed"),
    ("laxer rule", lambda made: listed(made).update({"x-rule": "PUBLIC"}), "rule-changed"),
    (
        "token wanted",
        lambda made: made["paths"]["/health"]["get"].update(security=[{"fromAuthorizer": []}]),
        "security-changed",
    ),
    (
        "other token",
        lambda made: made["components"]["securitySchemes"]["fromAuthorizer"].update(scheme="basic"),
        "security-changed",
    ),
    ("required parameter", new_parameter(required=True), "required-parameter-added"),
    ("required header", new_parameter(required=True, place="header"), "required-parameter-added"),
    ("query parameter gone", only("orgId", "state", "since", "leastCount", "limit"), "parameter-removed"),
    ("parameter required", lambda made: parameter(made, "since").update(required=True), "parameter-became-required"),
    (
        "parameter narrower",
        lambda made: parameter(made, "leastCount")["schema"].update(maximum=10),
        "constraint-changed",
    ),
    ("parameter's default", lambda made: parameter(made, "leastCount")["schema"].update(default=2), "default-changed"),
    ("parameter's type", lambda made: parameter(made, "since").update(schema={"type": "integer"}), "type-removed"),
    ("body gone", lambda made: added(made).pop("requestBody"), "body-removed"),
    ("body wanted", lambda made: listed(made).update(requestBody=added(made)["requestBody"]), "body-added"),
    (
        "body required",
        lambda made: made["paths"]["/admin/sys/state"]["put"]["requestBody"].update(required=True),
        "body-became-required",
    ),
    (
        "media type of a body gone",
        lambda made: made["paths"][ONE]["patch"]["requestBody"].update(content={"text/csv": {}}),
        "media-type-removed",
    ),
    (
        "required field in a request",
        lambda made: schema(made, "NewOrder")["required"].append("note"),
        "field-became-required",
    ),
    (
        "new required field in a request",
        lambda made: (
            schema(made, "NewOrder")["properties"].update(x={"type": "string"}),
            schema(made, "NewOrder")["required"].append("x"),
        ),
        "required-field-added",
    ),
    ("field of a request gone", lambda made: schema(made, "NewOrder")["properties"].pop("note"), "field-removed"),
    ("field of an answer gone", lambda made: schema(made, "Order")["properties"].pop("note"), "field-removed"),
    (
        "field of an answer may be missing",
        lambda made: schema(made, "Order")["required"].remove("note"),
        "field-became-optional",
    ),
    (
        "field of an answer may be null",
        lambda made: schema(made, "Order")["properties"].update(
            id={"anyOf": [{"type": "string", "format": "uuid"}, {"type": "null"}]}
        ),
        "type-added",
    ),
    (
        "field of an answer of another type",
        lambda made: schema(made, "Order")["properties"].update(id={"type": "integer"}),
        "type-added",
    ),
    ("enum value gone", lambda made: schema(made, "State").update(enum=["open"]), "enum-value-removed"),
    ("enum value new", lambda made: schema(made, "State").update(enum=["open", "paid", "lost"]), "enum-value-added"),
    (
        "items of a page",
        lambda made: schema(made, "PageOfOrder")["properties"]["items"].update(items={"type": "string"}),
        "type-added",
    ),
    ("success gone", lambda made: made["paths"][ONE]["get"]["responses"].pop("204"), "status-removed"),
    ("success new", lambda made: listed(made)["responses"].update({"202": {"description": "x"}}), "status-added"),
    ("no content", lambda made: listed(made)["responses"]["200"].pop("content"), "media-type-removed"),
    ("Location gone", lambda made: added(made)["responses"]["201"]["headers"].pop("Location"), "header-removed"),
    (
        "Location not always",
        lambda made: added(made)["responses"]["201"]["headers"]["Location"].update(required=False),
        "header-became-optional",
    ),
    ("field of a problem gone", lambda made: schema(made, "Problem")["properties"].pop("code"), "field-removed"),
]

COMPATIBLE: list[tuple[str, Mutate, str]] = [
    ("path new", lambda made: made["paths"].update({"/x": made["paths"]["/health"]}), "operation-added"),
    ("no token wanted", lambda made: listed(made).update(security=[]), "security-changed"),
    ("another token too", lambda made: listed(made)["security"].append({"x": []}), "security-changed"),
    ("deprecated", lambda made: listed(made).update(deprecated=True), "deprecation-changed"),
    ("optional parameter", new_parameter(required=False), "parameter-added"),
    (
        "header not read any more",
        lambda made: made["paths"][ONE]["get"].update(parameters=made["paths"][ONE]["get"]["parameters"][:2]),
        "parameter-removed",
    ),
    (
        "parameter wider",
        lambda made: parameter(made, "leastCount")["schema"].update(maximum=9999),
        "constraint-changed",
    ),
    (
        "optional body",
        lambda made: listed(made).update(requestBody=made["paths"]["/admin/sys/state"]["put"]["requestBody"]),
        "body-added",
    ),
    ("body optional", lambda made: added(made)["requestBody"].update(required=False), "body-became-optional"),
    (
        "media type of a body new",
        lambda made: added(made)["requestBody"]["content"].update({"application/x": {}}),
        "media-type-added",
    ),
    ("optional field in a request", lambda made: schema(made, "NewOrder")["properties"].update(x={}), "field-added"),
    ("field of a request optional", lambda made: schema(made, "NewOrder").update(required=[]), "field-became-optional"),
    ("field of an answer new", lambda made: schema(made, "Order")["properties"].update(x={}), "field-added"),
    (
        "field of an answer never null",
        lambda made: schema(made, "Order")["properties"].update(note={"type": "string"}),
        "type-removed",
    ),
    ("error gone", lambda made: listed(made)["responses"].pop("504"), "status-removed"),
    (
        "error new",
        lambda made: listed(made)["responses"].update({"410": {"$ref": "#/components/responses/Gone"}}),
        "status-added",
    ),
    (
        "header of an answer new",
        lambda made: listed(made)["responses"]["200"]["headers"].update({"X": {"schema": {}}}),
        "header-added",
    ),
]


def rename_path_parameter(made: Json) -> None:
    for operation in made["paths"][LIST].values():
        operation["parameters"] = [
            {**each, "name": each["name"].replace("orgId", "id")} for each in operation["parameters"]
        ]
    made["paths"]["/orgs/{id}/orders"] = made["paths"].pop(LIST)


def mutated(mutate: Mutate) -> list[Change]:
    made = deepcopy(BASE)
    mutate(made)
    return changes(BASE, made)


def ids(cases: list[tuple[str, Mutate, str]]) -> list[str]:
    return [case[0] for case in cases]


@pytest.mark.parametrize(("mutate", "kind"), [case[1:] for case in BREAKING], ids=ids(BREAKING))
def test_breaks_callers(mutate: Mutate, kind: str) -> None:
    assert kind in {change.kind for change in mutated(mutate) if change.breaking}


@pytest.mark.parametrize(("mutate", "kind"), [case[1:] for case in COMPATIBLE], ids=ids(COMPATIBLE))
def test_compatible_changes_do_not_break_clients(mutate: Mutate, kind: str) -> None:
    found = mutated(mutate)

    assert [change for change in found if change.breaking] == []
    assert {change.kind for change in found} == {kind}


@pytest.mark.parametrize(
    "mutate",
    [
        lambda made: made["info"].update(title="Other", version="2"),
        lambda made: listed(made).update(summary="x", description="x", tags=[]),
        lambda made: schema(made, "Order").update(description="x", examples=[{}]),
        rename_path_parameter,
        lambda made: made["paths"].update(dict(reversed(made["paths"].items()))),
        lambda made: listed(made)["parameters"].reverse(),
        lambda made: [each.pop("x-rule") for item in made["paths"].values() for each in item.values()],
    ],
    ids=["title", "words", "words of a schema", "name of a path parameter", "order of paths", "order", "no rules"],
)
def test_is_no_change(mutate: Mutate) -> None:
    assert mutated(mutate) == []


def test_change_reports_where_it_is() -> None:
    [found] = mutated(lambda made: schema(made, "Order")["required"].remove("parent"))[:1]

    assert str(found) == (
        "BREAKING    GET /orgs/{orgId}/orders, response 200 #/items/*/parent: may now be missing "
        "(field-became-optional)"
    )
    assert found.as_dict()["part"] == "response 200 #/items/*/parent"


def test_media_type_that_is_accepted_still_does_not_break() -> None:
    """Earlier documents listed application/merge-patch+json next to application/json."""
    content = BASE["paths"][ONE]["patch"]["requestBody"]["content"]
    body = {"required": True, "content": {**content, "application/merge-patch+json": content["application/json"]}}
    old = deepcopy(BASE)
    old["paths"][ONE]["patch"]["requestBody"] = body

    assert [(each.kind, each.breaking) for each in changes(old, BASE)] == [("media-type-removed", False)]


def test_without_a_server_there_is_none_to_lose() -> None:
    without = {name: value for name, value in BASE.items() if name != "servers"}

    assert BASE["servers"] == [{"url": "/"}]
    assert (changes(without, BASE), changes(BASE, without)) == ([], [])


def test_server_that_is_gone_breaks() -> None:
    old = document([shop.app], title="Shop", servers=["https://api.test"])

    assert [(each.kind, each.breaking) for each in changes(old, BASE)] == [("server-removed", True)]
    assert changes(BASE, old) == []
