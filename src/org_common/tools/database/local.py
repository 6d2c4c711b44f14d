"""Creates complete, migrated databases for the local server and for tests."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from org_common.app import App
from org_common.config.settings import Settings
from org_common.db import database as databases
from org_common.db import service
from org_common.db.database import Database
from org_common.tools.database.bootstrap import MIGRATOR, bootstrap, set_password
from org_common.tools.database.migrations import Migration
from org_common.tools.database.schema import migrate, scalar, session
from org_common.tools.project.project import ToolError

CURSOR_KEY = "only-for-local-use-and-for-tests"


@dataclass(frozen=True)
class LocalDatabase:
    """A migrated database, with one URL per login role."""

    name: str
    """Name of the database."""
    admin_url: str
    """URL of the server's superuser, in this database."""
    migrator_url: str
    """URL of app_migrator, which owns the database."""
    login_url: str
    """URL of app_login, the login of the functions."""
    service_url: str
    """URL of app_service, the login for work that has no caller."""

    @contextmanager
    def serve(self, *apps: App) -> Iterator[Database]:
        """Use this database within the block: in the apps, and in functions such as `service_transaction()`.

        Its connections are closed at the end.
        """
        database = Database(self.settings)
        of_service = service.service_database(Settings(service_database_url=self.service_url, application_name="local"))
        for app in apps:
            app.use(database, service=of_service)
        databases.use(database)
        service.use(of_service)
        try:
            yield database
        finally:
            for app in apps:
                app.use(None)
            databases.use(None)
            service.use(None)

    @property
    def settings(self) -> Settings:
        """The settings that a Lambda function in front of this database would read from its environment."""
        return Settings(database_url=self.login_url, cursor_keys=(CURSOR_KEY,), application_name="local")


def _is_local(admin: psycopg.Connection) -> bool:
    """Uses the server's own address: the client's side of a tunnel to a remote server is local."""
    row = admin.execute("select coalesce(inet_server_addr() <<= '127.0.0.0/8' or inet_server_addr() = '::1', true)")
    return bool((row.fetchone() or [False])[0])


def provision(
    admin_url: str,
    name: str,
    migrations: Sequence[Migration],
    *,
    extensions: Sequence[str] = (),
    reset_logins: bool = False,
    say: Callable[[str], None] = lambda _: None,
    is_local: Callable[[psycopg.Connection], bool] = _is_local,
) -> LocalDatabase:
    """Create the database if it does not exist, apply pending migrations, and set the password of each login role.

    `extensions` are created before the migrations. `admin_url` is the URL of a superuser. Roles belong to the server,
    not to a database, so the passwords are derived from the admin's secret: every process that provisions on this
    server sets the same ones. Passwords that someone else has set are replaced on a local server, after a message to
    `say`. On a remote server they raise `ToolError`, unless `reset_logins` is true. `is_local` decides which one it is,
    by default by the server's address.
    """
    with session(admin_url, "provision", database="postgres") as admin:
        if not scalar(admin, "select rolsuper from pg_roles where rolname = current_user"):
            raise ToolError(
                f"{admin.info.user} is not a superuser of the server {admin.info.host}, and only a superuser can create"
                " databases and roles for development and tests: use the URL of a superuser, such as postgres, or no"
                " URL for a server of its own"
            )
        if foreign := _foreign_logins(admin, admin_url):
            if not (reset_logins or is_local(admin)):
                raise _foreign_logins_error(admin, foreign)
            say(f"Replacing the passwords of {', '.join(foreign)} on {admin.info.host}: org-common did not set them.")
        # Roles belong to the server, so one process at a time provisions, whatever its database.
        admin.execute("select pg_advisory_lock(hashtextextended('org-common provision', 0))")
        if admin.execute("select 1 from pg_database where datname = %s", [name]).fetchone() is None:
            admin.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        return _provision(admin_url, name, migrations, extensions)


def _provision(admin_url: str, name: str, migrations: Sequence[Migration], extensions: Sequence[str]) -> LocalDatabase:
    passwords = [_password(admin_url, role) for role in (MIGRATOR, "app_login", "app_service")]
    database = LocalDatabase(
        name=name,
        admin_url=_url(admin_url, name),
        migrator_url=_url(admin_url, name, MIGRATOR, passwords[0]),
        login_url=_url(admin_url, name, "app_login", passwords[1]),
        service_url=_url(admin_url, name, "app_service", passwords[2]),
    )
    bootstrap(database.admin_url, migrator_password=passwords[0], own=True, extensions=extensions)
    migrate(database.migrator_url, migrations)
    set_password(database.migrator_url, "app_login", passwords[1])
    set_password(database.migrator_url, "app_service", passwords[2])
    return database


def _foreign_logins(admin: psycopg.Connection, admin_url: str) -> list[str]:
    """Login roles with passwords that we did not set. Replacing them locks out the programs that use them."""
    query = "select rolname from pg_authid where rolname = any(%s) and rolpassword is not null order by 1"
    foreign = []
    for (login,) in admin.execute(query, [[MIGRATOR, "app_login", "app_service"]]).fetchall():
        try:
            psycopg.connect(_url(admin_url, "postgres", login, _password(admin_url, login))).close()
        except psycopg.OperationalError:
            foreign.append(login)
    return foreign


def _foreign_logins_error(admin: psycopg.Connection, foreign: Sequence[str]) -> ToolError:
    return ToolError(
        f"the server {admin.info.host} has login roles whose passwords org-common did not set: {', '.join(foreign)}. "
        "Replacing them would lock out the programs that use them. Use a server of your own, or replace them with "
        "`org-common dev --reset-logins`"
    )


def _password(admin_url: str, role: str) -> str:
    secret = str(conninfo_to_dict(admin_url).get("password") or admin_url)
    return hmac.new(secret.encode(), role.encode(), hashlib.sha256).hexdigest()


def clone(template: LocalDatabase, name: str) -> LocalDatabase:
    """Copy a database that has no open connections, in 14-25 ms without fsync (measured)."""
    with session(template.admin_url, "clone", database="postgres") as admin:
        admin.execute(
            # `file_copy` copies files instead of writing each page to the WAL: a third of the time.
            sql.SQL("create database {} template {} owner {} strategy file_copy").format(
                sql.Identifier(name), sql.Identifier(template.name), sql.Identifier(MIGRATOR)
            )
        )
        # A copy does not include the rights on the database itself.
        admin.execute(sql.SQL("revoke create, temporary on database {} from public").format(sql.Identifier(name)))
    return replace(
        template,
        name=name,
        admin_url=_url(template.admin_url, name),
        migrator_url=_url(template.migrator_url, name),
        login_url=_url(template.login_url, name),
        service_url=_url(template.service_url, name),
    )


def drop(database: LocalDatabase) -> None:
    """Drop the database, and close open connections to it."""
    drop_database(database.admin_url, database.name)


def drop_database(admin_url: str, name: str) -> None:
    """Drop the database with this name if it exists, and close open connections to it."""
    with session(admin_url, "drop", database="postgres") as admin:
        admin.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


def _url(url: str, database: str, user: str | None = None, password: str | None = None) -> str:
    """The URL with another database, and with another user and password if `user` is given."""
    from urllib.parse import quote, urlencode

    info = {key: str(value) for key, value in conninfo_to_dict(url).items() if value is not None}
    login = quote(user or info.get("user", "postgres"), safe="")
    secret = password if user else info.get("password")
    host, port = info.get("host", "127.0.0.1"), info.get("port", "5432")
    rest = {key: value for key, value in info.items() if key not in ("user", "password", "host", "port", "dbname")}
    query = "?" + urlencode(rest, quote_via=quote) if rest else ""
    return (
        f"postgresql://{login}{':' + quote(secret, safe='') if secret else ''}@{host}:{port}/{quote(database)}{query}"
    )
