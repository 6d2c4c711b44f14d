"""Validation and serialization by pydantic."""

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from org_common.handlers.numbers import find_inexact_numbers
from org_common.handlers.schema import body_parser, list_writer, model_writer
from org_common.values.errors import BadRequest, Fault
from org_common.values.model import Model

ID = "0e4b2c52-9d3f-4f6d-8e0c-5e62d94c1b7a"


class Tree(Model):
    node_name: str
    sub_trees: list["Tree"] = Field(default_factory=list)


def test_body_is_parsed_by_camel_case_only() -> None:
    faults: list[Fault] = []

    tree = body_parser(Tree)(b'{"nodeName": "a", "subTrees": [{"nodeName": "b"}]}', faults)

    assert tree == Tree(node_name="a", sub_trees=[Tree(node_name="b")])
    assert faults == []


def test_invalid_body_is_faults_without_a_value() -> None:
    faults: list[Fault] = []

    value = body_parser(Tree)(b'{"nodeName": 1, "subTrees": [{}]}', faults)

    assert value is None
    assert [fault.pointer for fault in faults] == ["#/nodeName", "#/subTrees/0/nodeName"]


def test_error_about_invalid_json_has_no_cause_with_the_body() -> None:
    with pytest.raises(BadRequest) as caught:
        body_parser(Tree)(b'{"hunter2": ', [])

    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_model_is_written_in_camel_case() -> None:
    written = model_writer(Tree)(Tree(node_name="a", sub_trees=[Tree(node_name="b")]))

    assert json.loads(written) == {"nodeName": "a", "subTrees": [{"nodeName": "b", "subTrees": []}]}


@pytest.mark.parametrize("names", [[], ["a"], ["a", "b"]], ids=len)
def test_models_are_written_as_an_array(names: list[str]) -> None:
    written = list_writer(Tree)([Tree(node_name=name) for name in names])

    assert [node["nodeName"] for node in json.loads(written)] == names


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


def pointers(content: bytes, model: type[Model] = Order) -> list[str]:
    faults: list[Fault] = []
    assert body_parser(model)(content, faults) is None
    return [fault.pointer for fault in faults]


def test_all_faults_of_a_small_body_are_reported_at_once() -> None:
    assert pointers(b'{"items": [{"name": 1, "size": 1}, {"name": "a"}], "notes": {"a": "x"}}') == [
        "#/items/0/name",
        "#/items/1/size",
        "#/notes/a",
    ]


def test_only_the_first_bad_item_of_a_large_body_is_reported() -> None:
    assert pointers(b'{"items": [' + b"{}," * 300_000 + b"{}]}") == ["#/items/0/name", "#/items/0/size"]


def test_large_valid_body_is_parsed_completely() -> None:
    faults: list[Fault] = []
    item = b'{"name": "a", "size": 1}'

    order = body_parser(Order)(b'{"items": [' + b",".join([item] * 10_000) + b"]}", faults)

    assert (len(order.items), faults) == (10_000, [])


def test_default_that_looks_like_a_schema_is_unchanged() -> None:
    class Report(Model):
        rows: list[int] = Field(default_factory=list)
        shape: dict[str, str] = Field(default={"type": "list"})

    report = body_parser(Report)(b"{}", [])

    assert report.shape == {"type": "list"}


def test_interval_that_is_too_long_is_a_fault_of_the_body() -> None:
    class Wait(Model):
        took: timedelta

    assert pointers(b'{"took": "-P999999999DT1S"}', Wait) == ["#"]


class Counted(Model):
    title: str = ""
    amount: int = 0
    least: int | None = None
    odd: int = 2.5  # type: ignore[assignment]  # a default is not validated


class Integers(Model):
    title: str = ""
    amount: int = 0
    least: int | None = None


NUMBERS = st.one_of(
    st.integers(-(2**66), 2**66),
    st.sampled_from([2**63 - 1, 2**63, -(2**63), -(2**63) - 1, None, True, "9223372036854775808", 1.5, 1e300]),
)


@pytest.mark.parametrize("model", [Counted, Integers])
@given(st.dictionaries(st.sampled_from(["title", "amount", "least", "odd", "more"]), NUMBERS))
def test_number_that_cannot_be_stored_is_a_fault_of_any_model(
    model: type[Model], document: dict[str, int | float | str | None]
) -> None:
    body = json.dumps(document).encode()
    faults: list[Fault] = []
    value = body_parser(model)(body, faults)

    inexact = [fault.pointer for fault in find_inexact_numbers(body)]
    assert [fault.pointer for fault in faults if fault.code == "number_range"] == inexact
    if not faults:
        assert {name: getattr(value, name) for name in document} == document
