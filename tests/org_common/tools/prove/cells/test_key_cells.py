import pytest

from tests.org_common.tools.prove.conftest import Prove

pytestmark = pytest.mark.db

STAMPED = """
    create table shop.stamps (
      team_id uuid primary key references shop.teams, created_at timestamptz not null default now(), created_by uuid
    );
    alter table shop.stamps enable row level security, force row level security"""


def problems(proved: Prove, change: str, *more: str) -> set[str]:
    return {f"{each.cell.name}: {each.problem}" for each in proved(change, *more).findings}


ENTRY = ('stamped = "created_at created_by"', "[tables.shop.stamps]")


def test_forged_stamps_are_found(proved: Prove) -> None:
    found = problems(proved, STAMPED, *ENTRY)

    assert {each.partition(": keeps")[0] for each in found} == {
        "shop.stamps: stamps on insert",
        "shop.stamps: stamps on update",
    }


def test_stamps_by_a_trigger_are_proved(proved: Prove) -> None:
    trigger = """;
        create function shop.stamp() returns trigger language plpgsql set search_path = '' as $$
        begin new.created_at := now(); new.created_by := auth.uid(); return new; end $$;
        create trigger stamp before insert or update on shop.stamps for each row execute function shop.stamp()"""

    assert problems(proved, STAMPED + trigger, *ENTRY) == set()


def test_key_that_tells_may_be_declared(proved: Prove) -> None:
    change = "create unique index orders_number on shop.orders (number)"

    assert problems(proved, change) == {
        f"shop.orders: unique key orders_number by admin of {label}: learns through orders_number that another tenant"
        " has this value"
        for label in "ab"
    }
    assert problems(proved, change, "[tables.shop.orders]", 'reveals = "orders_number"') == set()
