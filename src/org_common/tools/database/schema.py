"""Plain SQL migrations, applied: each file once, each in one transaction of its own.

What a database has is in its table `app.migrations`.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, LiteralString

import psycopg
from psycopg.abc import ConnDict
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus

from org_common.tools.database.migrations import AddressError, HistoryError, Migration, SchemaError, line_and_column

LOCK_KEY = 0x6F72675F636F6D6D  # "org_comm"; advisory locks are a database's own
CONNECT_S = 10
# What a file sets with SET or CREATE TEMP ends with it: applied alone or after others, it does the
# same. Another session's long query must not have everybody queue behind a file that waits for it.
CLEAN = b"""\
reset role; reset all; discard temp;
set statement_timeout = 0; set idle_in_transaction_session_timeout = 0; set lock_timeout = '10s'"""

TABLE = b"""\
create table app.migrations (
    package    text not null,
    number     integer not null,
    name       text not null,
    checksum   text not null,
    applied_at timestamptz not null default now(),
    applied_by text not null default current_user,
    primary key (package, number)
);
revoke all on app.migrations from public"""
INSERT = "insert into app.migrations (package, number, name, checksum) values (%s, %s, %s, %s)"
RESTORE = "restore it and add a new file"
NEWER = "but is not here: the database is newer than this code, use the code that has the file"

ADVICE = {
    "55P03": "Another session holds a lock that this file needs. Find it in pg_stat_activity and"
    " run again, or wait longer: `set local lock_timeout = '60s';` at the top of the file.",
    "25001": "Each file is one transaction. Write it as a statement which may be in one, without"
    " CONCURRENTLY for instance, or run it by hand.",
}


@dataclass(frozen=True)
class State:
    """A migration in a database; one whose file is missing has no SQL.

    `problem` is why `migrate` would refuse, None if it would not.
    """

    migration: Migration
    applied_at: datetime | None
    applied_by: str | None = None
    problem: str | None = None

    @property
    def when(self) -> str:
        at = self.applied_at
        return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if at else "pending"


def migrate(
    url: str,
    migrations: Sequence[Migration],
    *,
    on_apply: Callable[[Migration], None] | None = None,
    wait_s: float = 60,
) -> list[Migration]:
    """Applies what is pending and returns it; a fault leaves the files before it applied.

    `url` is app_migrator's, of the server itself: a pooler in transaction mode loses the lock that
    keeps others out, for whom we wait `wait_s` seconds. `on_apply` is called after each COMMIT.
    """
    with session(url) as conn:
        _refuse_powers(conn)
        _lock(conn, wait_s)
        _create_table(conn)
        states = _states(conn, migrations)
        if problems := [state.problem for state in states if state.problem]:
            raise HistoryError("\n".join(problems))
        pending = [state.migration for state in states if state.applied_at is None]
        for migration in pending:
            _apply(conn, migration)
            if on_apply:
                on_apply(migration)
    return pending


def status(url: str, migrations: Sequence[Migration]) -> list[State]:
    """What the database has of these migrations, and what it has besides of their packages."""
    with session(url) as conn:
        return _states(conn, migrations)


@contextmanager
def session(url: str, task: str = "migrate", *, database: str | None = None) -> Iterator[psycopg.Connection]:
    """A connection in autocommit; what psycopg raises on it leaves as SchemaError."""
    conn = _connect(url, application_name=f"org-common {task}", dbname=database)
    try:
        yield conn
    except psycopg.Error as error:
        raise SchemaError(f"database {conn.info.dbname}: {server_message(error)}") from error
    finally:
        conn.close()


def _connect(url: str, **settings: str | None) -> psycopg.Connection:
    """Faults are raised `from None`: libpq quotes what it cannot parse, the password too."""
    info: ConnDict = {"connect_timeout": CONNECT_S}
    given = {name: value for name, value in settings.items() if value is not None}
    try:
        info |= conninfo_to_dict(url) | given | {"client_encoding": "utf8"}
        return psycopg.connect(make_conninfo("", **info), autocommit=True, prepare_threshold=None)
    except psycopg.Error as error:
        userinfo = url.partition("://")[2].rpartition("@")[0]
        if isinstance(error, psycopg.ProgrammingError) or re.search("[/?@]", userinfo):
            raise AddressError(
                "the database's address cannot be parsed: postgresql://user:password@host:5432/name"
                " it must be, with special characters of the password encoded (@ %40, / %2F, ? %3F)"
            ) from None
        why = server_message(error)
        if info.get("user") == "app_migrator" and "authentication failed" in why:
            why += " (or the role is not made yet: org-common db bootstrap)"
        raise AddressError(f"no connection as {info.get('user', 'nobody')}: {why}") from None


def scalar(conn: psycopg.Connection, query: LiteralString) -> Any:
    """First column of the first row, None without a row."""
    row = conn.execute(query).fetchone()
    return row and row[0]


def server_message(error: psycopg.Error) -> str:
    """The server's words, without the statement: it may hold a secret."""
    said = error.diag
    words = [said.message_primary or str(error).strip(), said.message_detail, said.context]
    words += [said.message_hint, ADVICE.get(error.sqlstate or "")]
    return "\n  ".join(word for word in words if word)


def _refuse_powers(conn: psycopg.Connection) -> None:
    """A superuser's migrations work on this server and fail, or see other rows, on the next."""
    powers = "rolname in (session_user, current_user) and (rolsuper or rolbypassrls)"
    if name := scalar(conn, f"select rolname from pg_roles where {powers}"):
        raise SchemaError(
            f"{name} is a superuser or has BYPASSRLS. Migrations run as app_migrator, who is"
            " neither: make it with `org-common db bootstrap` and connect as app_migrator"
        )


def _lock(conn: psycopg.Connection, wait_s: float) -> None:
    """One migrator at a time; the lock ends with the connection."""
    conn.execute("select set_config('statement_timeout', '0', false)")
    conn.execute("select set_config('lock_timeout', %s, false)", [f"{wait_s * 1000:.0f}ms"])
    try:
        conn.execute("select pg_advisory_lock(%s)", [LOCK_KEY])
    except psycopg.errors.LockNotAvailable as error:
        raise SchemaError(
            f"another migration of database {conn.info.dbname} still runs after {wait_s:g} s: wait for"
            " it, or look for application_name 'org-common migrate' in pg_stat_activity"
        ) from error


def _create_table(conn: psycopg.Connection) -> None:
    # Asked first: `create schema if not exists` needs the right to create even where it exists.
    schema, database = scalar(conn, "select to_regnamespace('app')"), conn.info.dbname
    try:
        with conn.transaction():
            if not schema:
                conn.execute("create schema app")
            if not scalar(conn, "select to_regclass('app.migrations')"):
                conn.execute(TABLE)
    except psycopg.errors.InsufficientPrivilege as error:
        right = "usage, create on schema app" if schema else f"create on database {database}"
        raise SchemaError(
            f"{conn.info.user} may not make the table app.migrations: {server_message(error)}\nConnect as"
            " app_migrator, whom `org-common db bootstrap` makes, or let the owner run:"
            f" grant {right} to {conn.info.user};"
        ) from error


def _states(conn: psycopg.Connection, migrations: Sequence[Migration]) -> list[State]:
    rows = _read_applied(conn, sorted({each.package for each in migrations}))
    applied = {(row.migration.package, row.migration.number): row for row in rows}
    highest = dict(applied.keys())  # the rows are in order
    states = []
    for each in migrations:
        row = applied.pop((each.package, each.number), None)
        states.append(_compare(each, row, highest.get(each.package, 0)))
    return states + [_missing_file(row) for row in applied.values()]


def _read_applied(conn: psycopg.Connection, packages: list[str]) -> list[State]:
    if not scalar(conn, "select to_regclass('app.migrations')"):
        return []
    query = """
        select package, number, name, '', checksum, applied_at, applied_by from app.migrations
        where package = any(%s) order by package, number"""
    return [State(Migration(*row[:5]), *row[5:]) for row in conn.execute(query, [packages])]


def _compare(migration: Migration, row: State | None, highest: int) -> State:
    problem = None
    if row and row.migration.checksum != migration.checksum:
        problem = f"{row.migration} was changed after it was applied on {row.when}: {RESTORE}"
    if not row and migration.number < highest:
        problem = f"{migration} is new, but {highest:04} is applied: give it the next number"
    return replace(row or State(migration, None), migration=migration, problem=problem)


def _missing_file(row: State) -> State:
    return replace(row, problem=f"{row.migration} was applied on {row.when}, {NEWER}")


def _apply(conn: psycopg.Connection, migration: Migration) -> None:
    row = [migration.package, migration.number, migration.name, migration.checksum]
    conn.execute(CLEAN)
    try:
        with conn.transaction():
            begun = _transaction_id(conn)
            conn.execute(migration.sql.encode())
            # For what reading the file (`migrations`) does not see.
            if _transaction_id(conn) != begun:
                raise SchemaError(
                    f"{migration}: ends its transaction with BEGIN, COMMIT or ROLLBACK, and part of it"
                    " may be in the database now. Take that away by hand, delete the line, run again"
                )
            conn.execute("reset role")
            # Had another migrator applied it meanwhile, the key would undo all of it here.
            conn.execute(INSERT, row)
    except psycopg.Error as error:
        raise SchemaError(_apply_error(migration, error)) from error


def _transaction_id(conn: psycopg.Connection) -> str | None:
    """Its number; None between transactions."""
    if conn.info.transaction_status != TransactionStatus.INTRANS:
        return None
    return str(scalar(conn, "select pg_current_xact_id()"))


def _apply_error(migration: Migration, error: psycopg.Error) -> str:
    position = error.diag.statement_position
    if not position:
        return f"{migration}: {server_message(error)}"
    line, column = line_and_column(migration.sql, int(position) - 1)
    return f"{migration}, line {line}, column {column}: {server_message(error)}"
