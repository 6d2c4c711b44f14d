from dataclasses import replace

import psycopg
import pytest

from org_common.tools.lint.report import lint
from tests.org_common.tools.lint.shop import TODAY, Case, found, snapshot

pytestmark = pytest.mark.db

CASES = [
    Case(
        "role-bypasses-rls",
        "role authenticated",
        "alter role authenticated bypassrls",
        "create role worker bypassrls",
    ),
    Case(
        "role-bypasses-rls",
        "role app_login",
        "create role worker bypassrls; grant worker to app_login",
        "create role worker bypassrls; create role other; grant worker to other",
    ),
    Case(
        "role-owns-tables",
        "role app_login",
        "alter table shop.notes owner to authenticated",
        "create role keeper; grant create on schema shop to keeper; alter table shop.notes owner to keeper",
    ),
    Case("role-raises-itself", "role app_login", "alter role app_login createrole", "create role boss createrole"),
    Case(
        "role-raises-itself",
        "role authenticated",
        "create role boss; grant boss to authenticated with admin option",
        "create role boss; grant boss to authenticated",
    ),
    Case(
        "role-creates-objects",
        "schema shop",
        "grant create on schema shop to authenticated",
        "grant create on schema shop to app_service",
    ),
    Case(
        "default-grants",
        "schema shop",
        "alter default privileges in schema shop grant select on tables to authenticated",
        "alter default privileges in schema shop grant select on tables to app_service",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_bad_fixture_is_found_and_good_one_is_quiet(conn: psycopg.Connection, case: Case) -> None:
    assert (case.rule, case.object) in found(conn, case.bad)
    assert found(conn, case.good) == []


def test_right_to_create_in_the_database_is_found(conn: psycopg.Connection) -> None:
    statement = f"grant create on database {conn.info.dbname} to authenticated"

    assert ("role-creates-objects", f"database {conn.info.dbname}") in found(conn, statement)


@pytest.mark.parametrize(("bad", "good"), [(150013, 150014), (160009, 160010), (170005, 170006), (140018, 180000)])
def test_server_with_known_bypasses_is_found(conn: psycopg.Connection, bad: int, good: int) -> None:
    catalog = snapshot(conn, "select")

    found = [finding.rule for finding in lint(replace(catalog, version=bad), today=TODAY).findings]

    assert found == ["server-outdated"]
    assert lint(replace(catalog, version=good), today=TODAY).findings == ()
