"""Fields that no body can fill; tests/org_common/handlers/test_check.py has every annotation."""

from typing import Any

import pytest
from pydantic import BaseModel, create_model

from org_common import Model
from org_common.handlers.readable import find_unreadable


class Tree(Model):
    name: str
    children: "list[Tree]"


class Item(Model):
    name: str


class Strict(BaseModel):
    model_config = {"extra": "forbid"}
    name: str


def holder(annotation: Any) -> type[Model]:
    model = create_model("Holder", __base__=Model, value=(annotation, ...))
    model.model_rebuild()
    return model


def test_model_that_contains_itself_is_walked_once() -> None:
    Tree.model_rebuild()

    assert find_unreadable(Tree) is None


def test_set_of_models_is_found_at_any_depth() -> None:
    assert find_unreadable(holder(dict[str, list[set[Item]]])) == (
        "Holder.value can never be read: the items of a set must be hashable. Use list"
    )


def test_union_with_one_readable_member_is_readable() -> None:
    assert find_unreadable(holder(set[Item] | int)) is None


def test_union_without_one_is_not() -> None:
    assert find_unreadable(holder(set[Item] | frozenset[Item])) is not None


def test_pydantic_model_that_says_what_unknown_fields_mean_is_accepted() -> None:
    assert find_unreadable(holder(Strict)) is None


@pytest.mark.parametrize("annotation", [dict[tuple[int, int], str], dict[None, str]])
def test_keys_that_json_does_not_have_are_found(annotation: Any) -> None:
    assert find_unreadable(holder(annotation)) == (
        "Holder.value can never be read: JSON has strings as keys. Use `dict[str, ...]`"
    )
