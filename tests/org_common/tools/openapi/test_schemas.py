import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ConfigDict, StringConstraints
from typing_extensions import TypedDict

from org_common import Model, Patch
from org_common.tools.openapi.schemas import Schemas
from tests.org_common.tools.openapi import shelf, shop

T = TypeVar("T")


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
    assert all(components[name]["title"] == name for name in components)


def test_model_that_is_read_and_written_is_two() -> None:
    schemas = Schemas()
    schemas.of(shop.NewOrder, "in")
    schemas.of(shop.Order, "out")

    assert {"Line-Input", "Line-Output"} <= schemas.build().keys()


def classes(components: dict[str, Any]) -> list[str]:
    """The classes that openapi-python-client and others make: named by title, else by the component."""
    return ["".join(re.findall("[a-z0-9]", schema.get("title", name).lower())) for name, schema in components.items()]


class Tree(Model):
    name: str
    depth: int = 0
    children: "list[Tree] | None" = None


class TreeInput(Model):
    depth: int


class Box(Model, Generic[T]):
    item: T


class Titled(Model):
    model_config = ConfigDict(title="Tree")
    depth: int = 0


class Purchase(Model):
    model_config = ConfigDict(title="Purchase order")
    depth: int


class PageOfPurchase(Model):
    depth: int


@dataclass
class Data:
    depth: int = 0


class Typed(TypedDict):
    depth: int


MODELS: list[Any] = [
    Tree,
    TreeInput,
    Box[Tree],
    Box[int],
    Titled,
    Purchase,
    PageOfPurchase,
    Data,
    Typed,
    Loose,
    Sketch,
    shop.State,
]
MODELS += [shop.Item, shelf.Item, shop.Line, list[Tree], Tree | Titled, dict[str, Box[Titled]], Tree | None]


@given(
    asked=st.lists(st.tuples(st.sampled_from(MODELS), st.sampled_from(["in", "out", "page"])), min_size=1, max_size=8)
)
@example([(Tree, "in"), (Tree, "out")])
@example([(Tree, "in"), (Tree, "out"), (TreeInput, "in")])
@example([(Box[Tree], "in"), (Box[Tree], "out"), (Tree, "page")])
@example([(Titled, "in"), (Tree, "out")])
@example([(shop.Item, "in"), (shelf.Item, "in")])
def test_generated_classes_have_names_of_their_own(asked: list[tuple[Any, Any]]) -> None:
    schemas = Schemas()
    for model, direction in asked:
        if direction == "page":
            schemas.page(model)
        else:
            schemas.of(model, direction)
    components = schemas.build()

    assert len(set(classes(components))) == len(components), {
        name: schema.get("title") for name, schema in components.items()
    }


@given(
    st.lists(
        st.tuples(
            st.from_regex(r"[A-C](Input|Output|2)?", fullmatch=True),
            st.none() | st.from_regex(r"[A-C]([ -]?[iI]nput|2)?", fullmatch=True),
            st.sampled_from(["in", "out", "both"]),
        ),
        max_size=6,
        unique_by=lambda each: each[0],
    )
)
def test_titles_of_ones_own_never_make_two_classes_of_one_name(models: list[tuple[str, str | None, str]]) -> None:
    schemas = Schemas()
    for name, title, direction in models:
        config = ConfigDict() if title is None else ConfigDict(title=title)
        made = type(
            name, (Model,), {"model_config": config, "__annotations__": {"a": int}, "a": 0, "__module__": __name__}
        )
        for each in ("in", "out") if direction == "both" else (direction,):
            schemas.of(made, each)
    components = schemas.build()

    assert len(set(classes(components))) == len(components)


def test_title_of_the_schema_of_errors_is_taken() -> None:
    class Trouble(Model):
        model_config = ConfigDict(title="Problem")
        depth: int

    _, components = built(Trouble, "out")

    assert components["Trouble"]["title"] == "Trouble"


def test_title_that_only_one_has_is_kept() -> None:
    schemas = Schemas()
    for model in (Purchase, Tree, Box[Tree]):
        schemas.of(model, "out")
    components = schemas.build()

    assert {name: schema["title"] for name, schema in components.items()} == {
        "Box_Tree": "Box[Tree]",
        "Purchase": "Purchase order",
        "Tree": "Tree",
    }


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
