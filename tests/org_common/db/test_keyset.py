"""The SQL of a page: which ranges of an index it reads."""

from typing import Any, LiteralString

import pytest

from org_common.db.keyset import page_statement, sort_by
from org_common.values.model import Model


class Item(Model):
    id: int
    name: str
    due: int | None


LIST: LiteralString = "select id, name, due from t"


def ranges(*by: str, nulls: str = "") -> list[str]:
    """The conditions of the ranges behind a cursor whose keys are null in the columns `nulls`."""
    sort = sort_by(Item, by, descending=False)
    command = page_statement(LIST, sort, [name in nulls.split() for name in sort.names]).command.decode()
    parts = command.split(" where ")[1:]
    return [part.split(" order by ")[0].replace('"', "").replace("not distinct from ", "") for part in parts]


@pytest.mark.parametrize(
    ("by", "nulls", "expected"),
    [
        (["-id"], "", ["(id) < ($1)"]),
        (["id"], "", ["(id) > ($1)", "id is null"]),
        (["-name", "-id"], "", ["(name, id) < ($1, $2)"]),
        (["name", "id"], "", ["(name, id) > ($1, $2)", "name is null or id is null"]),
        (["-due", "-id"], "", ["(due, id) < ($1, $2)"]),
        (["due", "id"], "", ["(due, id) > ($1, $2)", "due is null", "id is null"]),
        (["due", "id"], "due", ["due is null and (id) > ($1)", "id is null"]),
        (["-due", "-id"], "due", ["due is null and (id) < ($1)", "due is distinct from null"]),
        (["-name", "id"], "", ["name = $1 and (id) > ($2)", "(name) < ($1)", "id is null"]),
        (["name", "-id"], "", ["name = $1 and (id) < ($2)", "(name) > ($1)", "name is null"]),
        (
            ["name", "due", "id"],
            "",
            [
                "name = $1 and (due, id) > ($2, $3)",
                "name = $1 and due is null",
                "(name) > ($1)",
                "name is null or id is null",
            ],
        ),
        (["due"], "due", ["false"]),
    ],
)
def test_the_ranges_behind_a_cursor(by: list[str], nulls: str, expected: list[str]) -> None:
    assert ranges(*by, nulls=nulls) == expected


def test_the_list_is_in_its_statement_once() -> None:
    """Its parameters and what it calls are evaluated as often as its author expects."""
    command = page_statement(LIST, sort_by(Item, ("due", "id"), descending=False), [False, False]).command

    assert command.count(LIST.encode()) == 1


def test_a_statement_is_made_once() -> None:
    sort = sort_by(Item, ["due", "id"], descending=True)

    assert page_statement(LIST, sort, None) is page_statement(
        LIST, sort_by(Item, ("-due", "-id"), descending=False), None
    )


def test_a_sort_order_reads_as_it_was_written() -> None:
    assert str(sort_by(Item, ("-due", "id"), descending=False)) == "-due,id"
    assert str(sort_by(Item, ("-due", "id"), descending=True)) == "due,-id"


def test_columns_are_quoted() -> None:
    odd: Any = 'id" desc; commit; --'
    model: Any = type("Odd", (Model,), {"__annotations__": {odd: int}, "__module__": __name__})

    command = page_statement(LIST, sort_by(model, (odd,), descending=False), None).command

    assert b'order by "id"" desc; commit; --" limit' in command
