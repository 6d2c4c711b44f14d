from typing import Any, Literal
from uuid import UUID

import pytest

from org_common.tools.check.check import collect
from org_common.tools.check.code.given import Given, Unknown, given
from org_common.tools.check.code.sources import load_sources
from org_common.tools.project.apps import load
from tests.org_common.tools.check.conftest import Shop

pytestmark = pytest.mark.db
CODE = """
class Item(Model):
    size: Literal["small"]
    parent: UUID | None

class NewOrder(Model):
    title: str
    item: Item

def total(order: NewOrder) -> Decimal: ...

@app.post("/orders/{order_id}", allow=SIGNED_IN)
def handler(tx: Transaction, order_id: UUID, body: NewOrder, flag: bool = False) -> None:
    LINES
    tx.value("select 1", PARAMS)
"""


def params(code: Shop, expression: str, lines: str = "pass") -> Given:
    project = code.project(CODE.replace("PARAMS", expression).replace("LINES", lines))
    [use] = collect(load(project), load_sources(project))[0]
    return given(use.call)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("order_id", UUID),
        ("body.title", str),
        ("body.item.size", Literal["small"]),
        ("body.item.parent", UUID | None),
        ("body.title if flag else None", str | None),
        ("1", int),
        ("f'{order_id}'", str),
        ("[order_id]", list[UUID]),
        ("[body.title for _ in ()]", list[str]),
        ("order_id == order_id", bool),
        ("not flag", bool),
        ("len(body.title)", int),
        ("str(order_id)", str),
        ("body.title.upper()", Unknown),
        ("order_id.hex", Unknown),
    ],
)
def test_type_of_a_value(code: Shop, value: str, expected: Any) -> None:
    found = params(code, f'{{"x": {value}}}')

    assert (found.types, found.is_complete) == ({"x": expected}, True)


def test_model_gives_its_fields(code: Shop) -> None:
    found = params(code, "body")

    assert found.types["title"] is str
    assert found.model.__name__ == "NewOrder"


def test_dicts_are_merged(code: Shop) -> None:
    found = params(code, '{"a": order_id, **body.model_dump(), **more}', 'more = {"b": flag}')

    assert (list(found.types), found.is_complete) == (["a", "title", "item", "b"], True)


@pytest.mark.parametrize(
    "lines",
    [
        'values = {"a": 1}; values["b"] = 2',
        'values = {"a": 1}; values |= {"b": 2}',
        "values = dict(a=1)",
        'values = {"a": 1}; values.update(b=2)',
        "values = {str(order_id): 1}",
    ],
)
def test_dict_that_is_computed_may_have_other_keys(code: Shop, lines: str) -> None:
    assert not params(code, "values", lines).is_complete


def test_call_without_parameters_gives_none(code: Shop) -> None:
    assert params(code, "None") == Given()
