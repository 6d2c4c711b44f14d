"""The policies of a role, as the catalog has them."""

from collections.abc import Iterator

import psycopg
import pytest

from org_common.tools.database.local import LocalDatabase
from org_common.tools.serve.console.policies import SecuredTable, read_policies

pytestmark = pytest.mark.db
DDL = """
create table public.kept (id int);
alter table public.kept enable row level security;
create policy all_in on public.kept to authenticated using (id > 0) with check (id > 1);
create policy only_odd on public.kept as restrictive for select to public using (id % 2 = 1);
create policy others on public.kept for select to anon using (true);
create policy changes on public.kept for update to authenticated using (id > 2);
create table public.open (id int);
"""


@pytest.fixture
def admin(database: LocalDatabase) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database.admin_url) as conn:
        conn.execute(DDL)
        yield conn


def read(admin: psycopg.Connection, role: str, *commands: str) -> list[SecuredTable]:
    return read_policies(admin, role, {"public.kept": set(commands), "public.open": {"select"}})


def test_policies_of_the_role_and_the_command(admin: psycopg.Connection) -> None:
    kept, opened = read(admin, "authenticated", "select")

    assert [(each.name, each.command, each.is_permissive) for each in kept.policies] == [
        ("all_in", "all", True),
        ("only_odd", "select", False),
    ]
    assert (kept.policies[0].using, kept.policies[0].check) == ("(id > 0)", "(id > 1)")
    assert (kept.is_secured, opened.is_secured, opened.policies) == (True, False, [])


def test_update_reads_as_well(admin: psycopg.Connection) -> None:
    kept, _ = read(admin, "authenticated", "select", "update")

    assert [each.name for each in kept.policies] == ["all_in", "changes", "only_odd"]


def test_role_that_skips_policies_is_marked(admin: psycopg.Connection) -> None:
    assert {each.is_bypassed for each in read(admin, "anon", "select")} == {False}
    row = admin.execute("select current_user").fetchone()
    assert row is not None
    assert {each.is_bypassed for each in read(admin, row[0], "select")} == {True}
