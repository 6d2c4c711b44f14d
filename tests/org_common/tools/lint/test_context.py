from typing import LiteralString

import psycopg
import pytest

from org_common.tools.lint.context import Context, Options
from org_common.tools.project.project import ToolError
from tests.org_common.tools.lint.shop import report, snapshot

pytestmark = pytest.mark.db


def test_roles_of_requests_are_detected(conn: psycopg.Connection) -> None:
    context = Context(snapshot(conn, "select"))

    assert [role.name for role in context.callers] == ["anon", "authenticated"]
    assert [role.name for role in context.platform] == ["app_sys"]
    assert [role.name for role in context.logins] == ["app_login"]


def test_named_roles_replace_the_detected_ones(conn: psycopg.Connection) -> None:
    catalog = snapshot(conn, "create role web login; create table shop.open (id int); grant select on shop.open to web")

    assert [role.name for role in Context(catalog, Options(roles=["web"], logins=["web"])).callers] == ["web"]
    with pytest.raises(ToolError, match="the server has no role webb: check the spelling"):
        _ = Context(catalog, Options(roles=["webb"])).callers


def test_database_without_known_roles_has_the_logins_that_use_its_tables(conn: psycopg.Connection) -> None:
    rename = "alter role anon rename to nobody; alter role authenticated rename to members; "
    web = "create role web login; grant usage on schema shop to web; grant select on shop.notes to web"

    assert report(conn, rename + web).roles == ("web", "app_sys")
    assert report(conn, rename).roles == ("members", "app_sys")


@pytest.mark.parametrize(
    ("tables", "column"),
    [
        ("create table shop.a (tenant_id int); create table shop.b (tenant_id int)", "org_id"),
        (
            "alter table shop.notes rename org_id to tenant_id; alter table shop.members rename org_id to tenant_id",
            "tenant_id",
        ),
        ("drop table shop.notes, shop.members cascade", None),
    ],
)
def test_tenant_column_is_the_most_frequent_name(conn: psycopg.Connection, tables: str, column: str | None) -> None:
    assert report(conn, tables).tenant_column == column


@pytest.mark.parametrize(
    ("tables", "column"),
    [
        # Policies that compare it with the caller, also by IN.
        (
            """create table shop.jobs (firm int, user_id uuid, plant int);
            grant select on shop.jobs to authenticated;
            create policy a on shop.jobs to authenticated using (user_id = (select shop.me()));
            create policy b on shop.jobs to authenticated using (plant = 1);
            create policy c on shop.jobs to authenticated
              using (user_id = (select shop.me()) and firm in (select current_setting('app.firm')::int))""",
            "firm",
        ),
        # Keys of secured tables; one of them could refer to anything.
        (
            """create table shop.firms (id int primary key);
            create table shop.a (owner_id int references shop.firms, firm_id int references shop.firms);
            create table shop.b (owner_id int references shop.firms, firm_id int references shop.firms);
            alter table shop.a enable row level security;
            alter table shop.b enable row level security""",
            "firm_id",
        ),
        (
            """create table shop.firms (id int primary key);
            create table shop.a (firm_id int references shop.firms);
            alter table shop.a enable row level security""",
            None,
        ),
    ],
)
def test_tenant_column_without_a_known_name_is_the_one_policies_or_keys_share(
    conn: psycopg.Connection, tables: LiteralString, column: str | None
) -> None:
    assert report(conn, "drop table shop.members, shop.notes cascade;" + tables).tenant_column == column


def test_named_tenant_column_is_taken(conn: psycopg.Connection) -> None:
    assert report(conn, "select", tenant_column="owner_id").tenant_column == "owner_id"


def test_rights_come_through_membership_columns_and_public(conn: psycopg.Connection) -> None:
    context = Context(
        snapshot(
            conn,
            """create role reader; grant reader to authenticated; grant delete on shop.notes to reader;
            grant update (text) on shop.notes to public;
            create role other noinherit; grant reader to other""",
        )
    )
    notes = next(table for table in context.tables if table.name == "notes")
    roles = {role.name: role for role in context.catalog.roles.values()}

    assert context.rights(notes, roles["authenticated"]) == {"SELECT", "UPDATE", "DELETE"}
    assert context.rights(notes, roles["anon"]) == {"UPDATE"}
    assert "DELETE" not in context.rights(notes, roles["other"])
    assert roles["reader"].oid in context.settable(roles["other"])


def test_schemas_of_the_platform_are_left_out(conn: psycopg.Connection) -> None:
    catalog = snapshot(
        conn,
        """create role supabase_admin; create schema storage; create table storage.objects (id int);
        create schema own; create table own.t (id int)""",
    )

    assert {table.schema for table in Context(catalog).tables} == {"own", "shop"}
