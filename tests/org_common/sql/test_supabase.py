"""On Supabase the schema auth is there, is not ours, and is open to its own roles only."""

from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from org_common.tools.database.local import LocalDatabase, provision
from org_common.tools.database.migrations import load
from tests.org_common.sql.shop import ALICE, CLAIMS, ORGS, SHOP, Unit

pytestmark = pytest.mark.db

# As supabase/postgres migrations/db/init-scripts/00000000000001-auth-schema.sql leaves it, with the functions of today.
# Neither app_migrator nor postgres may grant anything on it: `grant all … to postgres` comes without grant option.
SUPABASE = """
create role anon noinherit; create role authenticated noinherit; create role service_role noinherit bypassrls;
create role supabase_admin;
create schema auth authorization supabase_admin;
set role supabase_admin;
create function auth.uid() returns uuid language sql stable as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim.sub', true), ''),
    (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')
  )::uuid
$$;
create function auth.jwt() returns jsonb language sql stable as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim', true), ''), nullif(current_setting('request.jwt.claims', true), '')
  )::jsonb
$$;
grant usage on schema auth to anon, authenticated, service_role;
reset role
"""


@pytest.fixture
def supabase(virgin: str) -> LocalDatabase:
    with psycopg.connect(make_conninfo(virgin, dbname="shop"), autocommit=True) as conn:
        conn.execute(SUPABASE)
    return provision(virgin, "shop", [*load([]), SHOP])


@pytest.fixture
def unit(supabase: LocalDatabase) -> Iterator[Unit]:
    with closing(Unit(supabase.login_url)) as made:
        yield made


def test_migrations_are_applied_and_leave_auth_alone(supabase: LocalDatabase) -> None:
    with psycopg.connect(supabase.admin_url) as conn:
        found = conn.execute(
            "select proname, proowner::regrole::text from pg_proc where pronamespace = 'auth'::regnamespace order by 1"
        ).fetchall()

    assert found == [("jwt", "supabase_admin"), ("uid", "supabase_admin")]


@pytest.mark.parametrize("role", ["authenticated", "app_sys"])
def test_caller_is_identified(unit: Unit, role: str) -> None:
    with unit(CLAIMS, role) as ask:
        assert ALICE in ask("select app.identify(true)")


def test_rules_are_answered(unit: Unit) -> None:
    with unit({"sub": ALICE}) as ask:
        assert ask("select app.has_org_role(%s, 'org_admin')", ORGS["admin"]) is True
        assert ask("select app.has_sys_role('sys_admin')") is True


def test_audit_columns_are_filled(unit: Unit) -> None:
    with unit({"sub": ALICE}) as ask:
        ask("insert into shop.notes (id) values (1)")

        assert str(ask("select created_by from shop.notes")) == ALICE


def test_access_module_finds_its_people(virgin: str) -> None:
    with psycopg.connect(make_conninfo(virgin, dbname="shop"), autocommit=True) as conn:
        conn.execute(SUPABASE)
    made = provision(virgin, "shop", load(["cora_modules.access"]))
    with psycopg.connect(made.admin_url, autocommit=True) as conn:
        conn.execute("insert into access.users (id, email) values (%s, 'alice@shop.test')", [ALICE])

    with closing(Unit(made.login_url)) as unit, unit({"sub": ALICE}) as ask:
        assert ask("select count(*) from access.orgs") == 0
        assert ask("select id from access.create_org('x', 'x-x', null, null, null, null, null)") is not None
