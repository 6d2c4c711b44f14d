import pytest

from org_common.tools.prove.declaration import DeclarationError
from tests.org_common.tools.prove.conftest import Prove, block

pytestmark = pytest.mark.db


def case(by: str, sql: str, rows: int) -> str:
    return f'[[cases]]\non = "shop.orders"\nsays = "x"\nby = "{by}"\nsql = "{sql}"\nrows = {rows}'


def test_case_of_the_page(proved: Prove) -> None:
    proof = proved("", block("case"))

    cells = [cell for cell in proof.cells if cell.verb.startswith("case")]
    assert [cell.name for cell in cells] == [
        "shop.orders: case: a viewer changes no order of their team by viewer of a",
        "shop.orders: case: a viewer changes no order of their team by viewer of b",
    ]
    assert proof.findings == []


def test_case_for_a_role_is_for_all_its_people(proved: Prove) -> None:
    proof = proved("", case("authenticated", "select from shop.orders where team_id = '{other}'", 0))

    people = {cell.person for cell in proof.cells if cell.verb.startswith("case")}
    assert people == {"admin of a", "admin of b", "viewer of a", "viewer of b", "outsider"}


def test_case_that_fails(proved: Prove) -> None:
    proof = proved("", case("viewer", "select from shop.orders where id = '{shop.orders.id}'", 0))

    assert [each.problem for each in proof.findings] == ["1 rows instead of 0 rows"] * 2


@pytest.mark.parametrize(
    ("by", "sql", "message"),
    [
        ("boss", "select", "there is no person or role boss"),
        ("viewer", "select '{shop.x.id}'", "there is no {shop.x.id}"),
    ],
)
def test_case_about_nothing(proved: Prove, by: str, sql: str, message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        proved("", case(by, sql, 0))
