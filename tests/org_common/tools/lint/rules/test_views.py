import psycopg
import pytest

from tests.org_common.tools.lint.shop import Case, found

pytestmark = pytest.mark.db

CASES = [
    Case(
        "view-with-owner-rights",
        "view shop.live",
        "create view shop.live as select id from shop.notes; grant select on shop.live to authenticated",
        """create view shop.live with (security_invoker = on) as select id from shop.notes;
        grant select on shop.live to authenticated""",
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
