import psycopg
import pytest

from tests.org_common.tools.lint.shop import Case, found

pytestmark = pytest.mark.db

GOOD = "create policy p on shop.notes for select to authenticated using (org_id = any (array(select shop.orgs())))"
SETTING = "nullif(current_setting('app.org', true), '')::uuid"
DEFAULT = "'00000000-0000-0000-0000-000000000001'"
ORG = "create function shop.org() returns uuid"

CASES = [
    *(
        Case(
            "policy-fails-open",
            "policy p on table shop.notes",
            f"create policy p on shop.notes for select to authenticated using ({condition})",
            GOOD,
        )
        for condition in (
            f"org_id = (select {SETTING}) or (select current_setting('app.org', true)) is null",
            f"org_id = (select {SETTING}) or current_setting('app.org', true) = ''",
            f"org_id = (select {SETTING}) or (select shop.me()) is null",
            f"org_id = coalesce((select {SETTING}), org_id)",
            "org_id = any (array(select shop.orgs())) and coalesce((select shop.me()) is not null, true)",
            f"case when (select shop.me()) is null then true else org_id = (select {SETTING}) end",
            f"org_id = (select {SETTING}) or org_id is null",
        )
    ),
    Case(
        "policy-fails-open",
        "policy p on table shop.notes",
        f"create policy p on shop.notes for select to authenticated using (org_id = {SETTING} or {SETTING} is null)",
        # A row without an owner is not a row without a tenant.
        """create policy p on shop.notes for select to authenticated using (
          org_id = any (array(select shop.orgs())) and (owner_id = (select shop.me()) or owner_id is null))""",
    ),
    *(
        Case(
            "policy-fails-open",
            "policy p on table shop.notes",
            f"""{function};
            create policy p on shop.notes for select to authenticated using (org_id = {value})""",
            f"""{function.replace(DEFAULT, "null")}; create policy p on shop.notes for select to authenticated
            using (org_id = {value.replace(DEFAULT, "null")})""",
        )
        for function, value in (
            ("", f"(select coalesce(nullif(current_setting('app.org', true), ''), {DEFAULT})::uuid)"),
            ("", f"(select coalesce({SETTING}, {DEFAULT}::uuid))"),
            (f"{ORG} language sql stable as $$ select coalesce({SETTING}, {DEFAULT}::uuid) $$", "(select shop.org())"),
            (f"{ORG} language sql stable return coalesce({SETTING}, {DEFAULT})", "(select shop.org())"),
            (
                f"{ORG} language plpgsql stable as $$ begin return coalesce({SETTING}, {DEFAULT}); end $$",
                "(select shop.org())",
            ),
        )
    ),
    Case(
        "policy-fails-open",
        "policy p on table shop.notes",
        f"""create policy p on shop.notes for select to authenticated
          using (coalesce({SETTING}, {DEFAULT}) = org_id)""",
        # What is empty without a caller may have a default: the tenant in it is null.
        """create policy p on shop.notes for select to authenticated using (org_id = (select
          (coalesce(nullif(current_setting('app.claims', true), ''), '{"name": ""}')::jsonb ->> 'org')::uuid))""",
    ),
    *(
        Case(
            "policy-opens-live-rows",
            "policy p on table shop.notes",
            f"""alter table shop.notes add is_removed boolean;
            create policy p on shop.notes for select to authenticated using ({condition})""",
            f"""alter table shop.notes add is_removed boolean;
            create policy p on shop.notes as restrictive for select to authenticated using ({condition})""",
        )
        for condition in (
            "deleted_at is null",
            "deleted_at > current_timestamp",
            "org_id = any (array(select shop.orgs())) and is_removed = false or is_removed is null",
        )
    ),
    Case(
        "policy-opens-live-rows",
        "policy p on table shop.notes",
        """grant update (deleted_at) on shop.notes to authenticated;
        create policy p on shop.notes for update to authenticated
          using (org_id = any (array(select shop.orgs())) or deleted_at is null)
          with check (org_id = any (array(select shop.orgs())))""",
        """grant update (deleted_at) on shop.notes to authenticated;
        create policy p on shop.notes for update to authenticated
          using (org_id = any (array(select shop.orgs())) and (deleted_at is null or owner_id = (select shop.me())))
          with check (org_id = any (array(select shop.orgs())))""",
    ),
    Case(
        "policy-bypass-setting",
        "policy p on table shop.notes",
        """create policy p on shop.notes for select to authenticated using (
          org_id = any (array(select shop.orgs())) or (select current_setting('app.bypass', true)) = 'on')""",
        """create policy p on shop.notes for select to authenticated using (
          org_id = any (array(select shop.orgs())) and (select current_setting('app.mode', true)) = 'read')""",
    ),
    Case(
        "setting-cast",
        "policy p on table shop.notes",
        """create policy p on shop.notes for select to authenticated
          using (org_id = (select current_setting('app.org', true)::uuid))""",
        f"create policy p on shop.notes for select to authenticated using (org_id = (select {SETTING}))",
    ),
    Case(
        "setting-cast",
        "function shop.org()",
        "create function shop.org() returns uuid language sql return current_setting('app.org', true)::uuid",
        f"create function shop.org() returns uuid language sql return {SETTING}",
    ),
    Case(
        "setting-cast",
        "function shop.claims()",
        """create function shop.claims() returns jsonb language plpgsql as $$
        begin return (current_setting('request.jwt.claims', true))::jsonb; end $$""",
        """create function shop.claims() returns jsonb language plpgsql as $$
        begin return nullif(current_setting('request.jwt.claims', true), '')::jsonb; end $$""",
    ),
    Case(
        "setting-cast",
        "function shop.org()",
        "create function shop.org() returns uuid language sql as 'select cast(current_setting(''app.org'') as uuid)'",
        """create function shop.version() returns int language sql as
        $$select current_setting('server_version_num')::int$$""",
    ),
    *(
        Case(
            "setting-outlives-transaction",
            "function shop.become(org uuid)",
            f"create function shop.become(org uuid) returns void {body.replace('LOCAL', 'false')}",
            f"create function shop.become(org uuid) returns void {body.replace('LOCAL', 'true')}",
        )
        for body in (
            "language sql as $$ select set_config('app.org', org::text, LOCAL) $$",
            """language plpgsql as $$ begin
              perform pg_catalog.set_config('app.org', coalesce(nullif(org::text, ''), 'x'), LOCAL);
              perform set_config('search_path', 'a', false);
            end $$""",
            "begin atomic select set_config('app.org', org::text, LOCAL); end",
        )
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_bad_fixture_is_found_and_good_one_is_quiet(conn: psycopg.Connection, case: Case) -> None:
    assert (case.rule, case.object) in found(conn, case.bad)
    assert found(conn, case.good) == []
