from collections.abc import Callable
from contextlib import AbstractContextManager

import psycopg
import pytest

from org_common.testing import TwoTenants

pytestmark = pytest.mark.db
AsUser = Callable[..., AbstractContextManager[psycopg.Connection]]


def test_tables_views_and_functions_are_asserted(assert_isolated: Callable[[str], None]) -> None:
    for name in ("access.orgs", "ws.live_workspaces", "access.create_invite"):
        assert_isolated(name)
    with pytest.raises(AssertionError, match="there is no access.nothing in the declarations"):
        assert_isolated("access.nothing")


def test_leak_is_an_assertion_with_sql(two_tenants: TwoTenants, as_user: AsUser) -> None:
    with as_user("owner") as conn:
        conn.execute("reset role")
        conn.execute("create policy leak on access.orgs for select to authenticated using (true)")
        with pytest.raises(
            AssertionError, match="access.orgs: select by owner of a: sees 1 rows of others: of b"
        ) as error:
            two_tenants.assert_isolated("access.orgs")

    assert 'set local role "authenticated";' in str(error.value)
    two_tenants.assert_isolated("access.orgs")  # rolled back


def test_user_has_role_and_claims_for_a_block(two_tenants: TwoTenants, as_user: AsUser) -> None:
    query = "select current_user, app.uid()::text, (select array_agg(id::text) from access.orgs)"
    with as_user("owner", "b") as conn:
        assert conn.execute(query).fetchone() == (
            "authenticated",
            two_tenants.user_id("owner", "b"),
            [two_tenants.ids["b"]],
        )
        conn.execute("delete from access.orgs")
    with as_user("sys") as conn:
        assert conn.execute("select count(*) from access.orgs").fetchone() == (2,)
    assert conn.execute("select current_user <> 'app_sys'").fetchone() == (True,)


def test_rows_are_those_of_a_tenant(two_tenants: TwoTenants) -> None:
    assert [row["id"] for row in two_tenants.rows("access.orgs", "b")] == [two_tenants.ids["b"]]


def test_unknown_person_and_one_without_a_user(two_tenants: TwoTenants, as_user: AsUser) -> None:
    with (
        pytest.raises(LookupError, match="there is no person boss of tenant a: known are owner, admin"),
        as_user("boss"),
    ):
        pass
    with pytest.raises(LookupError, match="anonymous is not signed in"):
        two_tenants.user_id("anonymous")
