import psycopg
import pytest

from tests.org_common.tools.lint.shop import Case, found

pytestmark = pytest.mark.db

HIDDEN = """create materialized view shop.counts as select org_id, count(*) as n from shop.notes group by org_id;
    create table shop.colors (org_id uuid not null primary key);"""
ALL = "as select n from shop.counts"
MINE = f"{ALL} where org_id in (select shop.orgs())"

CASES = [
    Case(
        "view-with-owner-rights",
        "view shop.live",
        "create view shop.live as select id from shop.notes; grant select on shop.live to authenticated",
        """create view shop.live with (security_invoker = on) as select id from shop.notes;
        grant select on shop.live to authenticated""",
    ),
    *(
        Case(
            "view-with-owner-rights",
            "view shop.mine",
            f"{HIDDEN} {bad}",
            f"""{HIDDEN} create view shop.mine with (security_barrier) as select c.n from shop.counts c
            join shop.colors using (org_id) where c.org_id in (select shop.orgs());
            grant select on shop.mine to authenticated""",
        )
        for bad in (
            # Without a barrier, without a look at the caller, without one at the row, with writes, with another branch.
            f"create view shop.mine {MINE}; grant select on shop.mine to authenticated",
            f"create view shop.mine with (security_barrier) {ALL}; grant select on shop.mine to authenticated",
            f"""create view shop.mine with (security_barrier) {ALL} where (select shop.me()) is not null;
            grant select on shop.mine to authenticated""",
            f"create view shop.mine with (security_barrier) {MINE}; grant select, delete on shop.mine to authenticated",
            f"""create view shop.mine with (security_barrier) {MINE} union select n from shop.counts;
            grant select on shop.mine to authenticated""",
            # What callers can read themselves: the view has to leave it to the policies.
            f"""create view shop.mine with (security_barrier) {MINE};
            grant select on shop.mine, shop.counts to authenticated""",
        )
    ),
    Case(
        "materialized-view-granted",
        "materialized view shop.counts",
        "create materialized view shop.counts as select org_id from shop.notes; grant select on shop.counts to anon",
        "create materialized view shop.counts as select org_id from shop.notes",
    ),
    Case(
        "foreign-table-granted",
        "foreign table shop.remote",
        """create foreign data wrapper w; create server s foreign data wrapper w;
        create foreign table shop.remote (id int) server s; grant select on shop.remote to authenticated""",
        """create foreign data wrapper w; create server s foreign data wrapper w;
        create foreign table shop.remote (id int) server s""",
    ),
    Case(
        "auth-users-exposed",
        "view shop.people",
        """create schema auth; create table auth.users (id uuid, email text);
        create view shop.accounts with (security_invoker = true) as select * from auth.users;
        create view shop.people with (security_invoker = true) as select email from shop.accounts;
        grant select on shop.people to authenticated""",
        """create schema auth; create table auth.users (id uuid, email text);
        create view shop.people with (security_invoker = true) as select user_id from shop.members;
        grant select on shop.people to authenticated""",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_bad_fixture_is_found_and_good_one_is_quiet(conn: psycopg.Connection, case: Case) -> None:
    assert (case.rule, case.object) in found(conn, case.bad)
    assert found(conn, case.good) == []
