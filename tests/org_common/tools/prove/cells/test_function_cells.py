import pytest

from org_common.tools.prove.declaration import DeclarationError
from tests.org_common.tools.prove.conftest import Prove

pytestmark = pytest.mark.db

COUNT = """
    create function shop.count_orders(team_id uuid) returns bigint language plpgsql security definer
    set search_path = '' as $$ begin
      if team_id in (select shop.team_ids()) then
        return (select count(*) from shop.orders o where o.team_id = count_orders.team_id);
      end if;
      return null;
    end $$;
    revoke execute on function shop.count_orders(uuid) from public;
    grant execute on function shop.count_orders(uuid) to authenticated"""


def test_arguments_are_those_of_each_tenant(proved: Prove) -> None:
    proof = proved(COUNT, '"shop.count_orders" = "admin viewer"')

    calls = [cell for cell in proof.cells if (cell.subject, cell.verb) == ("shop.count_orders", "call")]
    assert proof.findings == []
    assert {(cell.person, cell.side) for cell in calls if cell.person.startswith("viewer")} == {
        ("viewer of a", "own"),
        ("viewer of a", "foreign"),
        ("viewer of b", "own"),
        ("viewer of b", "foreign"),
    }


def test_caller_who_gets_nothing_or_too_much_is_found(proved: Prove) -> None:
    findings = proved(COUNT, '"shop.count_orders" = "admin outsider"').findings

    found = {f"{each.cell.person} {each.problem}" for each in findings}
    assert "viewer of a succeeds with its own tenant's rows: 1" in found


@pytest.mark.parametrize(
    ("args", "argument"),
    [
        ('{ team_id = "{tenant}" }', "'::uuid"),
        ('{ team_id = "{shop.orders.team_id}" }', "'::uuid"),
        ('{ team_id = "{null}" }', "null::uuid"),
        ('{ team_id = "sql:gen_random_uuid()" }', "gen_random_uuid()"),
    ],
)
def test_declared_arguments(prepared: Prove, args: str, argument: str) -> None:
    cells = prepared(COUNT, f'"shop.count_orders" = {{ roles = "authenticated", open = true, args = {args} }}').cells

    [call, *_] = [cell.probe for cell in cells if (cell.subject, cell.verb) == ("shop.count_orders", "call")]
    assert call is not None
    assert f"{argument}) r" in call.statement


def test_unknown_reference_is_an_error(prepared: Prove) -> None:
    with pytest.raises(DeclarationError, match=r"functions.shop.count_orders: args: there is no \{shop.orders.id:9\}"):
        prepared(COUNT, '"shop.count_orders" = { own = "admin", args = { team_id = "{shop.orders.id:9}" } }')
