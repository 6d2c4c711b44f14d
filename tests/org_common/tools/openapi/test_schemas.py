from collections.abc import Callable
from typing import Annotated, Any

import pytest
from pydantic import StringConstraints
from typing_extensions import TypedDict

from org_common import Model, Patch
from org_common.tools.openapi.schemas import Schemas
from tests.org_common.tools.openapi import shelf, shop


class Sketch(Model):
    title: Annotated[str, StringConstraints(min_length=3, strip_whitespace=True)]
    draft: bool = True


class SketchPatch(Patch):
    title: str


class Loose(TypedDict, total=False):
    name: str


def built(annotation: Any, direction: Any, **constraints: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    schemas = Schemas()
    schema = schemas.of(annotation, direction, constraints)
    return schema, schemas.build()


def test_request_may_leave_out_what_has_a_default() -> None:
    _, components = built(Sketch, "in")

    assert components["Sketch"]["required"] == ["title"]
    assert components["Sketch"]["additionalProperties"] is False


def test_response_has_every_field_and_may_get_others() -> None:
    _, components = built(Sketch, "out")

    assert components["Sketch"]["required"] == ["title", "draft"]
    assert "additionalProperties" not in components["Sketch"]
    assert "default" not in components["Sketch"]["properties"]["draft"]


def test_typed_dict_reports_itself_what_it_needs() -> None:
    _, components = built(Loose, "out")

    assert "required" not in components["Loose"]


def test_field_of_a_patch_has_no_default() -> None:
    _, components = built(SketchPatch, "in")

    assert components["SketchPatch"]["properties"] == {"title": {"type": "string"}}


def test_length_without_white_space_around_is_a_pattern() -> None:
    _, components = built(Sketch, "in")

    assert components["Sketch"]["properties"]["title"]["pattern"] == r"\S[\s\S]{1,}\S"


def test_conflicting_names_get_the_names_of_their_modules() -> None:
    schemas = Schemas()
    answers = [schemas.of(each, "out") for each in (shop.Item, shelf.Item)]
    components = schemas.build()

    assert [each["$ref"].removeprefix("#/components/schemas/") for each in answers] == [
        "tests__org_common__tools__openapi__shop__Item",
        "tests__org_common__tools__openapi__shelf__Item",
    ]
    assert all(components[name]["title"] == "Item" for name in components)


def test_model_that_is_read_and_written_is_two() -> None:
    schemas = Schemas()
    schemas.of(shop.NewOrder, "in")
    schemas.of(shop.Order, "out")

    assert {"Line-Input", "Line-Output"} <= schemas.build().keys()


def test_page_is_a_component() -> None:
    schemas = Schemas()
    page = schemas.page(shop.Line)
    components = schemas.build()

    assert page == {"$ref": "#/components/schemas/PageOfLine"}
    assert components["PageOfLine"]["required"] == ["items", "nextCursor"]
    assert components["PageOfLine"]["properties"]["items"]["items"] == {"$ref": "#/components/schemas/Line"}


def test_page_of_inline_items_is_inline() -> None:
    schemas = Schemas()
    page = schemas.page(str)
    schemas.build()

    assert page["properties"]["items"]["items"] == {"type": "string"}


def test_page_whose_name_is_taken_is_inline() -> None:
    class PageOfLine(Model):
        other: int

    schemas = Schemas()
    schemas.of(PageOfLine, "out")
    page = schemas.page(shop.Line)
    components = schemas.build()

    assert list(page["properties"]) == ["items", "nextCursor"]
    assert list(components["PageOfLine"]["properties"]) == ["other"]


def test_constraints_are_part_of_it() -> None:
    schema, _ = built(int, "in", ge=1)

    assert schema == {"type": "integer", "minimum": 1}


def test_what_the_asker_adds_stays_beside_the_type() -> None:
    schemas = Schemas()
    schema = schemas.of(shop.State, "in")
    schema["default"] = "open"
    schemas.build()

    assert schema == {"default": "open", "$ref": "#/components/schemas/State"}


def test_examples_and_docstrings_are_there() -> None:
    _, components = built(shop.Line, "in")

    assert components["Line"]["examples"] == [{"article": "A-1", "count": 2}]
    assert components["Line"]["description"] == "One thing of an order."


class Opaque:
    """Nothing that pydantic knows."""


@pytest.mark.parametrize("kind", [Opaque, Callable[[], int]], ids=["no schema", "no JSON"])
def test_what_json_schema_cannot_say_is_anything(kind: Any) -> None:
    schema, _ = built(kind, "out")

    assert schema == {}
