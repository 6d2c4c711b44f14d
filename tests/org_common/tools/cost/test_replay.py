import pytest

from tests.org_common.tools.cost.conftest import Replayed

pytestmark = pytest.mark.db
COUNT = """tx.value("select count(*) from shop.orders where note is null")"""
# A function for each row, and the index of the look-up is of no use to it.
PER_ROW = """
create function shop.is_member(wanted uuid) returns boolean language plpgsql stable security definer cost 1000
  set search_path = '' as
  $$ begin return exists (select from shop.members m where m.team_id = wanted and m.user_id = auth.uid()); end $$;
alter policy members_read on shop.orders using (shop.is_member(team_id))"""


def test_read_is_executed_with_values_of_the_tenant(replayed: Replayed) -> None:
    line = """tx.one(Order, "select id, number from shop.orders where id = %(id)s", {"id": order_id})"""
    [each] = replayed(line)

    assert each.with_rls is not None
    assert each.without_rls is not None
    assert (each.with_rls.rows, each.without_rls.rows) == (1, 1)
    assert each.problem is None
    assert each.skipped == ""


def test_function_for_each_row_is_found(replayed: Replayed) -> None:
    [each] = replayed(COUNT, PER_ROW)

    assert each.problem is not None
    assert each.problem.startswith("reads ")
    assert (each.ratio or 0) > 3


def test_indexed_policy_is_quiet(replayed: Replayed) -> None:
    [each] = replayed(COUNT)

    assert each.problem is None
    assert each.with_rls is not None
    assert each.without_rls is not None
    assert each.with_rls.blocks < each.without_rls.blocks


def test_write_is_planned_and_not_executed(replayed: Replayed) -> None:
    [each] = replayed("""tx.run("delete from shop.orders where id = %(id)s", {"id": order_id})""")

    assert each.asked.writes
    assert each.amounts is not None
    assert min(each.amounts) > 0
    assert each.with_rls is not None
    assert "Actual Rows" not in each.with_rls.root


def test_write_under_a_slow_policy_is_found(replayed: Replayed) -> None:
    slow = PER_ROW.partition("alter policy")[0] + (
        "drop policy members_read on shop.orders;"
        " create policy members_read on shop.orders to authenticated using (shop.is_member(team_id))"
    )
    every = "id = any (array(select id from shop.orders))"
    sql = f"update shop.orders set note = null where team_id = %(id)s and {every}"
    [each] = replayed(f"""tx.run("{sql}", {{"id": team_id}})""", slow)

    assert each.problem is not None
    assert each.problem.startswith("is planned with a cost of ")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("""tx.value("select 1 / (%(zero)s - 20)", {"zero": 1})""", "no values for it: division by zero"),
        (
            """tx.value("select %(at)s::point", {"at": note.at})""",
            "no values for it: no value is known for %(at)s of the type point",
        ),
    ],
)
def test_statement_without_values_has_the_reason(replayed: Replayed, line: str, reason: str) -> None:
    [each] = replayed(line)

    assert (each.skipped, each.problem, each.ratio) == (reason, None, None)


def test_role_that_bypasses_has_nothing_to_compare(replayed: Replayed) -> None:
    [each] = replayed("""tx.value("select 1")""", "alter role authenticated bypassrls")

    assert each.skipped == "authenticated bypasses row-level security"
