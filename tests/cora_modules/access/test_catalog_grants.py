"""The catalog of the migrated database: owners, memberships of roles, and grants."""

import psycopg
import pytest

from org_common.tools.database.local import LocalDatabase
from tests.cora_modules.access.catalog import MODULES, OF_EXTENSIONS, OURS, ROLES, ask
from tests.cora_modules.access.world import World

pytestmark = pytest.mark.db


# --- owners and roles -------------------------------------------------------------------------


def test_every_object_belongs_to_app_migrator_or_app_rules(catalog: psycopg.Connection) -> None:
    strangers = ask(
        catalog,
        f"""
        select name, owner::regrole::text from (
            select nspname::text, nspowner, oid from pg_namespace
            union all select oid::regclass::text, relowner, relnamespace from pg_class
            union all select oid::regprocedure::text, proowner, pronamespace from pg_proc
            where oid not in ({OF_EXTENSIONS})
            union all select oid::regtype::text, typowner, typnamespace from pg_type
            where not exists (
                select from pg_depend
                where classid = 'pg_type'::regclass and objid in (pg_type.oid, typelem) and deptype = 'e'
            )
        ) as things (name, owner, schema)
        where schema in ({OURS}) and name <> 'public' and owner::regrole::text not in ('app_migrator', 'app_rules')
        """,
    )

    assert strangers == []


def test_app_rules_owns_functions_only(catalog: psycopg.Connection) -> None:
    owned = ask(
        catalog,
        """
        select distinct classid::regclass::text from pg_shdepend
        where refobjid = 'app_rules'::regrole and deptype = 'o'
        """,
    )

    assert owned == ["pg_proc"]


def test_no_role_of_ours_bypasses_row_level_security(catalog: psycopg.Connection) -> None:
    powerful = ask(
        catalog,
        """
        select rolname from pg_roles where rolname ~ '^(app_|anon$|authenticated$)'
        and (rolsuper or rolbypassrls or rolreplication or rolcreatedb or rolcreaterole and rolname <> 'app_migrator')
        """,
    )

    assert powerful == []


def test_login_roles_are_these(catalog: psycopg.Connection) -> None:
    logins = ask(catalog, "select rolname from pg_roles where rolcanlogin and rolname <> 'postgres' order by 1")

    assert logins == ["app_login", "app_migrator", "app_service"]


def test_app_login_inherits_nothing_and_can_become_three_roles(catalog: psycopg.Connection) -> None:
    (inherits,) = ask(catalog, "select rolinherit from pg_roles where rolname = 'app_login'")
    members = ask(
        catalog,
        """
        select roleid::regrole::text, admin_option from pg_auth_members where member = 'app_login'::regrole order by 1
        """,
    )

    assert inherits is False
    assert members == [("anon", False), ("app_sys", False), ("authenticated", False)]


def test_logins_can_become_request_roles_only(catalog: psycopg.Connection) -> None:
    reachable = ask(
        catalog,
        """
        with recursive reachable (login, role) as (
            select oid, oid from pg_roles where rolname in ('app_login', 'app_service')
            union select login, roleid from reachable join pg_auth_members on member = role
        )
        select login::regrole::text, role::regrole::text from reachable join pg_roles on oid = role
        where login <> role and rolname not in ('anon', 'authenticated', 'app_sys') or rolsuper or rolbypassrls
        """,
    )

    assert reachable == []


def test_only_the_migrator_can_become_app_rules(catalog: psycopg.Connection) -> None:
    members = ask(
        catalog,
        "select distinct member::regrole::text from pg_auth_members where roleid = 'app_rules'::regrole",
    )

    assert set(members) <= {"app_migrator", "postgres"}


# --- grants -----------------------------------------------------------------------------------


GRANTED = f"""
    select c.oid::regclass::text, verb from pg_class c,
        unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) as verb
    where relkind in ('r', 'p', 'v', 'm', 'f') and relnamespace in ({OURS})
    and case when verb in ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES')
        then has_any_column_privilege(%s, c.oid, verb) else has_table_privilege(%s, c.oid, verb) end
    order by 1, 2"""


def test_app_login_has_no_grant_on_tables(catalog: psycopg.Connection) -> None:
    assert catalog.execute(GRANTED, ["app_login"] * 2).fetchall() == []


def test_app_service_has_grants_on_these_tables_only(catalog: psycopg.Connection) -> None:
    assert catalog.execute(GRANTED, ["app_service"] * 2).fetchall() == [
        ("app.consumed_messages", "SELECT"),
        ("app.delivered_messages", "SELECT"),
        ("app.outbox", "DELETE"),
        ("app.outbox", "SELECT"),
        ("app.outbox", "UPDATE"),
        ("app.refused_messages", "DELETE"),
        ("app.refused_messages", "SELECT"),
        ("app.stored_responses", "DELETE"),
        ("app.stored_responses", "SELECT"),
        # To purge; the policies show it expired rows only.
        *[
            (f"ws.{table}", verb)
            for table in ("workspaces", "ws_activity", "ws_favorites", "ws_members", "ws_plugins")
            for verb in ("DELETE", "SELECT", *(("UPDATE",) if table == "workspaces" else ()))
        ],
    ]


def test_app_login_owns_nothing_and_has_no_grants(catalog: psycopg.Connection) -> None:
    """For every type of object: the catalog records each whose owner or grants refer to a role."""
    named = ask(
        catalog,
        """
        select classid::regclass::text, objid from pg_shdepend
        where refobjid = 'app_login'::regrole and classid <> 'pg_catalog.pg_auth_members'::regclass
        """,
    )

    assert named == []


def test_grants_are_for_reading_and_writing_only(catalog: psycopg.Connection) -> None:
    more = ask(
        catalog,
        f"""
        select c.oid::regclass::text, grantee::regrole::text, privilege_type from pg_class c, aclexplode(relacl)
        where relnamespace in ({OURS}) and grantee <> relowner
        and (privilege_type not in ('SELECT', 'INSERT', 'UPDATE', 'DELETE') or is_grantable or relkind = 'S')
        union all
        select c.oid::regclass::text, grantee::regrole::text, privilege_type from pg_class c
        join pg_attribute on attrelid = c.oid, aclexplode(attacl)
        where relnamespace in ({OURS}) and (privilege_type not in ('SELECT', 'INSERT', 'UPDATE') or is_grantable)
        """,
    )

    assert more == []


def test_anon_and_public_have_no_grant_on_tables(catalog: psycopg.Connection) -> None:
    touched = ask(
        catalog,
        f"""
        select c.oid::regclass::text from pg_class c left join pg_attribute on attrelid = c.oid,
            aclexplode(relacl || attacl) where relnamespace in ({OURS}) and grantee in (0, 'anon'::regrole)
        """,
    )

    assert touched == []


def test_audit_and_fixed_columns_are_writable_by_no_role(catalog: psycopg.Connection) -> None:
    writable = ask(
        catalog,
        f"""
        select c.oid::regclass::text, attname, role, verb from pg_class c join pg_attribute on attrelid = c.oid,
            unnest({ROLES}) as role, unnest(array['INSERT', 'UPDATE']) as verb
        where relkind in ('r', 'p') and relnamespace in ({MODULES}) and has_column_privilege(role, c.oid, attnum, verb)
        and (attname in ('created_at', 'created_by', 'updated_at', 'updated_by', 'verified_at', 'sys_role')
            or attname in ('id', 'org_id', 'user_id') and verb = 'UPDATE')
        """,
    )

    assert writable == []


def test_public_has_no_privileges(catalog: psycopg.Connection) -> None:
    """PUBLIC has none on our functions and schemas, and creates nothing in the database."""
    granted = ask(
        catalog,
        f"""
        select oid::regproc::text, privilege_type from pg_proc, aclexplode(coalesce(proacl, acldefault('f', proowner)))
        where pronamespace in ({OURS}) and grantee = 0 and oid not in ({OF_EXTENSIONS})
        union all
        select nspname::text, privilege_type from pg_namespace, aclexplode(coalesce(nspacl, acldefault('n', nspowner)))
        where oid in ({OURS}) and grantee = 0 and (nspname <> 'public' or privilege_type <> 'USAGE')
        union all
        select datname::text, privilege_type from pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba)))
        where datname = current_database() and grantee = 0 and privilege_type <> 'CONNECT'
        """,
    )

    assert granted == []


def test_no_request_can_create_objects(catalog: psycopg.Connection) -> None:
    creators = ask(
        catalog,
        f"""
        select role, nspname::text from pg_namespace, unnest({ROLES}) as role
        where oid in ({OURS}) and has_schema_privilege(role, oid, 'CREATE')
        union all
        select role, privilege from unnest({ROLES}) as role, unnest(array['CREATE', 'TEMPORARY']) as privilege
        where has_database_privilege(role, current_database(), privilege)
        """,
    )

    assert creators == []


def test_no_request_can_use_large_objects(catalog: psycopg.Connection) -> None:
    usable = ask(
        catalog,
        f"""
        select role, oid::regprocedure::text from pg_proc, unnest({ROLES}) as role
        where pronamespace = 'pg_catalog'::regnamespace and proname ~ '^lo(_|read$|write$)'
        and has_function_privilege(role, oid, 'EXECUTE')
        """,
    )

    assert usable == []


def test_cloned_database_has_the_same_privileges(
    database_template: LocalDatabase, shared_readonly_world: World
) -> None:
    query = "select datacl::text from pg_database where datname = any (%s)"
    names = [database_template.name, shared_readonly_world.local.name]

    acls = shared_readonly_world.admin.execute(query, [names]).fetchall()

    assert len({acl["datacl"] for acl in acls}) == 1
