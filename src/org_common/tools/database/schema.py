"""Applies plain SQL migrations: each file once, each in its own transaction.

The table `app.migrations` of a database records the applied files.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, LiteralString

import psycopg
from psycopg import generators
from psycopg.abc import ConnDict
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import ExecStatus, TransactionStatus

from org_common.tools.database.migrations import (
    COPY_PROBLEM,
    DUMP,
    DUMP_ADVICE,
    AddressError,
    HistoryError,
    Migration,
    SchemaError,
    line_and_column,
)
from org_common.tools.database.statements import Statement, split

LOCK_KEY = 0x6F72675F636F6D6D  # "org_comm"; advisory locks are per database
CONNECT_S = 10
# SET and CREATE TEMP in a file do not affect the next file: it does the same alone or after others. The lock timeout
# keeps other sessions from queueing behind a file that waits for a long query.
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
NEWER = "but its file is missing: the database is newer than this code. Use the version of the code that has the file"

ADVICE = {
    "55P03": "Another session holds a lock that this file needs. Find it in pg_stat_activity and"
    " run again, or wait longer: `set local lock_timeout = '60s';` at the top of the file.",
    "25001": "Each file runs in one transaction. Use a statement that can run in a transaction, for example without"
    " CONCURRENTLY, or run it manually.",
    "2D000": "Each file runs in one transaction, so a DO block or procedure in it cannot use COMMIT or ROLLBACK. Use"
    " several files, or run this manually.",
}


# Of a schema, a column, a type, a function and a table.
UNKNOWN_NAMES = frozenset({"3F000", "42703", "42704", "42883", "42P01"})
UNKNOWN_NAMES_ADVICE = (
    "Correct the name, with its schema, as in shop.orders, or create it in an earlier statement or file"
)


@dataclass(frozen=True)
class State:
    """The state of a migration in a database."""

    migration: Migration
    """Without SQL if its file is missing."""
    applied_at: datetime | None
    """None while it is pending."""
    applied_by: str | None = None
    """Role that applied it."""
    problem: str | None = None
    """Why `migrate` would refuse to run; None without a problem."""

    @property
    def when(self) -> str:
        """When it was applied, in UTC to the minute, or "pending"."""
        at = self.applied_at
        return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if at else "pending"

    def document(self) -> dict[str, Any]:
        """The state for programs."""
        return {
            "package": self.migration.package,
            "file": self.migration.file,
            "applied_at": self.applied_at and self.applied_at.astimezone(UTC).isoformat(),
            "applied_by": self.applied_by,
            "problem": self.problem,
        }


def migrate(
    url: str,
    migrations: Sequence[Migration],
    *,
    on_apply: Callable[[Migration], None] | None = None,
    wait_s: float = 60,
) -> list[Migration]:
    """Apply the pending migrations and return them.

    Raises `SchemaError` if one fails; the files before it stay applied. `url` is the URL of app_migrator at the server
    itself: a pooler in transaction mode loses the advisory lock that excludes other migrators. Waits up to `wait_s`
    seconds for that lock. `on_apply` is called after each COMMIT.
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
    """The state of these migrations, and of migrations of their packages that are applied but have no file."""
    with session(url) as conn:
        return _states(conn, migrations)


@contextmanager
def session(url: str, task: str = "migrate", *, database: str | None = None) -> Iterator[psycopg.Connection]:
    """A connection in autocommit mode. Errors of psycopg in the block are raised as `SchemaError`.

    Raises `AddressError` if it cannot connect. `task` is part of the application name, `database` replaces the one in
    the URL.
    """
    conn = _connect(url, application_name=f"org-common {task}", dbname=database)
    try:
        yield conn
    except psycopg.Error as error:
        raise SchemaError(f"database {conn.info.dbname}: {server_message(error)}") from error
    finally:
        conn.close()


def _connect(url: str, **settings: str | None) -> psycopg.Connection:
    """Raises `from None`, because libpq quotes what it cannot parse, the password included."""
    info: ConnDict = {"connect_timeout": CONNECT_S}
    overrides = {name: value for name, value in settings.items() if value is not None}
    try:
        info |= conninfo_to_dict(url) | overrides | {"client_encoding": "utf8"}
        return psycopg.connect(make_conninfo("", **info), autocommit=True, prepare_threshold=None)
    except psycopg.Error as error:
        if driver := re.match(r"(postgres(?:ql)?)(\+\w+)://", url):
            raise AddressError(
                f"the database URL is one for SQLAlchemy: remove {driver[2]}, so that it starts with {driver[1]}://"
            ) from None
        userinfo = url.partition("://")[2].rpartition("@")[0]
        if isinstance(error, psycopg.ProgrammingError) or re.search("[/?@]", userinfo):
            raise AddressError(
                "the database URL is not valid: use the form postgresql://user:password@host:5432/name, with special"
                " characters in the password encoded (@ as %40, / as %2F, ? as %3F)"
            ) from None
        reason = server_message(error)
        if info.get("user") == "app_migrator" and "authentication failed" in reason:
            reason += " (if the role does not exist yet, create it: org-common db bootstrap)"
        raise AddressError(f"cannot connect as {info.get('user', 'the default user')}: {reason}") from None


def scalar(conn: psycopg.Connection, query: LiteralString) -> Any:
    """The first column of the first row, None without a row."""
    row = conn.execute(query).fetchone()
    return row and row[0]


def server_message(error: psycopg.Error) -> str:
    """The server's message with detail, context and hint, without the statement: it may hold a secret."""
    diag = error.diag
    parts = [diag.message_primary or str(error).strip(), diag.message_detail, diag.context]
    parts += [diag.message_hint, ADVICE.get(error.sqlstate or "")]
    return "\n  ".join(part for part in parts if part)


def _refuse_powers(conn: psycopg.Connection) -> None:
    """Migrations that work as a superuser may fail, or see other rows, on a server where app_migrator is not one."""
    powers = "rolname in (session_user, current_user) and (rolsuper or rolbypassrls)"
    if name := scalar(conn, f"select rolname from pg_roles where {powers}"):
        raise SchemaError(
            f"{name} is a superuser or has BYPASSRLS, and migrations must run without these rights: create the role"
            " app_migrator with `org-common db bootstrap`, and connect as app_migrator"
        )


def _lock(conn: psycopg.Connection, wait_s: float) -> None:
    """Run one migrator at a time. The lock is released with the connection."""
    conn.execute("select set_config('statement_timeout', '0', false)")
    conn.execute("select set_config('lock_timeout', %s, false)", [f"{wait_s * 1000:.0f}ms"])
    try:
        conn.execute("select pg_advisory_lock(%s)", [LOCK_KEY])
    except psycopg.errors.LockNotAvailable as error:
        raise SchemaError(
            f"another migration of database {conn.info.dbname} is still running after {wait_s:g} s: wait for"
            " it, or look for application_name 'org-common migrate' in pg_stat_activity"
        ) from error


def _create_table(conn: psycopg.Connection) -> None:
    # Check first: `create schema if not exists` needs the CREATE right even if the schema exists.
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
            f"{conn.info.user} cannot create the table app.migrations: {server_message(error)}\nConnect as"
            " app_migrator, which `org-common db bootstrap` creates, or run as the owner:"
            f" grant {right} to {conn.info.user};"
        ) from error


def _states(conn: psycopg.Connection, migrations: Sequence[Migration]) -> list[State]:
    rows = _read_applied(conn, sorted({migration.package for migration in migrations}))
    applied = {(row.migration.package, row.migration.number): row for row in rows}
    highest = dict(applied.keys())  # the rows are ordered by number, so the last one of a package wins
    states = []
    for migration in migrations:
        row = applied.pop((migration.package, migration.number), None)
        states.append(_compare(migration, row, highest.get(migration.package, 0)))
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
        problem = f"{migration} is new, but {highest:04} is applied already: rename it to the next free number"
    return replace(row or State(migration, None), migration=migration, problem=problem)


def _missing_file(row: State) -> State:
    return replace(row, problem=f"{row.migration} was applied on {row.when}, {NEWER}")


def _apply(conn: psycopg.Connection, migration: Migration) -> None:
    row = [migration.package, migration.number, migration.name, migration.checksum]
    conn.execute(CLEAN)
    conn.execute("begin")
    try:
        transaction_id = _transaction_id(conn)
        _run(conn, migration)
        # Catches what reading the file (migrations.py) misses.
        if _transaction_id(conn) != transaction_id:
            raise SchemaError(
                f"{migration}: ends its transaction with BEGIN, COMMIT or ROLLBACK, so part of it may be applied."
                " Undo that part manually, delete the statement, and run again"
            )
        conn.execute("reset role")
        # If another migrator has applied the file meanwhile, the primary key fails here and all is rolled back.
        conn.execute(INSERT, row)
        conn.execute("commit")
    except psycopg.Error as error:
        raise SchemaError(f"{migration}: {server_message(error)}") from error
    finally:
        if not conn.closed and conn.info.transaction_status != TransactionStatus.IDLE:
            conn.execute("rollback")


def _run(conn: psycopg.Connection, migration: Migration) -> None:
    """Send the complete file. The server splits it, and its results say which statement failed."""
    conn.pgconn.send_query(migration.sql.encode())
    results = conn.wait(generators.execute(conn.pgconn))
    failed = results[-1]
    if failed.status in (ExecStatus.COPY_IN, ExecStatus.COPY_OUT):
        conn.close()
        raise SchemaError(f"{migration}: {COPY_PROBLEM}")
    if failed.status == ExecStatus.FATAL_ERROR:
        error = psycopg.errors.error_from_result(failed)
        raise SchemaError(_statement_error(migration, error, len(results))) from error


def _transaction_id(conn: psycopg.Connection) -> str | None:
    """The id of the current transaction; None outside of a transaction."""
    if conn.info.transaction_status != TransactionStatus.INTRANS:
        return None
    return str(scalar(conn, "select pg_current_xact_id()"))


def _statement_error(migration: Migration, error: psycopg.Error, number: int) -> str:
    """Where the file failed, and why. `number` is that of the statement; a syntax error precedes all of them."""
    statements = split(migration.sql)
    position, column = statements[min(number, len(statements)) - 1].start if statements else 0, ""
    if error.diag.statement_position:
        position = int(error.diag.statement_position) - 1
        number = sum(each.start <= position for each in statements)
        column = f", column {line_and_column(migration.sql, position)[1]}"
    place = f"line {line_and_column(migration.sql, position)[0]}{column}"
    statement = statements[number - 1] if 0 < number <= len(statements) else Statement()
    message, *details = server_message(error).split("\n")
    advice = [f"  {each}" for each in _advice(migration.sql, position, statement, error)]
    return "\n".join([f"{migration}, {place}: {message} (statement {number})", *details, *advice])


def _advice(sql: str, position: int, statement: Statement, error: psycopg.Error) -> Iterator[str]:
    if "extension" in statement.outer[1:3]:
        rest = statement.tokens[statement.outer.index("extension") + 1 :]
        name = next((token.text.strip('"') for token in rest if token.keyword not in ("if", "not", "exists")), "vector")
        yield (
            "An extension belongs to the admin of the server: name it in pyproject.toml, [tool.org-common]"
            f' extensions = ["{name}"], and delete this statement. `org-common db bootstrap`, `org-common dev` and the'
            " test fixtures create it"
        )
    if error.sqlstate == "42601" and re.match(r""":['"\w{]""", sql[position : position + 2]):
        yield "Variables such as :name are replaced by psql, which does not run migrations. Write the value"
    if error.sqlstate in UNKNOWN_NAMES:
        yield UNKNOWN_NAMES_ADVICE
    if DUMP in sql:
        yield DUMP_ADVICE
