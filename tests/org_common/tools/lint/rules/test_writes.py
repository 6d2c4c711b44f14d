from typing import LiteralString

import psycopg
import pytest

from org_common.tools.lint.reader import read
from org_common.tools.lint.report import lint
from tests.org_common.tools.lint.shop import SHOP, TODAY, Case, found, report

pytestmark = pytest.mark.db

LIVE = "org_id = any (array(select shop.orgs()))"
CASES = [
    Case(
        "role-column-writable",
        "policy p on table shop.members",
        """grant update (role) on shop.members to authenticated;
        create policy p on shop.members for update to authenticated
          using (user_id = (select shop.me())) with check (user_id = (select shop.me()))""",
        """grant update (role) on shop.members to authenticated;
        create policy p on shop.members for update to authenticated
          using (user_id = (select shop.me())) with check (user_id = (select shop.me()) and role = 'user')""",
    ),
    Case(
        "role-column-writable",
        "policy p on table shop.members",
        """grant insert on shop.members to authenticated;
        create policy p on shop.members for insert to authenticated with check (user_id = (select shop.me()))""",
        """grant insert (org_id, user_id) on shop.members to authenticated;
        create policy p on shop.members for insert to authenticated with check (user_id = (select shop.me())
            and org_id = any (array(select shop.orgs())))""",
    ),
    Case(
        "role-column-writable",
        "policy p on table shop.members",
        """grant update on shop.members to authenticated;
        create policy p on shop.members for update to authenticated
          using (user_id = (select shop.me())) with check (user_id = (select shop.me()))""",
        """grant update (role) on shop.members to authenticated;
        create policy p on shop.members for update to authenticated
          using (user_id = (select shop.me())) with check (user_id = (select shop.me()));
        create function shop.keep_role() returns trigger language plpgsql as
          $$ begin new.role := old.role; return new; end $$;
        create trigger keep before update on shop.members for each row execute function shop.keep_role()""",
    ),
    *(
        Case(
            "soft-delete-refused",
            f"column {column} of table shop.notes",
            f"""alter table shop.notes add is_removed boolean not null default false;
            drop policy own on shop.notes; grant update ({column}) on shop.notes to authenticated;
            create policy r on shop.notes for select to authenticated using ({LIVE} and {condition});
            create policy u on shop.notes for update to authenticated using ({LIVE}) with check ({LIVE})""",
            f"""alter table shop.notes add is_removed boolean not null default false;
            grant update ({column}) on shop.notes to authenticated;
            create policy u on shop.notes for update to authenticated using ({LIVE}) with check ({LIVE})""",
        )
        for column, condition in (
            ("deleted_at", "deleted_at is null"),
            ("is_removed", "not is_removed"),
            ("is_removed", "is_removed = false"),
            ("is_removed", "is_removed is not true"),
        )
    ),
    Case(
        "audit-trigger-missing",
        "table shop.events",
        """create function shop.audit() returns trigger language plpgsql as
          $$ begin new.updated_at := now(); return new; end $$;
        create table shop.jobs (id int, updated_at timestamptz);
        create trigger audit before insert or update on shop.jobs for each row execute function shop.audit();
        create table shop.events (id int, updated_at timestamptz)""",
        """create function shop.audit() returns trigger language plpgsql as
          $$ begin new.updated_at := now(); return new; end $$;
        create table shop.jobs (id int, updated_at timestamptz);
        create trigger audit before insert or update on shop.jobs for each row execute function shop.audit();
        create table shop.events (id int)""",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_bad_fixture_is_found_and_good_one_is_quiet(conn: psycopg.Connection, case: Case) -> None:
    assert (case.rule, case.object) in found(conn, case.bad)
    assert found(conn, case.good) == []


def test_soft_delete_is_refused_by_postgresql(conn: psycopg.Connection) -> None:
    """What the rule says happens, does."""
    case = next(case for case in CASES if case.rule == "soft-delete-refused")
    with conn.transaction(force_rollback=True):
        conn.execute(SHOP)
        conn.execute(case.bad)
        conn.execute("insert into shop.members values ('00000000-0000-0000-0000-000000000001', gen_random_uuid())")
        conn.execute("insert into shop.notes (org_id) values ('00000000-0000-0000-0000-000000000001')")
        conn.execute("select set_config('app.user', user_id::text, true) from shop.members")
        conn.execute("set local role authenticated")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("update shop.notes set deleted_at = now() where id is not null")


@pytest.mark.parametrize(
    "grant",
    [
        "grant update on shop.members to authenticated",
        "grant update (role) on shop.members to authenticated",
        "grant update on shop.members to public; grant update (role, user_id) on shop.members to authenticated",
    ],
)
def test_fix_takes_the_role_away_from_callers(conn: psycopg.Connection, grant: LiteralString) -> None:
    """Revoking the right on the column alone leaves a grant on the table in force."""
    bad = f"""{grant}; alter table shop.members add "Nick name" text;
        create policy p on shop.members for update to authenticated
          using (user_id = (select shop.me())) with check (user_id = (select shop.me()) and org_id is not null)"""
    (fix,) = [each.fix for each in report(conn, bad).findings if each.rule == "role-column-writable"]
    with conn.transaction(force_rollback=True):
        conn.execute(SHOP)
        conn.execute(bad)
        conn.execute(fix.encode())
        assert [each.rule for each in lint(read(conn), today=TODAY).findings if "role" in each.rule] == []
        conn.execute("insert into shop.members values (gen_random_uuid(), gen_random_uuid())")
        conn.execute("select set_config('app.user', user_id::text, true) from shop.members")
        conn.execute("set local role authenticated")
        if "(role)" not in grant:
            conn.execute("update shop.members set user_id = user_id")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="table members"):
            conn.execute("update shop.members set role = 'admin'")


def test_project_without_an_audit_trigger_needs_none(conn: psycopg.Connection) -> None:
    assert report(conn, "create table shop.events (id int, updated_at timestamptz)").findings == ()


RANK = "create function shop.is_admin(org uuid) returns boolean language"
BODY = "select exists (select from shop.members m where m.org_id = org and m.user_id = shop.me()"


@pytest.mark.parametrize(
    ("function", "condition", "severity"),
    [
        ("", "user_id = (select shop.me())", "error"),
        (f"{RANK} sql as $$ {BODY} and m.role = 'admin') $$", "shop.is_admin(org_id)", "warning"),
        (f"{RANK} sql begin atomic {BODY} and m.role = 'admin'); end", "shop.is_admin(org_id)", "warning"),
        (f"{RANK} sql as $$ {BODY}) $$", "shop.is_admin(org_id)", "error"),
        (f"{RANK} sql begin atomic {BODY}); end", "shop.is_admin(org_id)", "error"),
        (
            "create view shop.seats as select * from shop.members",
            "exists (select from shop.seats s where s.user_id = (select shop.me()) and s.role = 'admin')",
            "warning",
        ),
        ("", "exists (select from shop.notes n where n.owner_id = (select shop.me()))", "error"),
    ],
)
def test_role_that_a_higher_role_sets_is_a_warning(
    conn: psycopg.Connection, function: LiteralString, condition: LiteralString, severity: str
) -> None:
    sql = f"""{function}; grant insert on shop.members to authenticated;
        create policy p on shop.members for insert to authenticated
          with check ({condition} and org_id is not null)"""

    assert [each.severity for each in report(conn, sql).findings if each.rule == "role-column-writable"] == [severity]
