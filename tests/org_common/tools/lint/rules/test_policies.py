import psycopg
import pytest

from tests.org_common.tools.lint.shop import Case, found

pytestmark = pytest.mark.db

CASES = [
    Case(
        "policy-to-public",
        "policy p on table shop.notes",
        "create policy p on shop.notes for select using (org_id = any (array(select shop.orgs())))",
        # A restrictive policy for everyone only takes away.
        "create policy p on shop.notes as restrictive using (owner_id = (select shop.me())) with check (false)",
    ),
    Case(
        "policy-always-true",
        "policy p on table shop.notes",
        "create policy p on shop.notes for select to authenticated using (true)",
        "create policy p on shop.notes for select to app_service using (true)",
    ),
    Case(
        "policy-always-true",
        "policy p on table shop.notes",
        "create policy p on shop.notes for select to authenticated using (org_id is null or 1 = 1)",
        "create policy p on shop.notes for select to authenticated using (1 = 2)",
    ),
    Case(
        "policy-always-true",
        "policy w on table shop.colors",
        """create table shop.colors (name text); grant select, insert on shop.colors to authenticated;
        alter table shop.colors enable row level security, force row level security;
        create policy r on shop.colors for select to authenticated using (true);
        create policy w on shop.colors for insert to authenticated with check (true)""",
        """create table shop.colors (name text); grant select on shop.colors to authenticated;
        alter table shop.colors enable row level security, force row level security;
        create policy r on shop.colors for select to authenticated using (true)""",
    ),
    *(
        Case(
            "policy-always-true",
            "policy p on table shop.notes",
            f"create policy p on shop.notes for select to authenticated using ({bad})",
            f"create policy p on shop.notes for select to authenticated using ({good})",
        )
        for bad, good in (
            ("org_id is not null", "org_id is null and id is not null"),
            ("id is not null or owner_id is null", "owner_id is not null and org_id = any (array(select shop.orgs()))"),
            (
                "org_id <> (select shop.me())",
                "org_id <> (select shop.me()) and org_id = any (array(select shop.orgs()))",
            ),
            ("org_id is distinct from null", "org_id is not distinct from (select shop.me())"),
            (
                "not (org_id = (select shop.me())) and text = 'a'",
                "not (org_id = (select shop.me())) and owner_id = (select shop.me())",
            ),
        )
    ),
    Case(
        "policy-ignores-row",
        "policy p on table shop.notes",
        "create policy p on shop.notes for select to authenticated using ((select shop.me()) is not null)",
        """create policy p on shop.notes for select to authenticated using ((select shop.me()) is not null);
        create policy r on shop.notes as restrictive for select to authenticated
          using (org_id = any (array(select shop.orgs())))""",
    ),
    Case(
        "policy-ignores-row",
        "policy p on table shop.notes",
        """create policy p on shop.notes for select to authenticated
          using (exists (select from shop.members m where m.user_id = (select shop.me())))""",
        """create policy p on shop.notes for select to authenticated using (owner_id = (select shop.me()))""",
    ),
    Case(
        "policy-check-without-tenant",
        "policy p on table shop.notes",
        """grant insert (org_id, owner_id) on shop.notes to authenticated;
        create policy p on shop.notes for insert to authenticated with check (owner_id = (select shop.me()))""",
        """grant insert (org_id, owner_id) on shop.notes to authenticated;
        create policy p on shop.notes for insert to authenticated
          with check (owner_id = (select shop.me()) and org_id = any (array(select shop.orgs())))""",
    ),
    Case(
        "policy-check-without-tenant",
        "policy p on table shop.notes",
        """grant update on shop.notes to authenticated;
        create policy p on shop.notes for update to authenticated
          using (org_id = any (array(select shop.orgs()))) with check (owner_id = (select shop.me()))""",
        """grant update (text) on shop.notes to authenticated;
        create policy p on shop.notes for update to authenticated
          using (org_id = any (array(select shop.orgs()))) with check (owner_id = (select shop.me()))""",
    ),
    Case(
        "policy-compares-with-itself",
        "policy p on table shop.notes",
        """create policy p on shop.notes for select to authenticated using (owner_id = (select shop.me()) and
          exists (select from shop.members m where m.org_id = org_id))""",
        """create policy p on shop.notes for select to authenticated using (owner_id = (select shop.me()) and
          exists (select from shop.members m where m.org_id = notes.org_id))""",
    ),
    Case(
        "policy-without-check",
        "policy p on table shop.notes",
        """grant update (text) on shop.notes to authenticated;
        create policy p on shop.notes for update to authenticated using (org_id = any (array(select shop.orgs())))""",
        """grant update (text) on shop.notes to authenticated;
        create policy p on shop.notes for update to authenticated using (org_id = any (array(select shop.orgs())))
          with check (org_id = any (array(select shop.orgs())))""",
    ),
    Case(
        "policy-without-check",
        "policy p on table shop.notes",
        """grant update (text) on shop.notes to authenticated;
        create policy p on shop.notes for update to authenticated using (org_id = any (array(select shop.orgs())))""",
        # One condition for all commands says what new rows may be.
        """grant update (text) on shop.notes to authenticated; drop policy own on shop.notes;
        create policy p on shop.notes to authenticated using (org_id = any (array(select shop.orgs())))""",
    ),
    Case(
        "policy-reads-user-metadata",
        "policy p on table shop.notes",
        """create policy p on shop.notes for select to authenticated using (org_id = (select
          (nullif(current_setting('request.jwt.claims', true), '')::jsonb -> 'user_metadata' ->> 'org')::uuid))""",
        """create policy p on shop.notes for select to authenticated using (org_id = (select
          (nullif(current_setting('request.jwt.claims', true), '')::jsonb -> 'app_metadata' ->> 'org')::uuid))""",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_bad_fixture_is_found_and_good_one_is_quiet(conn: psycopg.Connection, case: Case) -> None:
    assert (case.rule, case.object) in found(conn, case.bad)
    assert found(conn, case.good) == []


def test_policy_for_a_right_that_the_role_lacks_opens_nothing(conn: psycopg.Connection) -> None:
    assert found(conn, "create policy p on shop.notes for delete to authenticated using (true)") == []


def test_role_of_the_platform_may_see_all_rows(conn: psycopg.Connection) -> None:
    policy = "grant select on shop.notes to app_sys; grant usage on schema shop to app_sys;"

    assert found(conn, policy + "create policy p on shop.notes for select to app_sys using (true)") == []
