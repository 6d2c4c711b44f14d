import pytest

from tests.org_common.tools.prove.conftest import Prove

pytestmark = pytest.mark.db


def problems(proved: Prove, change: str, *entry: str) -> set[str]:
    proof = proved(change, "[views.shop.seen]", *entry)
    return {f"{each.cell.person}: {each.problem}" for each in proof.findings if each.cell.probe}


def test_view_with_the_rights_of_the_caller(proved: Prove) -> None:
    change = """
        create view shop.seen with (security_invoker = true) as select * from shop.orders;
        grant select on shop.seen to authenticated"""

    assert problems(proved, change, 'admin = "select"', 'viewer = "select"') == set()


def test_materialized_view_has_all_rows(proved: Prove) -> None:
    change = """
        create materialized view shop.seen as select count(*) from shop.orders;
        grant select on shop.seen to authenticated"""

    assert problems(proved, change, 'admin = "select"') == {
        f"{person}: sees 1 rows, and nothing is declared" for person in ("viewer of a", "viewer of b", "outsider")
    }


def test_partition_that_is_read_directly(proved: Prove) -> None:
    change = """
        create table shop.events (team_id uuid not null references shop.teams, at date not null default '2026-01-02',
          primary key (team_id, at)) partition by range (at);
        create table shop.seen partition of shop.events default;
        alter table shop.events enable row level security, force row level security;
        alter table shop.seen enable row level security, force row level security;
        alter table shop.seen disable row level security;
        grant select on shop.seen to authenticated"""
    proof = proved(change, "[tables.shop.seen]", 'admin = "select"', "[tables.shop.events]")

    found = {f"{each.cell.person}: {each.problem}" for each in proof.findings if each.cell.subject == "shop.seen"}
    assert "viewer of a: sees 1 rows of others: of b" in found
    assert ": is not enabled" in found
