import psycopg
import pytest

from tests.org_common.tools.lint.shop import Case, found, report

pytestmark = pytest.mark.db

ORGS = "array(select shop.orgs())"
SECURED = f"""alter table shop.log enable row level security, force row level security;
    create policy p on shop.log for select to authenticated
      using (exists (select from shop.members m where m.org_id = log.org_id) and org_id = any ({ORGS}));"""
PARTITION = f"""create table shop.log (org_id uuid not null, day date, primary key (org_id, day))
    partition by range (day); create table shop.old partition of shop.log default; {SECURED}
    alter table shop.old enable row level security; grant select on shop.old to authenticated;"""
CHILD = f"""create table shop.log (org_id uuid not null, day date, primary key (org_id, day));
    create table shop.child (primary key (org_id, day)) inherits (shop.log); {SECURED}
    alter table shop.child enable row level security; grant select on shop.child to authenticated;"""

CASES = [
    Case(
        "rls-disabled",
        "table shop.prices",
        "create table shop.prices (id int); grant select on shop.prices to anon",
        "create table shop.prices (id int); grant select on shop.prices to app_service",
    ),
    Case(
        "rls-disabled",
        "table shop.prices",
        "create table shop.prices (id int); grant update (id) on shop.prices to authenticated",
        "create schema hidden; create table hidden.t (id int); grant update (id) on hidden.t to authenticated",
    ),
    Case(
        "policies-without-rls",
        "table shop.prices",
        """create table shop.prices (org_id uuid not null primary key);
        create policy own on shop.prices to authenticated using (false) with check (false)""",
        """create table shop.prices (org_id uuid not null primary key);
        alter table shop.prices enable row level security, force row level security;
        create policy own on shop.prices to authenticated using (false) with check (false)""",
    ),
    Case(
        "rls-not-forced",
        "table shop.notes",
        "alter table shop.notes no force row level security",
        "alter table shop.notes force row level security",
    ),
    Case(
        "rls-without-policy",
        "table shop.notes",
        "grant delete on shop.notes to authenticated",
        """grant delete on shop.notes to authenticated;
        create policy d on shop.notes for delete to authenticated using (org_id = any (array(select shop.orgs())))""",
    ),
    Case(
        "rls-without-policy",
        "table shop.notes",
        "grant select on shop.notes to anon",
        "grant select on shop.notes to anon; create policy a on shop.notes for select to anon using (false)",
    ),
    Case(
        "partition-granted",
        "table shop.old",
        """create table shop.log (org_id uuid not null, day date, primary key (org_id, day)) partition by range (day);
        create table shop.old partition of shop.log default;
        alter table shop.log enable row level security, force row level security;
        grant select on shop.old to authenticated""",
        """create table shop.log (org_id uuid not null, day date, primary key (org_id, day)) partition by range (day);
        create table shop.old partition of shop.log default;
        alter table shop.log enable row level security, force row level security""",
    ),
    *(
        Case(
            "partition-granted",
            f"table shop.{name}",
            f"{sql} {bad}",
            f"""{sql} create policy q on shop.{name} for select to authenticated
              using (exists (select from shop.members m where m.org_id = {name}.org_id) and org_id = any ({ORGS}));
            alter table shop.{name} force row level security""",
        )
        for name, sql in (("old", PARTITION), ("child", CHILD))
        for bad in (
            f"alter table shop.{name} force row level security",
            f"create policy q on shop.{name} for select to authenticated using (org_id = any ({ORGS}))",
            f"""create policy q on shop.{name} for select to authenticated using (true);
            alter table shop.{name} force row level security""",
        )
    ),
    Case(
        "grant-bypasses-rls",
        "table shop.notes",
        "grant truncate on shop.notes to authenticated",
        "grant truncate on shop.notes to app_service",
    ),
    Case(
        "grant-bypasses-rls",
        "table shop.notes",
        "grant references (id) on shop.notes to authenticated",
        "grant trigger on shop.notes to app_service",
    ),
    Case(
        "grant-to-public",
        "view shop.live",
        """create view shop.live with (security_invoker = true) as select id from shop.notes;
        grant select on shop.live to public""",
        """create view shop.live with (security_invoker = true) as select id from shop.notes;
        grant select on shop.live to authenticated""",
    ),
    Case(
        "sequence-readable",
        "sequence shop.numbers",
        "create sequence shop.numbers; grant select on sequence shop.numbers to authenticated",
        "create sequence shop.numbers; grant usage on sequence shop.numbers to authenticated",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_bad_fixture_is_found_and_good_one_is_quiet(conn: psycopg.Connection, case: Case) -> None:
    assert (case.rule, case.object) in found(conn, case.bad)
    assert found(conn, case.good) == []


def test_fix_quotes_names(conn: psycopg.Connection) -> None:
    table = 'create table shop."Big Notes" (id int); grant select on shop."Big Notes" to authenticated'

    (finding,) = report(conn, table).findings

    assert finding.object == "table shop.Big Notes"
    assert finding.fix == 'alter table shop."Big Notes" enable row level security, force row level security'


def test_owner_is_reported_once_and_not_for_each_right(conn: psycopg.Connection) -> None:
    rules = {rule for rule, _ in found(conn, "alter table shop.notes owner to authenticated")}

    assert rules == {"role-owns-tables"}
