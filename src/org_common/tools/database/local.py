"""A whole platform's database on one server: for the local server and for tests."""

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
from org_common.db.database import Database
from org_common.tools.database.bootstrap import MIGRATOR, bootstrap, set_password
from org_common.tools.database.migrations import Migration
from org_common.tools.database.schema import migrate, session
from org_common.tools.project.project import ToolError

CURSOR_KEY = "only-for-local-use-and-for-tests"


@dataclass(frozen=True)
class LocalDatabase:
    """One database and the URLs of those who log in to it. `admin_url` is the server's superuser, in this database."""

    name: str
    admin_url: str
    migrator_url: str
    login_url: str
    service_url: str

    @contextmanager
    def serve(self, *apps: App) -> Iterator[Database]:
        """The apps work on this database for the length of the block."""
        database = Database(self.settings)
        for app in apps:
            app.use(database)
        try:
            yield database
        finally:
            for app in apps:
                app.use(None)
            database.close()

    @property
    def settings(self) -> Settings:
        """What a Lambda in front of this database would read from its environment."""
        return Settings(database_url=self.login_url, cursor_keys=(CURSOR_KEY,), application_name="local")


def provision(
    admin_url: str,
    name: str,
    migrations: Sequence[Migration],
    *,
    reset_logins: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> LocalDatabase:
    """Make the database if it is not there, apply what is pending, and give each login its password.

    Roles belong to the server, not to the database: the passwords follow from the admin's secret, so that whoever else
    works on this server finds the same. `admin_url` is a superuser's. Passwords of somebody else's are replaced on this
    machine, which `say` is told before; on a server elsewhere that is a `ToolError`, unless `reset_logins`.
    """
    with session(admin_url, "provision", database="postgres") as admin:
        if foreign := _foreign_logins(admin, admin_url):
            if not (reset_logins or _is_local(admin)):
                raise _foreign_logins_error(admin, foreign)
            say(f"The passwords of {', '.join(foreign)} on {admin.info.host} are replaced: they were somebody else's.")
        # Roles are the server's, so whoever provisions another database of it must wait.
        admin.execute("select pg_advisory_lock(hashtextextended('org-common provision', 0))")
        if admin.execute("select 1 from pg_database where datname = %s", [name]).fetchone() is None:
            admin.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        return _provision(admin_url, name, migrations)


def _provision(admin_url: str, name: str, migrations: Sequence[Migration]) -> LocalDatabase:
    passwords = [_password(admin_url, role) for role in (MIGRATOR, "app_login", "app_service")]
    database = LocalDatabase(
        name=name,
        admin_url=_url(admin_url, name),
        migrator_url=_url(admin_url, name, MIGRATOR, passwords[0]),
        login_url=_url(admin_url, name, "app_login", passwords[1]),
        service_url=_url(admin_url, name, "app_service", passwords[2]),
    )
    bootstrap(database.admin_url, migrator_password=passwords[0], own=True)
    migrate(database.migrator_url, migrations)
    set_password(database.migrator_url, "app_login", passwords[1])
    set_password(database.migrator_url, "app_service", passwords[2])
    return database


def _is_local(admin: psycopg.Connection) -> bool:
    """By the server's own address: a tunnel to another machine begins on this one."""
    row = admin.execute("select coalesce(inet_server_addr() <<= '127.0.0.0/8' or inet_server_addr() = '::1', true)")
    return bool((row.fetchone() or [False])[0])


def _foreign_logins(admin: psycopg.Connection, admin_url: str) -> list[str]:
    """Those whose passwords are not ours. What runs with them could not log in any more."""
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
        f"the server {admin.info.host} has logins whose passwords are somebody else's: {', '.join(foreign)}. "
        "They would be replaced, and whoever uses them locked out. Take a server of your own, "
        "or say --reset-logins to `org-common dev`"
    )


def _password(admin_url: str, role: str) -> str:
    secret = str(conninfo_to_dict(admin_url).get("password") or admin_url)
    return hmac.new(secret.encode(), role.encode(), hashlib.sha256).hexdigest()


def clone(template: LocalDatabase, name: str) -> LocalDatabase:
    """A copy of a database that nobody is connected to, in 14-25 ms without fsync (measured)."""
    with session(template.admin_url, "clone", database="postgres") as admin:
        admin.execute(
            # `file_copy` copies files instead of writing each page to the log: a third of the time.
            sql.SQL("create database {} template {} owner {} strategy file_copy").format(
                sql.Identifier(name), sql.Identifier(template.name), sql.Identifier(MIGRATOR)
            )
        )
        # The rights on a database are not part of a copy.
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
    """Remove it, whoever is still connected."""
    with session(database.admin_url, "drop", database="postgres") as admin:
        admin.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(database.name)))


def _url(url: str, database: str, user: str | None = None, password: str | None = None) -> str:
    """The URL with another database, and as another user where one is given."""
    from urllib.parse import quote, urlencode

    given = {key: str(value) for key, value in conninfo_to_dict(url).items() if value is not None}
    login = quote(user or given.get("user", "postgres"), safe="")
    secret = password if user else given.get("password")
    host, port = given.get("host", "127.0.0.1"), given.get("port", "5432")
    rest = {key: value for key, value in given.items() if key not in ("user", "password", "host", "port", "dbname")}
    query = "?" + urlencode(rest, quote_via=quote) if rest else ""
    return (
        f"postgresql://{login}{':' + quote(secret, safe='') if secret else ''}@{host}:{port}/{quote(database)}{query}"
    )
