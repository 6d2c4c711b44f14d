import pytest

from tests.org_common.tools.cost.conftest import Found

pytestmark = pytest.mark.db
ONE = """tx.one(Order, "select id, number from shop.orders where {}", {{{}}})"""


@pytest.mark.parametrize(
    ("condition", "params", "columns"),
    [
        ("id = %(order)s", '"order": order_id', (("shop.orders", "id"),)),
        ("%(order)s = id", '"order": order_id', (("shop.orders", "id"),)),
        ("number = any (%(order)s)", '"order": wanted', (("shop.orders", "number"),)),
        (
            "exists (select from shop.order_lines l where l.order_id = orders.id and l.team_id = %(order)s)",
            '"order": team_id',
            (("shop.order_lines", "team_id"),),
        ),
        ("(select o.team_id from (select * from shop.orders) o limit 1) = %(order)s", '"order": team_id', ()),
        (
            "exists (select from (select * from shop.orders) o where o.note = %(order)s)",
            '"order": note',
            (("shop.orders", "note"),),
        ),
        ("length(note) > %(order)s", '"order": 1', ()),
    ],
)
def test_column_that_a_parameter_is_compared_with(
    found: Found, condition: str, params: str, columns: tuple[tuple[str, str], ...]
) -> None:
    [asked] = found(ONE.format(condition, params)).asked

    assert [(each.name, each.columns) for each in asked.parameters] == [("order", columns)]
    assert (asked.role, asked.writes, asked.skipped) == ("authenticated", False, "")
    assert "shop.orders" in asked.tables


def test_column_that_a_parameter_is_written_to(found: Found) -> None:
    [asked] = found(
        """tx.run("update shop.orders set note = %(note)s where id = %(id)s", {"note": note, "id": team_id})"""
    ).asked

    assert asked.writes
    assert [each.columns for each in asked.parameters] == [(("shop.orders", "note"),), (("shop.orders", "id"),)]


def test_list_is_its_first_page(found: Found) -> None:
    [asked] = found("""tx.page(Order, "select id, number from shop.orders", by=("number", "id"))""").asked

    assert b"limit" in asked.command.lower()
    assert [(each.type_name, each.columns) for each in asked.parameters] == [("integer", ())]


def test_statement_that_the_check_refuses_has_the_reason(found: Found) -> None:
    [asked] = found("""tx.run("select * from shop.missing")""").asked

    assert asked.skipped == 'db check: relation "shop.missing" does not exist'


def test_same_statement_in_two_calls_is_one(found: Found) -> None:
    assert len(found("""tx.run("select 1")""", """tx.run("select 1")""").asked) == 1


def test_computed_statement_is_listed(found: Found) -> None:
    statements = found("tx.run(note)")

    assert statements.asked == []
    [place] = statements.computed
    assert place.endswith(":17")
