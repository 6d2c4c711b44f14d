import psycopg
import pytest

from tests.org_common.tools.lint.shop import SHOP, Case, found, report

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


def test_project_without_an_audit_trigger_needs_none(conn: psycopg.Connection) -> None:
    assert report(conn, "create table shop.events (id int, updated_at timestamptz)").findings == ()
