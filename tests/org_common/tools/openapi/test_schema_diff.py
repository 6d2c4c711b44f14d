"""Each small change of a schema, and whether less or more is allowed after it."""

from typing import Any

import pytest

from org_common.tools.openapi.schema_diff import SchemaComparison
from org_common.tools.project.project import ToolError

LESS, MORE, BOTH, NEITHER = (True, False), (False, True), (True, True), (False, False)

TEXT = {"type": "string"}
NULL = {"type": "null"}


def thing(**fields: Any) -> dict[str, Any]:
    """An object that needs all its fields but those called `maybe…`, and takes no others."""
    return {
        "type": "object",
        "properties": fields,
        "required": [name for name in fields if not name.startswith("maybe")],
        "additionalProperties": False,
    }


def opened(**fields: Any) -> dict[str, Any]:
    return {**thing(**fields), "additionalProperties": True}


CASES: list[tuple[str, Any, Any, str, tuple[bool, bool]]] = [
    ("other type", TEXT, {"type": "integer"}, "type-removed", BOTH),
    ("one type more", TEXT, {"anyOf": [TEXT, {"type": "integer"}]}, "type-added", MORE),
    ("null too", TEXT, {"anyOf": [TEXT, NULL]}, "type-added", MORE),
    ("null too, as a list", TEXT, {"type": ["string", "null"]}, "type-added", MORE),
    ("null no more", {"anyOf": [TEXT, NULL]}, TEXT, "type-removed", LESS),
    ("integer to number", {"type": "integer"}, {"type": "number"}, "type-changed", MORE),
    ("number to integer", {"type": "number"}, {"type": "integer"}, "type-changed", LESS),
    ("text to anything", TEXT, {}, "type-changed", MORE),
    ("anything to text", {}, TEXT, "type-changed", LESS),
    ("enum value gone", {"enum": ["a", "b"]}, {"enum": ["a"]}, "enum-value-removed", LESS),
    ("enum value new", {"enum": ["a"]}, {"enum": ["a", "b"]}, "enum-value-added", MORE),
    ("enum became", {"type": "string"}, {"type": "string", "enum": ["a"]}, "enum-changed", LESS),
    ("enum left", {"type": "string", "enum": ["a"]}, {"type": "string"}, "enum-changed", MORE),
    ("const to enum", {"const": "a"}, {"enum": ["a", "b"]}, "enum-value-added", MORE),
    (
        "longer at least",
        {"type": "string", "minLength": 1},
        {"type": "string", "minLength": 2},
        "constraint-changed",
        LESS,
    ),
    ("shorter at least", {"type": "string", "minLength": 2}, {"type": "string"}, "constraint-changed", MORE),
    (
        "shorter at most",
        {"type": "string", "maxLength": 9},
        {"type": "string", "maxLength": 8},
        "constraint-changed",
        LESS,
    ),
    ("longer at most", {"type": "string", "maxLength": 8}, {"type": "string"}, "constraint-changed", MORE),
    ("a floor", {"type": "integer"}, {"type": "integer", "minimum": 0}, "constraint-changed", LESS),
    ("no ceiling", {"type": "integer", "exclusiveMaximum": 0}, {"type": "integer"}, "constraint-changed", MORE),
    ("pattern new", TEXT, {"type": "string", "pattern": "a"}, "constraint-changed", LESS),
    ("pattern gone", {"type": "string", "pattern": "a"}, TEXT, "constraint-changed", MORE),
    (
        "pattern other",
        {"type": "string", "pattern": "a"},
        {"type": "string", "pattern": "b"},
        "constraint-changed",
        BOTH,
    ),
    ("format new", TEXT, {"type": "string", "format": "uuid"}, "constraint-changed", LESS),
    ("steps new", {"type": "integer"}, {"type": "integer", "multipleOf": 2}, "constraint-changed", LESS),
    (
        "finer steps",
        {"type": "integer", "multipleOf": 4},
        {"type": "integer", "multipleOf": 2},
        "constraint-changed",
        MORE,
    ),
    ("coarser", {"type": "integer", "multipleOf": 2}, {"type": "integer", "multipleOf": 4}, "constraint-changed", LESS),
    (
        "other steps",
        {"type": "integer", "multipleOf": 2},
        {"type": "integer", "multipleOf": 3},
        "constraint-changed",
        BOTH,
    ),
    ("no twice", {"type": "array"}, {"type": "array", "uniqueItems": True}, "constraint-changed", LESS),
    ("default other", {"type": "integer", "default": 1}, {"type": "integer", "default": 2}, "default-changed", LESS),
    ("default gone", {"type": "integer", "default": 1}, {"type": "integer"}, "default-changed", LESS),
    ("field gone", thing(a=TEXT), thing(), "field-removed", BOTH),
    ("field gone, others pass", opened(a=TEXT), opened(), "field-removed", MORE),
    ("field new", thing(), thing(maybe=TEXT), "field-added", NEITHER),
    ("required field new", thing(), thing(a=TEXT), "required-field-added", LESS),
    ("others are refused", opened(), thing(), "additional-fields-changed", LESS),
    ("others pass", thing(), opened(), "additional-fields-changed", MORE),
    (
        "values of a map",
        {"type": "object", "additionalProperties": TEXT},
        {"type": "object", "additionalProperties": {"type": "string", "minLength": 1}},
        "constraint-changed",
        LESS,
    ),
    (
        "items",
        {"type": "array", "items": {"type": "integer"}},
        {"type": "array", "items": {"type": "number"}},
        "type-changed",
        MORE,
    ),
    (
        "places of a tuple",
        {"type": "array", "prefixItems": [TEXT]},
        {"type": "array", "prefixItems": [TEXT, TEXT]},
        "type-changed",
        BOTH,
    ),
    ("allOf", {"allOf": [TEXT]}, {"allOf": [{"type": "string", "maxLength": 3}]}, "constraint-changed", LESS),
]


@pytest.mark.parametrize(
    ("old", "new", "kind", "verdict"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_verdict(old: Any, new: Any, kind: str, verdict: tuple[bool, bool]) -> None:
    found = list(SchemaComparison({}, {}).compare(old, new))

    assert kind in {each.kind for each in found}
    assert (any(each.narrows for each in found), any(each.widens for each in found)) == verdict


@pytest.mark.parametrize(("old", "new"), [case[1:3] for case in CASES], ids=[case[0] for case in CASES])
def test_same_schema_has_no_differences(old: Any, new: Any) -> None:
    assert list(SchemaComparison({}, {}).compare(old, old)) == []
    assert list(SchemaComparison({}, {}).compare(new, new)) == []


def test_field_that_becomes_required() -> None:
    old = {"type": "object", "properties": {"a": TEXT}}
    new = {**old, "required": ["a"]}

    [there] = SchemaComparison({}, {}).compare(old, new)
    [back] = SchemaComparison({}, {}).compare(new, old)

    assert (there.kind, there.narrows, there.widens) == ("field-became-required", True, False)
    assert (back.kind, back.narrows, back.widens) == ("field-became-optional", False, True)


def test_pointer_leads_to_what_changed() -> None:
    old = thing(items={"type": "array", "items": thing(name=TEXT)})
    new = thing(items={"type": "array", "items": thing(name={"type": "string", "minLength": 1})})

    [found] = SchemaComparison({}, {}).compare(old, new)

    assert found.pointer == "#/items/*/name"


def test_order_of_a_union_is_no_difference() -> None:
    one, other = thing(a=TEXT), thing(b=TEXT)

    assert list(SchemaComparison({}, {}).compare({"anyOf": [one, other]}, {"anyOf": [other, one]})) == []


def test_component_may_be_called_otherwise() -> None:
    old = {"components": {"schemas": {"Org": TEXT}}}
    new = {"components": {"schemas": {"access__Org": TEXT}}}

    found = SchemaComparison(old, new).compare(
        {"$ref": "#/components/schemas/Org"}, {"$ref": "#/components/schemas/access__Org"}
    )

    assert list(found) == []


def test_model_that_holds_itself_is_compared_once() -> None:
    def tree(**more: Any) -> dict[str, Any]:
        fields = {"children": {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}}, **more}
        return {"components": {"schemas": {"Tree": thing(**fields)}}}

    reference = {"$ref": "#/components/schemas/Tree"}

    assert list(SchemaComparison(tree(), tree()).compare(reference, reference)) == []
    assert [each.kind for each in SchemaComparison(tree(), tree(a=TEXT)).compare(reference, reference)] == [
        "required-field-added"
    ]


def test_reference_without_a_target_is_reported() -> None:
    with pytest.raises(ToolError, match=r"other\.json#/Org has no target"):
        list(SchemaComparison({}, {}).compare({"$ref": "other.json#/Org"}, TEXT))
