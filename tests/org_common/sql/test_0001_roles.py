from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from org_common.tools.database.bootstrap import MEMBERS, bootstrap
from org_common.tools.database.local import LocalDatabase, provision
from org_common.tools.database.migrations import SchemaError, load
from org_common.tools.database.schema import migrate
from tests.org_common.sql.shop import CLAIMS, SHOP, Unit

pytestmark = pytest.mark.db

PASSWORD = "of the migrator"


def ask(url: str, query: LiteralString) -> list[Any]:
    """The rows; of one column, its values."""
    with psycopg.connect(url) as conn:
        return [row[0] if len(row) == 1 else row for row in conn.execute(query).fetchall()]


def run(url: str, statements: LiteralString) -> None:
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(statements)


# --- what is made -----------------------------------------------------------------------------


def test_roles_are_made_without_any_power(bare: LocalDatabase) -> None:
    found = ask(
        bare.admin_url,
        """
        select rolname, rolcanlogin, rolinherit from pg_roles
        where rolname ~ '^(app_|anon$|authenticated$)' and rolname <> 'app_migrator'
        and not (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication) order by 1
        """,
    )

    assert found == [
        ("anon", False, True),
        ("app_login", True, False),
        ("app_rules", False, True),
        ("app_service", True, False),
        ("app_sys", False, True),
        ("authenticated", False, True),
    ]


def test_request_login_may_become_three_roles_and_has_the_rights_of_none(bare: LocalDatabase) -> None:
    roles = [role for role in MEMBERS if role != "app_login"]
    with psycopg.connect(bare.admin_url) as conn:
        found = conn.execute(
            """
            select role, pg_has_role('app_login', role, 'MEMBER'), pg_has_role('app_login', role, 'USAGE')
            from unnest(%s::text[]) as role order by 1
            """,
            [roles],
        ).fetchall()

    assert found == [
        ("anon", True, False),
        ("app_rules", False, False),
        ("app_service", False, False),
        ("app_sys", True, False),
        ("authenticated", True, False),
    ]


@pytest.mark.parametrize("role", ["app_login", "app_service", "anon", "authenticated", "app_sys"])
@pytest.mark.parametrize("right", ["CREATE", "TEMPORARY"])
def test_nobody_creates_in_the_database(bare: LocalDatabase, role: str, right: str) -> None:
    with psycopg.connect(bare.admin_url) as conn:
        found = conn.execute("select has_database_privilege(%s, current_database(), %s)", [role, right]).fetchone()

    assert found == (False,)


def test_login_is_let_in_and_reaches_nothing(platform: LocalDatabase) -> None:
    with psycopg.connect(platform.login_url) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute("select app.role_rank('org_user')")


def test_what_a_later_migration_makes_is_for_nobody(platform: LocalDatabase) -> None:
    with psycopg.connect(platform.migrator_url) as conn:
        conn.execute("create function shop.f() returns int language sql return 1")
        conn.execute("create function app.f() returns int language sql return 1")
        conn.execute("create type shop.kind as enum ('a')")
        conn.execute("create table shop.t (id int)")
        found = conn.execute("""
            select has_function_privilege('authenticated', 'shop.f()', 'EXECUTE'),
                has_function_privilege('authenticated', 'app.f()', 'EXECUTE'),
                has_type_privilege('authenticated', 'shop.kind', 'USAGE'),
                has_table_privilege('authenticated', 'shop.t', 'SELECT')
        """).fetchone()
        conn.rollback()

    assert found == (False, False, False, False)


# --- roles belong to the server, not to the database ------------------------------------------


def test_second_database_of_a_server_takes_the_roles_that_are_there(virgin: str) -> None:
    provision(virgin, "one", [*load([]), SHOP])
    roles = ask(virgin, "select oid, rolname, rolinherit, rolcanlogin from pg_roles order by 1")

    two = provision(virgin, "two", [*load([]), SHOP])

    assert ask(virgin, "select oid, rolname, rolinherit, rolcanlogin from pg_roles order by 1") == roles
    with closing(Unit(two.login_url)) as unit, unit(CLAIMS) as request:
        assert "outer_sub" in request("select app.identify(true)")


def test_two_databases_of_a_new_server_may_be_migrated_at_once(virgin: str) -> None:
    urls = []
    for name in ("one", "two", "three"):
        with psycopg.connect(virgin, autocommit=True) as conn:
            conn.execute(f"create database {name}".encode())
        bootstrap(make_conninfo(virgin, dbname=name), migrator_password=PASSWORD)
        urls.append(make_conninfo(virgin, dbname=name, user="app_migrator", password=PASSWORD))

    with ThreadPoolExecutor(3) as threads:
        applied = list(threads.map(lambda url: len(migrate(url, load([]))), urls))

    assert applied == [len(load([]))] * 3


def test_roles_that_others_have_made_are_taken(virgin: str) -> None:
    run(virgin, "create role anon nologin noinherit; create role authenticated nologin noinherit")

    made = provision(virgin, "shop", [*load([]), SHOP])

    with closing(Unit(made.login_url)) as unit, unit(CLAIMS) as request:
        assert "outer_sub" in request("select app.identify(true)")


@pytest.mark.parametrize("power", ["bypassrls", "superuser"])
@pytest.mark.parametrize("role", MEMBERS)
def test_role_above_row_level_security_is_refused(virgin: str, role: str, power: str) -> None:
    bootstrap(make_conninfo(virgin, dbname="shop"), migrator_password=PASSWORD)
    with psycopg.connect(virgin, autocommit=True) as conn:
        conn.execute(f"create role {role} {power}".encode())

    with pytest.raises(SchemaError, match=f"the role {role} is a superuser or bypasses .* alter role {role} nosuper"):
        migrate(make_conninfo(virgin, dbname="shop", user="app_migrator", password=PASSWORD), load([]))

    assert ask(make_conninfo(virgin, dbname="shop"), "select count(*) from app.migrations") == [0]


def test_login_made_by_others_does_not_end_up_inheriting(virgin: str) -> None:
    """`create role app_login login`, as an administrator writes it, inherits. Refuse such a role, or mend it."""
    run(virgin, "create role app_login login; create role app_service login")

    with suppress(SchemaError):
        provision(virgin, "shop", [*load([]), SHOP])

    inherited = "select rolname from pg_roles where rolname <> 'app_login' and pg_has_role('app_login', oid, 'USAGE')"
    assert ask(virgin, inherited) == []
