"""Logins of a test's own: those of the platform belong to all databases of the server."""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import LiteralString

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from tests.support.lab import Lab

PASSWORD = "todays-password"
# As the first migration grants them to app_login.
BECOMES: tuple[LiteralString, ...] = ("anon", "authenticated", "app_sys")


@contextmanager
def login(lab: Lab, name: str, *options: LiteralString, becomes: Sequence[LiteralString] = BECOMES) -> Iterator[str]:
    """The URL of a login like app_login, with these options (`superuser`) on top."""
    role = f"{name}_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(lab.local.admin_url, autocommit=True) as admin:
        options_sql = sql.SQL(" ").join(map(sql.SQL, options))
        admin.execute(
            sql.SQL("create role {} login noinherit {} password {}").format(
                sql.Identifier(role), options_sql, sql.Literal(PASSWORD)
            )
        )
        for other in becomes:
            admin.execute(sql.SQL("grant {} to {}").format(sql.Identifier(other), sql.Identifier(role)))
        try:
            yield url_of(lab, role)
        finally:
            drop_role(admin, role)


def url_of(lab: Lab, role: str) -> str:
    parts = conninfo_to_dict(lab.local.login_url)
    return f"postgresql://{role}:{PASSWORD}@{parts['host']}:{parts['port']}/{parts['dbname']}"


def drop_role(admin: psycopg.Connection, role: str) -> None:
    name = sql.Identifier(role)
    admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = %s", [role])
    admin.execute(sql.SQL("reassign owned by {} to current_user").format(name))
    admin.execute(sql.SQL("drop owned by {}").format(name))
    admin.execute(sql.SQL("drop role {}").format(name))
