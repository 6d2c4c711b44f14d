"""`org-common db guard` against a real server: what it lets pass, and what it says about the rest."""

import re
import uuid
from collections.abc import Callable, Iterator
from typing import LiteralString

import psycopg
import pytest
from click.testing import CliRunner, Result
from psycopg import sql
from psycopg.conninfo import make_conninfo

from org_common.tools.cli import main
from org_common.tools.database.guard import check_database, session_effects
from org_common.tools.database.local import LocalDatabase
from org_common.tools.database.migrations import SchemaError

pytestmark = pytest.mark.db

TABLE: LiteralString = "create table shop.orders (id int, total int);"
CLOSED: LiteralString = f"{TABLE} alter table shop.orders enable row level security, force row level security;"
INVOKER_VIEW: LiteralString = """
create view shop.totals with (security_invoker = true) as select total from shop.orders;
grant select on shop.totals to authenticated"""
UNREACHABLE = "postgresql://app_login:s3cret@127.0.0.1:1/shop"

# A login like app_login, of which a test takes one thing away. Its name is put in.
Login = Callable[[LiteralString], str]


@pytest.fixture
def login(database: LocalDatabase) -> Iterator[Login]:
    """Creates a login with SQL and returns its URL. Roles belong to the server, so it is dropped at the end."""
    name = f"guard_{uuid.uuid4().hex}"

    def make(statements: LiteralString) -> str:
        execute(database.admin_url, sql.SQL(statements).format(sql.Identifier(name)))
        return make_conninfo(database.login_url, user=name, password="p")

    yield make
    execute(database.admin_url, sql.SQL("drop role if exists {}").format(sql.Identifier(name)))


def execute(url: str, statements: sql.Composed | LiteralString) -> None:
    with psycopg.connect(url) as conn:
        conn.execute(statements)


def call(url: str | None, *options: str) -> Result:
    return CliRunner().invoke(
        main, ["db", "guard", *options], env={"ORG_COMMON_DATABASE_URL": url}, catch_exceptions=False
    )


# --- tables -----------------------------------------------------------------------------------


def test_migrated_database_passes(database: LocalDatabase) -> None:
    assert check_database(database.login_url) == []


@pytest.mark.parametrize(
    "statements",
    [
        TABLE,
        f"{CLOSED} grant select, insert, update, delete on shop.orders to anon, authenticated, app_sys",
        f"{TABLE} grant select on shop.orders to app_service",
        f"{CLOSED} {INVOKER_VIEW}",
    ],
    ids=["nobody's", "under policies", "the service's", "view of its reader"],
)
def test_what_no_tenant_can_misuse_passes(database: LocalDatabase, statements: LiteralString) -> None:
    execute(database.migrator_url, f"create schema shop; {statements}")

    assert check_database(database.login_url) == []


@pytest.mark.parametrize("right", ["select", "insert", "delete", "truncate", "select (id)", "update (total)"])
def test_any_right_without_row_level_security_is_a_violation(database: LocalDatabase, right: LiteralString) -> None:
    execute(database.migrator_url, f"create schema shop; {TABLE} grant {right} on shop.orders to authenticated")

    (fault,) = check_database(database.login_url)
    assert fault == (
        "authenticated has rights on shop.orders without row-level security:"
        " alter table shop.orders enable row level security"
    )


@pytest.mark.parametrize("role", ["anon", "authenticated", "app_sys"])
def test_every_role_of_a_request_is_looked_at(database: LocalDatabase, role: LiteralString) -> None:
    execute(database.migrator_url, f"create schema shop; {TABLE} grant select on shop.orders to {role}")

    assert [fault.partition(" ")[0] for fault in check_database(database.login_url)] == [role]


def test_right_of_public_is_a_violation_of_each_role(database: LocalDatabase) -> None:
    execute(database.migrator_url, f"create schema shop; {TABLE} grant select on shop.orders to public")

    assert [fault.partition(" ")[0] for fault in check_database(database.login_url)] == [
        "anon",
        "authenticated",
        "app_sys",
    ]


def test_partition_open_beside_its_table_is_a_violation(database: LocalDatabase) -> None:
    statements: LiteralString = """
        create schema shop;
        create table shop.orders (id int) partition by range (id);
        alter table shop.orders enable row level security, force row level security;
        create table shop.orders_1 partition of shop.orders for values from (1) to (2);
        grant select on shop.orders, shop.orders_1 to authenticated"""
    execute(database.migrator_url, statements)

    (fault,) = check_database(database.login_url)
    assert fault.endswith("alter table shop.orders_1 enable row level security")


def test_table_without_force_is_a_violation(database: LocalDatabase) -> None:
    enable: LiteralString = "alter table shop.orders enable row level security; grant select on shop.orders to anon"
    execute(database.migrator_url, f"create schema shop; {TABLE} {enable}")

    assert check_database(database.login_url) == [
        (
            "row-level security of shop.orders does not apply to its owner:"
            " alter table shop.orders force row level security"
        )
    ]


def test_view_with_its_owners_rights_is_a_violation(database: LocalDatabase) -> None:
    view: LiteralString = (
        "create view shop.totals as select total from shop.orders; grant select on shop.totals to anon"
    )
    execute(database.migrator_url, f"create schema shop; {CLOSED} {view}")

    (fault,) = check_database(database.login_url)
    assert fault == (
        "anon can read the view shop.totals, which runs with its owner's rights:"
        " alter view shop.totals set (security_invoker = true)"
    )


def test_materialized_view_is_a_violation(database: LocalDatabase) -> None:
    view: LiteralString = (
        "create materialized view shop.totals as select 1 as total; grant select on shop.totals to anon"
    )
    execute(database.migrator_url, f"create schema shop; {view}")

    assert check_database(database.login_url) == [
        "anon has rights on shop.totals, and materialized views have no row-level security: revoke the rights"
    ]


# --- logins -----------------------------------------------------------------------------------


def test_superuser_is_a_violation_and_the_only_one(database: LocalDatabase) -> None:
    (fault,) = check_database(database.admin_url)

    assert "is a superuser: log in as app_login" in fault
    # PostgreSQL refuses that to its first superuser.
    assert "nosuperuser" not in fault


def test_login_like_ours_passes(login: Login) -> None:
    url = login("create role {0} login noinherit password 'p'; grant anon, authenticated, app_sys to {0}")

    assert check_database(url) == []


def test_login_that_bypasses_policies_is_a_violation(login: Login) -> None:
    url = login("create role {0} login noinherit bypassrls password 'p'; grant anon, authenticated, app_sys to {0}")

    (fault,) = check_database(url)
    assert "bypasses row-level security: `alter role guard_" in fault


def test_login_that_inherits_rights_is_a_violation(login: Login) -> None:
    url = login("create role {0} login inherit password 'p'; grant anon, authenticated, app_sys to {0}")

    faults = check_database(url)

    assert len(faults) == 3
    assert all(fault.startswith("the login has the rights of ") for fault in faults)


def test_role_that_the_login_cannot_assume_is_a_violation(login: Login) -> None:
    url = login("create role {0} login noinherit password 'p'; grant anon, authenticated to {0}")

    assert check_database(url) == ["the login cannot assume the role app_sys: `grant app_sys to app_login`"]


def test_role_that_no_request_runs_as_is_a_violation(login: Login) -> None:
    url = login("create role {0} login noinherit password 'p'; grant anon, authenticated, app_sys, app_service to {0}")

    (fault,) = check_database(url)
    assert re.fullmatch(r"the login can become app_service, .*: `revoke app_service from guard_\w+`, .*", fault)


def test_additionally_allowed_role_passes(login: Login) -> None:
    url = login("create role {0} login noinherit password 'p'; grant anon, authenticated, app_sys, app_service to {0}")

    assert check_database(url, also=["app_service"]) == []
    assert call(url, "--allow", "app_service").exit_code == 0


def test_role_that_does_not_exist_is_a_violation(database: LocalDatabase) -> None:
    violations = check_database(database.login_url, roles=("anon", "no_such_role"))

    assert violations == ["the role no_such_role does not exist: run `org-common db migrate`"]


def test_server_that_is_down_is_reported_without_the_password() -> None:
    with pytest.raises(SchemaError, match="cannot connect as app_login") as caught:
        check_database(UNREACHABLE)

    assert "s3cret" not in str(caught.value)


# --- functions --------------------------------------------------------------------------------

FUNCTION: LiteralString = """
create schema shop;
grant usage on schema shop to authenticated;
create function shop.mark(tenant text) returns text language sql volatile
  return set_config('shop.tenant', tenant, false)"""
FOR_THE_SESSION = [
    "begin perform set_config('shop.tenant', tenant, false); end",
    "begin perform set_config('shop.tenant', coalesce(tenant, 'x, y'), only_here); end",
    "begin perform pg_catalog.SET_CONFIG('shop.tenant', tenant, /* true */ false); end",
    "begin perform set_config('a.b', 'x', true); perform set_config('a.b', 'x', false); end",
    "begin execute 'select set_config(''shop.tenant'', $1, false)' using tenant; end",
    "begin set role app_sys; end",
    "begin\n  -- set local\n  SET SESSION shop.tenant = 'x'; end",
    "begin if true then set shop.tenant = 'x'; end if; end",
    "begin execute format('set shop.tenant = %L', tenant); end",
    "begin perform pg_advisory_lock(1); end",
    "begin perform pg_try_advisory_lock_shared(1, 2); end",
]
FOR_THE_TRANSACTION = [
    "begin perform set_config('shop.tenant', tenant, true); end",
    "begin perform set_config('shop.tenant', tenant, is_local => true); end",
    "begin execute 'select set_config(''shop.tenant'', $1, true)' using tenant; end",
    "begin set local shop.tenant = 'x'; end",
    "begin set constraints all immediate; end",
    "begin update shop.orders o\n  set total = 1; end",
    "begin insert into shop.orders values (1) on conflict (id) do update set total = 1; end",
    "begin -- set_config('a.b', 'x', false)\n return; end",
    "begin perform pg_advisory_xact_lock(1); end",
    "begin perform app.reset_config(1); end",
]


@pytest.mark.parametrize("body", FOR_THE_SESSION)
def test_function_that_sets_for_the_session_is_a_violation(body: str) -> None:
    assert session_effects(body) != []


@pytest.mark.parametrize("body", FOR_THE_TRANSACTION)
def test_function_that_sets_for_its_transaction_passes(body: str) -> None:
    assert session_effects(body) == []


def test_function_within_a_requests_reach_is_looked_at(database: LocalDatabase) -> None:
    execute(database.migrator_url, FUNCTION)

    assert check_database(database.login_url) == [
        (
            "the function shop.mark(tenant text) changes a setting for the session:"
            " pass true as the last argument of set_config()"
        )
    ]


def test_function_out_of_a_requests_reach_passes(database: LocalDatabase) -> None:
    execute(database.migrator_url, f"{FUNCTION}; revoke usage on schema shop from authenticated")

    assert check_database(database.login_url) == []


def test_trigger_function_is_checked_in_every_schema(database: LocalDatabase) -> None:
    trigger: LiteralString = """
        create schema shop;
        create function shop.mark() returns trigger language plpgsql as $$
        begin set shop.tenant = 'x'; return new; end $$"""
    execute(database.migrator_url, trigger)

    (fault,) = check_database(database.login_url)
    assert fault.startswith("the function shop.mark() changes a setting for the session: use `set local`")


# --- command ----------------------------------------------------------------------------------


def test_command_exits_with_0_when_all_is_well(database: LocalDatabase) -> None:
    result = call(database.login_url)

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "no violations: checked roles, owners, policies, functions and the server version\n"


def test_command_reports_each_violation_and_exits_with_1(database: LocalDatabase) -> None:
    execute(database.migrator_url, f"create schema shop; {TABLE} grant select on shop.orders to anon, app_sys")

    result = call(database.login_url)

    assert result.exit_code == 1
    assert [line.partition(" has ")[0] for line in result.stdout.splitlines()] == [
        "violation: anon",
        "violation: app_sys",
    ]


def test_command_without_a_url_names_its_variable() -> None:
    result = call(None)

    assert result.exit_code == 2
    assert "ORG_COMMON_DATABASE_URL" in result.stderr


def test_command_reports_in_one_line_that_the_server_is_down() -> None:
    result = call(UNREACHABLE)

    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ORG_COMMON_DATABASE_URL: cannot connect as app_login")
    assert "s3cret" not in result.output
