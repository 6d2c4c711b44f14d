"""Validation and serialization by pydantic."""

import json
from typing import Annotated, Any
from uuid import UUID

import pytest
from pydantic import Field

from org_common.errors import BadRequest, Fault
from org_common.http.schema import body, list_writer, model_writer, scalar
from org_common.model import Model

ID = "0e4b2c52-9d3f-4f6d-8e0c-5e62d94c1b7a"


class Tree(Model):
    node_name: str
    sub_trees: list["Tree"] = Field(default_factory=list)


def parsed(annotation: Any, text: str, **constraints: Any) -> tuple[object, list[tuple[str, str, str]]]:
    one = scalar(annotation, constraints)
    try:
        return one.convert(text), []
    except (ValueError, KeyError) as error:
        return None, [(fault.where, fault.pointer, fault.code) for fault in one.faults(error, "query", "x")]


@pytest.mark.parametrize(
    ("annotation", "text", "value"),
    [
        (str, "", ""),
        (str, " a ", " a "),
        (int, "-5", -5),
        (Annotated[int, Field(ge=1)], "5", 5),
        (UUID, ID, UUID(ID)),
        (UUID, ID.upper(), UUID(ID)),
        (Annotated[UUID, "doc"], ID, UUID(ID)),
        (bool, "true", True),
        (float, "1.5", 1.5),
        (str | None, "a", "a"),
    ],
)
def test_text_becomes_its_type(annotation: Any, text: str, value: object) -> None:
    assert parsed(annotation, text) == (value, [])


@pytest.mark.parametrize(
    ("annotation", "text", "code"),
    [
        (int, " 5", "int_parsing"),
        (Annotated[int, Field(ge=1)], "5_0", "int_parsing"),
        (Annotated[int, Field(ge=1)], "0", "greater_than_equal"),
        (UUID, f"{{{ID}}}", "uuid_parsing"),
        (Annotated[UUID, "doc"], ID.replace("-", ""), "uuid_parsing"),
        (bool, "", "bool_parsing"),
        (float, "one", "float_parsing"),
    ],
)
def test_wrong_text_is_a_fault_and_no_value(annotation: Any, text: str, code: str) -> None:
    assert parsed(annotation, text) == (None, [("query", "#/x", code)])


@pytest.mark.parametrize(
    ("annotation", "text", "constraints", "code"),
    [
        (int, "0", {"ge": 1}, "greater_than_equal"),
        (int, "6", {"lt": 6}, "less_than"),
        (int, "5", {"multiple_of": 2}, "multiple_of"),
        (str, "", {"min_length": 1}, "string_too_short"),
        (str, "abc", {"max_length": 2}, "string_too_long"),
        (str, "ABC", {"pattern": "^[a-z]+$"}, "string_pattern_mismatch"),
    ],
)
def test_constraints_are_held(annotation: Any, text: str, constraints: dict[str, Any], code: str) -> None:
    assert parsed(annotation, text, **constraints) == (None, [("query", "#/x", code)])


def test_integer_keeps_its_strict_spelling_beside_constraints() -> None:
    assert parsed(int, "2_0", ge=1) == (None, [("query", "#/x", "int_parsing")])


def test_body_is_read_by_camel_case_only() -> None:
    faults: list[Fault] = []

    tree = body(Tree)(b'{"nodeName": "a", "subTrees": [{"nodeName": "b"}]}', faults)

    assert tree == Tree(node_name="a", sub_trees=[Tree(node_name="b")])
    assert faults == []


def test_wrong_body_is_faults_and_no_value() -> None:
    faults: list[Fault] = []

    value = body(Tree)(b'{"nodeName": 1, "subTrees": [{}]}', faults)

    assert value is None
    assert [fault.pointer for fault in faults] == ["#/nodeName", "#/subTrees/0/nodeName"]


def test_broken_json_does_not_carry_the_body_into_a_log() -> None:
    with pytest.raises(BadRequest) as caught:
        body(Tree)(b'{"hunter2": ', [])

    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_model_is_written_in_camel_case() -> None:
    written = model_writer(Tree)(Tree(node_name="a", sub_trees=[Tree(node_name="b")]))

    assert json.loads(written) == {"nodeName": "a", "subTrees": [{"nodeName": "b", "subTrees": []}]}


@pytest.mark.parametrize("names", [[], ["a"], ["a", "b"]], ids=len)
def test_models_are_written_as_an_array(names: list[str]) -> None:
    written = list_writer(Tree)([Tree(node_name=name) for name in names])

    assert [each["nodeName"] for each in json.loads(written)] == names


def test_model_is_built_when_it_is_first_needed() -> None:
    class Late(Model):
        name: str

    model_writer(Late)

    assert Late.__pydantic_complete__
