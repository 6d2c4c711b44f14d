import pytest

from org_common.tools.prove import mutations
from org_common.tools.prove.kill import mutate
from tests.org_common.tools.prove.conftest import Prove

pytestmark = pytest.mark.db


def descriptions(prepared: Prove, subject: str, group: str, change: str = "", *more: str) -> list[str]:
    proof = prepared(change, *more)
    found = mutations.of(proof.prober.conn, proof.world)
    return [each.description for each in found if (each.subject, each.group) == (subject, group)]


def test_policies_are_dropped_and_weakened(prepared: Prove) -> None:
    assert descriptions(prepared, "shop.orders", "policy") == [
        "policy admins_write is dropped",
        "policy admins_write lets all rows through",
        "policy admins_write accepts all new rows",
        "policy members_read is dropped",
        "policy members_read lets all rows through",
    ]


def test_grants_are_lost_and_given(prepared: Prove) -> None:
    found = descriptions(prepared, "shop.teams", "grant")

    assert found[0] == "authenticated loses select"
    assert {"authenticated gets insert", "authenticated gets truncate", "anon gets select"} <= set(found)


def test_keys_and_row_level_security_are_turned_off(prepared: Prove) -> None:
    assert descriptions(prepared, "shop.orders", "foreign key") == ["foreign key orders_team_id_fkey is dropped"]
    assert "row-level security is off" in descriptions(prepared, "shop.orders", "force")


def test_condition_on_the_caller_is_removed(prepared: Prove) -> None:
    found = descriptions(prepared, "shop.team_ids", "function")

    assert "without user_id = auth.uid() (1)" in found
    assert "authenticated loses execute" in found
    assert "anon gets execute" in found


def test_guard_is_removed_and_an_assignment_is_not(prepared: Prove) -> None:
    change = """
        create function shop.require(allowed boolean) returns void language plpgsql as $$ begin end $$;
        create function shop.sign(order_id uuid) returns void language plpgsql security definer set search_path = ''
        as $$ begin
          perform shop.require(exists (select shop.team_ids('admin')));
          update shop.orders o set note = 'x' where o.id = order_id;
          perform shop.require(case when found then true end);
        end $$;
        revoke execute on function shop.require(boolean), shop.sign(uuid) from public"""

    found = descriptions(prepared, "shop.sign", "function", change)

    guards = [each for each in found if each.startswith("without")]
    assert guards == ["without perform shop.require(exists (select shop.team_ids('admin'))) (1)"]


def test_operands_of_a_policy_are_dropped_on_request(prepared: Prove) -> None:
    change = """
        alter policy members_read on shop.orders
        using (team_id = any (array(select shop.team_ids())) and (number > 0 or note is null))"""
    proof = prepared(change)
    found = [*mutations.of(proof.prober.conn, proof.world, operands=True)]

    assert [each.description for each in found if each.group == "operand" and each.subject == "shop.orders"] == [
        "policy members_read reads without (number > 0)",
        "policy members_read reads without (note IS NULL)",
        "policy members_read reads without (team_id = ANY (ARRAY( SELECT shop.team_ids() AS team_ids)))",
        "policy members_read reads without ((number > 0) OR (note IS NULL))",
    ]
    assert "operand" not in {each.group for each in mutations.of(proof.prober.conn, proof.world)}


def test_operand_that_isolates_is_noticed(proved: Prove) -> None:
    change = """
        alter policy members_read on shop.orders
        using (team_id = any (array(select shop.team_ids())) and number > 0)"""
    kills = mutate(proved(change), operands=True)

    survivors = [each.description for each, _ in kills.survivors if each.group == "operand"]
    assert survivors == ["policy members_read reads without (number > 0)"]
    assert kills.groups()["operand"] == (1, 2)
    assert kills.invalid == []
