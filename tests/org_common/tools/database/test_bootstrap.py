from collections.abc import Iterator
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from org_common.tools.database.bootstrap import bootstrap, set_password
from org_common.tools.database.migrations import Migration, SchemaError
from org_common.tools.database.postgres import EmbeddedPostgres
from org_common.tools.database.schema import migrate

PASSWORD = "s3cret ü@/:?%"
FACTS = """
    select rolcanlogin, rolcreaterole, rolsuper, rolbypassrls, rolcreatedb, rolreplication
    from pg_roles where rolname = 'app_migrator'"""


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres.start(settings={"log_statement": "all"}, durable=False) as server:
        yield server


@pytest.fixture
def superuser(server: EmbeddedPostgres) -> Iterator[str]:
    """In a new database shop, of a server without other roles; all goes with the test."""
    with psycopg.connect(server.url, autocommit=True) as conn:
        conn.execute("create database shop strategy file_copy")
        yield make_conninfo(server.url, dbname="shop")
        conn.execute("drop database shop with (force)")
        # Drop each role when its grants allow it: dropping a grantor removes the grants that it made.
        conn.execute("""
            do $$ declare name text; begin
                for name in select rolname from pg_roles where rolname !~ '^(pg_|postgres$)' loop
                    execute format('drop owned by %I cascade', name);
                end loop;
                for name in select rolname from pg_roles where rolname !~ '^(pg_|postgres$)' loop
                    execute format('drop role %I', name);
                end loop;
            end $$""")


@pytest.fixture
def admin(superuser: str) -> str:
    """As on RDS and Supabase: no superuser, but CREATEROLE, CREATEDB, and the database is its own."""
    run(superuser, "create role chief login createrole createdb password 'p'")
    run(superuser, "alter database shop owner to chief")
    return make_conninfo(superuser, user="chief", password="p")


@pytest.fixture(params=["superuser", "admin"])
def url(request: pytest.FixtureRequest) -> str:
    """Both kinds of admin in turn."""
    return str(request.getfixturevalue(request.param))


def run(url: str, statement: LiteralString) -> None:
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(statement)


def ask(url: str, query: LiteralString) -> tuple[Any, ...] | None:
    with psycopg.connect(url) as conn:
        return conn.execute(query).fetchone()


def migrator(url: str) -> str:
    return make_conninfo(url, user="app_migrator", password=PASSWORD)


def test_migrator_may_login_and_make_roles_and_nothing_more(superuser: str) -> None:
    bootstrap(superuser, migrator_password=PASSWORD)

    assert ask(migrator(superuser), FACTS) == (True, True, False, False, False, False)


def test_migrator_can_make_schema_temporary_table_and_roles(url: str) -> None:
    bootstrap(url, migrator_password=PASSWORD)
    run(url, "revoke all on database shop from public")

    applied = migrate(migrator(url), [Migration("shop", 1, "roles", ROLES, "0")])

    assert len(applied) == 1


ROLES = """
    create role app_login login noinherit; create role anon; grant anon to app_login;
    create schema shop; create temp table scratch (id int);"""


def test_bootstrap_may_be_called_again(url: str) -> None:
    bootstrap(url, migrator_password=PASSWORD)
    migrate(migrator(url), [Migration("shop", 1, "roles", ROLES, "0")])

    bootstrap(url, own=True)
    bootstrap(url, own=True)
    bootstrap(url, migrator_password="another")

    assert ask(make_conninfo(migrator(url), password="another"), "select 1") == (1,)


def test_database_can_be_given_to_the_migrator(url: str) -> None:

    bootstrap(url, migrator_password=PASSWORD, own=True)

    owner = "select datdba::regrole::text from pg_database where datname = current_database()"
    assert ask(migrator(url), owner) == ("app_migrator",)
    run(migrator(url), "revoke temporary on database shop from public")
    public = "select has_database_privilege('public', 'shop', 'temporary')"
    assert ask(migrator(url), public) == (False,)


def test_admin_is_no_member_of_the_migrator_afterwards(admin: str) -> None:
    bootstrap(admin, own=True)

    query = """
        select count(*) from pg_auth_members
        where roleid = 'app_migrator'::regrole and member = 'chief'::regrole and not admin_option"""
    assert ask(admin, query) == (0,)


def test_other_database_than_that_of_the_address(superuser: str, server: EmbeddedPostgres) -> None:
    bootstrap(server.url, migrator_password=PASSWORD, database="shop")

    assert ask(migrator(superuser), "select has_database_privilege('shop', 'create')") == (True,)


def test_roles_which_are_there_can_be_granted_by_the_migrator(superuser: str) -> None:
    run(superuser, "create role anon; create role authenticated")

    bootstrap(superuser, migrator_password=PASSWORD)

    run(migrator(superuser), "create role app_login login; grant anon, authenticated to app_login")
    assert ask(superuser, "select pg_has_role('app_login', 'anon', 'member')") == (True,)


def test_migrator_gets_no_privilege_of_roles_which_are_there(superuser: str) -> None:
    run(superuser, "create role anon; create role authenticated")

    bootstrap(superuser, migrator_password=PASSWORD)

    assert ask(superuser, "select pg_has_role('app_migrator', 'anon', 'usage')") == (False,)


def test_migrator_can_let_app_rules_read_statistics(superuser: str) -> None:
    bootstrap(superuser, migrator_password=PASSWORD)

    run(migrator(superuser), "create role app_rules; grant pg_read_all_stats to app_rules")
    query = "select pg_has_role('app_rules', 'pg_read_all_stats', 'usage'), pg_has_role('app_migrator', oid, 'usage')"
    assert ask(superuser, query + " from pg_roles where rolname = 'pg_read_all_stats'") == (True, False)


@pytest.mark.parametrize(("name", "power"), [("app_migrator", "superuser"), ("app_rules", "bypassrls")])
def test_powerful_role_is_refused(superuser: str, name: str, power: str) -> None:
    with psycopg.connect(superuser, autocommit=True) as conn:
        conn.execute(f"create role {name} {power}".encode())

    with pytest.raises(SchemaError, match=f"{name}.*alter role {name} nosuperuser nobypassrls"):
        bootstrap(superuser)


def test_role_made_by_hand_is_completed(superuser: str) -> None:
    run(superuser, "create role app_migrator")

    bootstrap(superuser, migrator_password=PASSWORD)

    assert ask(migrator(superuser), FACTS) == (True, True, False, False, False, False)


def test_role_without_createrole_is_told_to_connect_as_an_admin(superuser: str) -> None:
    run(superuser, "create role nobody_special login password 'p'")

    with pytest.raises(SchemaError, match=r"(?s)nobody_special lacks rights.*Connect as an admin of the server"):
        bootstrap(make_conninfo(superuser, user="nobody_special", password="p"))


def test_admin_who_does_not_own_the_database_gets_the_grant_to_run(superuser: str) -> None:
    run(superuser, "create role chief login createrole password 'p'")

    with pytest.raises(SchemaError, match='create, connect, temporary on database "?shop"? to app_m'):
        bootstrap(make_conninfo(superuser, user="chief", password="p"))

    assert ask(superuser, FACTS) is None


def test_missing_database_is_reported(superuser: str) -> None:
    with pytest.raises(SchemaError, match='database "nowhere" does not exist'):
        bootstrap(superuser, database="nowhere")


@pytest.mark.parametrize("password", ["", "with\0zero"])
def test_password_that_would_not_work_is_refused(superuser: str, password: str) -> None:
    with pytest.raises(SchemaError, match="password of app_migrator is empty or contains a zero byte"):
        bootstrap(superuser, migrator_password=password)

    assert ask(superuser, FACTS) is None


def test_login_gets_its_password_from_the_migrator(url: str) -> None:
    bootstrap(url, migrator_password=PASSWORD)
    migrate(migrator(url), [Migration("shop", 1, "roles", ROLES, "0")])

    set_password(migrator(url), "app_login", "login's own")

    login = make_conninfo(url, user="app_login", password="login's own")
    assert ask(login, "select current_user::text") == ("app_login",)


def test_password_of_a_missing_role_is_refused_without_showing_it(superuser: str) -> None:
    bootstrap(superuser, migrator_password=PASSWORD)

    with pytest.raises(SchemaError, match='role "app_service" does not exist') as caught:
        set_password(migrator(superuser), "app_service", PASSWORD)

    assert PASSWORD not in f"{caught.value} {caught.value.__cause__}"
    assert "SCRAM" not in f"{caught.value} {caught.value.__cause__}"


def test_password_is_not_in_the_server_log(superuser: str, server: EmbeddedPostgres) -> None:
    bootstrap(superuser, migrator_password=PASSWORD)

    log = (server.data / "log").read_text()
    assert "password 'SCRAM-SHA-256$" in log
    assert PASSWORD not in log


def test_extensions_are_created_once(superuser: str) -> None:
    first = bootstrap(superuser, extensions=["vector", "vector", "plpgsql"], own=True)
    second = bootstrap(superuser, extensions=["vector"])

    assert (first, second) == (["vector"], [])
    query: LiteralString = "select extnamespace::regnamespace::text from pg_extension where extname = 'vector'"
    assert ask(superuser, query) == ("public",)


def test_extension_that_the_server_does_not_have_is_reported(superuser: str) -> None:
    with pytest.raises(SchemaError, match="does not have the extension nothing, only plpgsql, vector.*pip install"):
        bootstrap(superuser, extensions=["vector", "nothing"])

    assert ask(superuser, "select from pg_extension where extname = 'vector'") is None


def test_extension_that_the_admin_may_not_create_is_reported(admin: str) -> None:
    with pytest.raises(SchemaError, match=r'(?s)permission denied to create extension "vector".*Connect as an admin'):
        bootstrap(admin, extensions=["vector"])


def test_trusted_extension_is_created_by_the_owner_before_he_gives_the_database(admin: str, superuser: str) -> None:
    run(superuser, "drop extension plpgsql")

    assert bootstrap(admin, extensions=["plpgsql"], own=True) == ["plpgsql"]


@pytest.mark.parametrize(("name", "instead"), [("pgcrypto", "sha256"), ("uuid-ossp", "uuidv7")])
def test_extension_that_no_local_server_has_comes_with_what_to_use(superuser: str, name: str, instead: str) -> None:
    with pytest.raises(SchemaError, match=instead) as raised:
        bootstrap(superuser, extensions=[name])

    assert "pip install" not in str(raised.value)
