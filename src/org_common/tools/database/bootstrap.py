"""What an admin of the server does once, before the first migration: the role app_migrator."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import psycopg
from psycopg import sql

from org_common.tools.database.migrations import SchemaError
from org_common.tools.database.schema import scalar, server_message, session

MIGRATOR = "app_migrator"
# Our first migration makes these, where they are not there before it, as two are on Supabase.
MEMBERS = ["anon", "authenticated", "app_sys", "app_rules", "app_login", "app_service"]


def bootstrap(
    admin_url: str,
    *,
    migrator_password: str | None = None,
    database: str | None = None,
    own: bool = False,
) -> None:
    """app_migrator, with what migrations need in one database; it may be called again.

    The admin is a superuser, or has CREATEROLE and owns the database: the master user of RDS,
    `postgres` on Supabase. With `own` the database becomes app_migrator's (for that the admin needs
    CREATEDB too). Without a password ever given app_migrator cannot log in by one.
    """
    with session(admin_url, "bootstrap", database=database) as conn, _as_admin(conn):
        _refuse_powers(conn)
        _make_role(conn)
        if migrator_password is not None:
            _set_password(conn, MIGRATOR, migrator_password)
        _grant_database(conn)
        _grant_roles(conn)
        if own:
            _give_database(conn)


def set_password(url: str, role: Literal["app_login", "app_service"], password: str) -> None:
    """The password with which a role of the first migration logs in; `url` is app_migrator's."""
    with session(url, "password") as conn:
        _set_password(conn, role, password)


@contextmanager
def _as_admin(conn: psycopg.Connection) -> Iterator[None]:
    try:
        with conn.transaction():
            yield
    except psycopg.errors.InsufficientPrivilege as error:
        raise SchemaError(
            f"{conn.info.user} may not do this in database {conn.info.dbname}: {server_message(error)}\nConnect"
            " as the server's admin: a superuser, or the owner of the database with CREATEROLE (the"
            f" master user of RDS, postgres on Supabase), and with ADMIN OPTION on {MIGRATOR} and on"
            " such of our roles as others have made"
        ) from error


def _refuse_powers(conn: psycopg.Connection) -> None:
    """Row-level security holds nobody back who has these, nor whoever may become him."""
    query = """
        select rolname from pg_roles where rolname = any(%s) and (rolsuper or rolbypassrls)"""
    names = [name for (name,) in conn.execute(query, [[MIGRATOR, *MEMBERS]])]
    if names:
        raise SchemaError(
            f"already there, but superuser or with BYPASSRLS: {', '.join(names)}. As a superuser run"
            f" for each: alter role {names[0]} nosuperuser nobypassrls;"
        )


def _make_role(conn: psycopg.Connection) -> None:
    query = "select rolcanlogin and rolcreaterole from pg_roles where rolname = 'app_migrator'"
    is_ready = scalar(conn, query)
    if is_ready is None:
        conn.execute("create role app_migrator login createrole")
    elif not is_ready:
        conn.execute("alter role app_migrator login createrole")


def _set_password(conn: psycopg.Connection, role: str, password: str) -> None:
    """Sends a SCRAM verifier: the password itself would stand in the server's log."""
    if not password or "\0" in password:
        raise SchemaError(f"the password of {role} is empty or has a zero byte: choose another")
    algorithm = b"scram-sha-256"  # whatever the server's password_encryption: it may be md5
    verifier = conn.pgconn.encrypt_password(password.encode(), role.encode(), algorithm).decode()
    statement = sql.SQL("alter role {} password {}")
    conn.execute(statement.format(sql.Identifier(role), sql.Literal(verifier)))


def _grant_database(conn: psycopg.Connection) -> None:
    database = sql.Identifier(conn.info.dbname)
    # Only its owner can; the first migration tries again, as app_migrator may be that.
    conn.execute(sql.SQL("revoke create, temporary on database {} from public").format(database))
    if _has_database(conn):
        return
    grant = sql.SQL("grant create, connect, temporary on database {} to app_migrator")
    conn.execute(grant.format(database))
    # Whoever may not grant all of it is told so by a mere warning.
    if not _has_database(conn):
        raise SchemaError(
            f"{conn.info.user} may not grant all rights on database {conn.info.dbname}: let its owner"
            f" run: {grant.format(database).as_string()};"
        )


def _has_database(conn: psycopg.Connection) -> bool:
    """Asks for grants to app_migrator itself: those to PUBLIC are taken away later on."""
    query = """
        select datdba = 'app_migrator'::regrole or 3 = (
            select count(distinct privilege_type) from aclexplode(datacl)
            where grantee = 'app_migrator'::regrole
            and privilege_type in ('CREATE', 'CONNECT', 'TEMPORARY'))
        from pg_database where datname = current_database()"""
    return scalar(conn, query) is True


def _grant_roles(conn: psycopg.Connection) -> None:
    """Before 16 CREATEROLE is enough to grant any role; since then it takes ADMIN OPTION."""
    if conn.info.server_version < 160000:
        return
    query = """
        select rolname from pg_roles where rolname = any(%s)
        and not pg_has_role('app_migrator', oid, 'member with admin option')"""
    grant = sql.SQL("grant {} to app_migrator with admin true, inherit false, set false")
    for (name,) in conn.execute(query, [MEMBERS]).fetchall():
        conn.execute(grant.format(sql.Identifier(name)))


def _give_database(conn: psycopg.Connection) -> None:
    owner = "select datdba::regrole::text from pg_database where datname = current_database()"
    if scalar(conn, owner) == MIGRATOR:
        return
    # Nobody but a superuser gives a database to a role which he may not become.
    mode = "set" if conn.info.server_version >= 160000 else "member"
    lent = not scalar(conn, f"select pg_has_role('app_migrator', '{mode}')")
    if lent:
        conn.execute("grant app_migrator to current_user")
    give = sql.SQL("alter database {} owner to app_migrator")
    conn.execute(give.format(sql.Identifier(conn.info.dbname)))
    if lent:
        conn.execute("revoke app_migrator from current_user")
