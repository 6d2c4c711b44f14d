"""Validation and serialization by pydantic."""

import json
from datetime import timedelta

import pytest
from pydantic import Field

from org_common.handlers.schema import body, list_writer, model_writer
from org_common.values.errors import BadRequest, Fault
from org_common.values.model import Model

ID = "0e4b2c52-9d3f-4f6d-8e0c-5e62d94c1b7a"


class Tree(Model):
    node_name: str
    sub_trees: list["Tree"] = Field(default_factory=list)


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


class Item(Model):
    name: str
    size: int


class Order(Model):
    items: list[Item]
    notes: dict[str, int] = Field(default_factory=dict)


def told(sent: bytes, model: type[Model] = Order) -> list[str]:
    faults: list[Fault] = []
    assert body(model)(sent, faults) is None
    return [fault.pointer for fault in faults]


def test_all_faults_of_a_small_body_are_told_at_once() -> None:
    assert told(b'{"items": [{"name": 1, "size": 1}, {"name": "a"}], "notes": {"a": "x"}}') == [
        "#/items/0/name",
        "#/items/1/size",
        "#/notes/a",
    ]


def test_of_a_large_body_the_first_bad_element_is_told() -> None:
    assert told(b'{"items": [' + b"{}," * 300_000 + b"{}]}") == ["#/items/0/name", "#/items/0/size"]


def test_large_body_that_fits_is_taken_whole() -> None:
    faults: list[Fault] = []
    item = b'{"name": "a", "size": 1}'

    order = body(Order)(b'{"items": [' + b",".join([item] * 10_000) + b"]}", faults)

    assert (len(order.items), faults) == (10_000, [])


def test_default_that_looks_like_a_schema_stays_as_it_is() -> None:
    class Report(Model):
        rows: list[int] = Field(default_factory=list)
        shape: dict[str, str] = Field(default={"type": "list"})

    report = body(Report)(b"{}", [])

    assert report.shape == {"type": "list"}


def test_interval_that_is_too_long_is_a_fault_of_the_body() -> None:
    class Wait(Model):
        took: timedelta

    assert told(b'{"took": "-P999999999DT1S"}', Wait) == ["#"]
