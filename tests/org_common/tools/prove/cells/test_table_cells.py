import pytest

from org_common.tools.prove.cells.cell import Cell
from org_common.tools.prove.proof import Proof

pytestmark = pytest.mark.db


@pytest.fixture
def cells(page_proof: Proof) -> list[Cell]:
    return page_proof.cells


def statements(cells: list[Cell], verb: str, person: str = "admin of a") -> list[str]:
    found = [cell for cell in cells if (cell.subject, cell.verb, cell.person) == ("shop.orders", verb, person)]
    return [cell.probe.statement for cell in found if cell.probe]


def test_each_verb_is_tried_with_and_without_reading_a_column(cells: list[Cell]) -> None:
    updates, deletes = statements(cells, "update"), statements(cells, "delete")

    assert [" where " in each for each in updates] == [True, False]
    assert [each.split()[0] for each in deletes] == ["delete", "delete", "merge", "delete"]
    assert [" where " in each for each in deletes] == [True, False, False, False]


def test_rows_are_inserted_in_each_form(cells: list[Cell]) -> None:
    found = statements(cells, "insert")

    assert [each.partition(") ")[2].partition(") ")[2] for each in found] == [
        "",
        'returning "team_id"',
        "",
        "on conflict do nothing",
    ]


def test_rows_are_moved_in_both_directions(cells: list[Cell]) -> None:
    assert len({each.partition(" where ")[0] for each in statements(cells, "move")}) == 2
    assert len(statements(cells, "move")) == 4


def test_every_caller_is_asked(cells: list[Cell]) -> None:
    people = {cell.person for cell in cells if (cell.subject, cell.verb) == ("shop.orders", "select")}

    assert people == {"admin of a", "admin of b", "viewer of a", "viewer of b", "outsider", "anonymous"}
