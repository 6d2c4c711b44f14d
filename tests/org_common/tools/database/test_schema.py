import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from org_common.tools.database.bootstrap import bootstrap
from org_common.tools.database.migrations import Migration, SchemaError, read_folder
from org_common.tools.database.postgres import EmbeddedPostgres
from org_common.tools.database.schema import migrate, session, status

PASSWORD = "s3cret-of-the-migrator"
NUMBERS = count(1)


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres.start(durable=False) as server:
        bootstrap(server.url, migrator_password=PASSWORD)
        yield server


@pytest.fixture
def admin(server: EmbeddedPostgres) -> str:
    """The superuser, in a new database of app_migrator."""
    name = f"schema_{next(NUMBERS)}"
    with psycopg.connect(server.url, autocommit=True) as conn:
        create = sql.SQL("create database {} owner app_migrator strategy file_copy")
        conn.execute(create.format(sql.Identifier(name)))
    return make_conninfo(server.url, dbname=name)


@pytest.fixture
def url(admin: str) -> str:
    """app_migrator, in a new database."""
    return make_conninfo(admin, user="app_migrator", password=PASSWORD)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def write(folder: Path, files: dict[str, str]) -> list[Migration]:
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8", newline="")
    return read_folder("shop", folder)


def ask(url: str, query: LiteralString) -> object:
    with psycopg.connect(url) as conn:
        row = conn.execute(query).fetchone()
    return row and row[0]


ORGS = {"0001_orgs.sql": "create table app.orgs (id int);"}
TWO = ORGS | {"0002_users.sql": "create table app.users (id int);"}


# --- database -------------------------------------------------------------------------------


def test_migrations_are_applied_once(url: str, folder: Path) -> None:
    migrations = write(folder, TWO)
    reported: list[Migration] = []

    first = migrate(url, migrations, on_apply=reported.append)
    second = migrate(url, migrations)

    assert first == reported == migrations
    assert second == []
    assert ask(url, "select count(*) from app.migrations where applied_by = 'app_migrator'") == 2


def test_new_file_is_applied_alone(url: str, folder: Path) -> None:
    migrate(url, write(folder, ORGS))

    applied = migrate(url, write(folder, TWO))

    assert [each.file for each in applied] == ["0002_users.sql"]


def test_packages_have_numbers_of_their_own(url: str, folder: Path) -> None:
    shop = write(folder, ORGS)
    other = [Migration("other", 1, "x", "select 1", "0")]
    migrate(url, shop)

    assert migrate(url, [*shop, *other]) == other
    assert migrate(url, other) == []


def test_concurrent_migrators_apply_each_file_once(url: str, folder: Path) -> None:
    migrations = write(folder, TWO | {"0003_slow.sql": "select pg_sleep(0.3);"})
    start = threading.Barrier(2)

    def run() -> list[Migration]:
        start.wait()
        return migrate(url, migrations)

    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(run) for _ in range(2)]
        applied = [run.result() for run in runs]

    assert sorted(applied, key=len) == [[], migrations]


def test_migrator_waits_for_another_no_longer_than_asked(url: str, folder: Path) -> None:
    migrations = write(folder, ORGS)
    with session(url) as other:
        other.execute("select pg_advisory_lock(%s)", [0x6F72675F636F6D6D])

        with pytest.raises(SchemaError, match=r"another migration of database .* after 0\.1 s"):
            migrate(url, migrations, wait_s=0.1)


def test_changed_file_is_refused_before_anything_is_applied(url: str, folder: Path) -> None:
    migrate(url, write(folder, ORGS))

    changed = write(folder, TWO | {"0001_orgs.sql": "create table app.orgs (id bigint);"})
    with pytest.raises(
        SchemaError,
        match=r"0001_orgs\.sql of package shop was changed after it was applied on \d{4}-.* UTC:"
        " restore it and add a new file",
    ):
        migrate(url, changed)

    assert ask(url, "select to_regclass('app.users')") is None


def test_missing_file_is_refused(url: str, folder: Path) -> None:
    migrate(url, write(folder, TWO))
    (folder / "0002_users.sql").unlink()

    with pytest.raises(SchemaError, match=r"0002_users\.sql of package shop .* newer than this code"):
        migrate(url, read_folder("shop", folder))


def test_number_below_the_highest_applied_is_refused(url: str, folder: Path) -> None:
    both = write(folder, TWO)
    migrate(url, both[1:])

    with pytest.raises(SchemaError, match=r"0001_orgs\.sql of package shop is new, but 0002 is applied"):
        migrate(url, both)


def test_all_problems_are_reported_at_once(url: str, folder: Path) -> None:
    migrate(url, write(folder, TWO))
    changed = write(folder, dict.fromkeys(TWO, "select 1"))

    with pytest.raises(SchemaError, match=r"(?s)0001_orgs.*\n.*0002_users"):
        migrate(url, changed)


def test_failing_file_reports_the_place_and_is_rolled_back(url: str, folder: Path) -> None:
    text = "-- Ünïcode 🙂\r\ncreate table app.a (id int);\r\nselect 1,\r\n  nothing from app.a;\r\n"
    migrations = write(folder, ORGS | {"0002_bad.sql": text})

    with pytest.raises(
        SchemaError,
        match=r'0002_bad\.sql of package shop, line 4, column 3: column "nothing" does not exist',
    ):
        migrate(url, migrations)

    assert ask(url, "select to_regclass('app.a')") is None
    assert ask(url, "select array_agg(number) from app.migrations") == [1]


def test_failure_without_a_place_reports_the_context(url: str, folder: Path) -> None:
    text = "do $$ begin raise exception 'no %', 'luck' using hint = 'try again'; end $$"
    migrations = write(folder, {"0001_bad.sql": text})

    with pytest.raises(SchemaError, match=r"(?s)0001_bad\.sql.*: no luck.*line 1 at RAISE.*try again"):
        migrate(url, migrations)


def test_failure_at_commit_is_reported_and_rolled_back(url: str, folder: Path) -> None:
    text = """
        create table app.a (id int primary key,
            parent int references app.a deferrable initially deferred);
        insert into app.a values (1, 2);"""

    with pytest.raises(SchemaError, match=r"(?s)0001_late\.sql of package shop: .*foreign key"):
        migrate(url, write(folder, {"0001_late.sql": text}))

    assert ask(url, "select count(*) from app.migrations") == 0


def test_percent_and_dollar_are_plain_text(url: str, folder: Path) -> None:
    text = "create view app.v as select 'a%b' like 'a%%' as fits, '%s $1' as text;"

    migrate(url, write(folder, {"0001_percent.sql": text}))

    assert ask(url, "select text from app.v where fits") == "%s $1"


def test_empty_file_is_applied(url: str, folder: Path) -> None:
    assert len(migrate(url, write(folder, {"0001_a.sql": "", "0002_b.sql": "-- nothing\n"}))) == 2


@pytest.mark.parametrize(
    "text",
    [
        "commit",
        "rollback; create table app.b (id int)",
        "commit; begin",
        "rollback; begin",
        "commit and chain",
    ],
)
def test_file_which_leaves_its_transaction_is_not_recorded(url: str, text: str) -> None:
    unseen = Migration("shop", 1, "sly", f"create table app.a (id int); {text};", "0")

    with pytest.raises(SchemaError, match=r"0001_sly\.sql of package shop: ends its transaction"):
        migrate(url, [unseen])

    assert ask(url, "select count(*) from app.migrations") == 0


def test_copy_from_the_client_is_refused(url: str, folder: Path) -> None:
    text = "create table app.a (id int); copy app.a from stdin;"

    with pytest.raises(SchemaError, match=r"0001_copy\.sql of package shop: .*(?i:copy)"):
        migrate(url, write(folder, {"0001_copy.sql": text}))

    assert ask(url, "select to_regclass('app.a')") is None


def test_statement_which_needs_no_transaction_comes_with_advice(url: str, folder: Path) -> None:
    text = "create index concurrently on app.orgs (id);"

    with pytest.raises(SchemaError, match=r"(?s)CONCURRENTLY cannot run inside .*Each file runs in one"):
        migrate(url, write(folder, ORGS | {"0002_index.sql": text}))


def test_blocked_file_gives_up_with_advice(url: str, folder: Path) -> None:
    migrate(url, write(folder, ORGS))
    text = "set local lock_timeout = '50ms'; alter table app.orgs add name text;"
    migrations = write(folder, ORGS | {"0002_wait.sql": text})

    with session(url) as other, other.transaction():
        other.execute("select * from app.orgs")
        with pytest.raises(SchemaError, match=r"(?s)0002_wait\.sql.*lock timeout.*pg_stat_activity"):
            migrate(url, migrations)


def test_migrations_wait_ten_seconds_for_a_lock_and_show_their_name(url: str, folder: Path) -> None:
    text = """
        create table app.seen as select current_setting('lock_timeout') as lock_timeout,
            current_setting('statement_timeout') as statement_timeout,
            current_setting('application_name') as application_name"""

    migrate(url, write(folder, {"0001_seen.sql": text}))

    assert ask(url, "select seen::text from app.seen") == '(10s,0,"org-common migrate")'


def test_session_of_a_file_ends_with_it(url: str, folder: Path) -> None:
    leaks = """
        create role leaky; grant leaky to current_user; set role leaky;
        set search_path = ''; set lock_timeout = 1; create temp table mine (id int);"""
    clean = """
        create table app.seen as select current_user::text as name,
            current_setting('search_path') as path, to_regclass('mine') as temporary"""

    migrate(url, write(folder, {"0001_leaks.sql": leaks, "0002_clean.sql": clean}))

    assert ask(url, "select name from app.seen where path <> '' and temporary is null") == ("app_migrator")


def test_superuser_is_refused(admin: str, folder: Path) -> None:
    with pytest.raises(SchemaError, match="postgres is a superuser.*app_migrator.*db bootstrap"):
        migrate(admin, write(folder, ORGS))


def test_bypassrls_is_refused(admin: str, folder: Path) -> None:
    with psycopg.connect(admin, autocommit=True) as conn:
        conn.execute("create role sees_all login bypassrls password 'p'")

    with pytest.raises(SchemaError, match="sees_all is a superuser or has BYPASSRLS"):
        migrate(make_conninfo(admin, user="sees_all", password="p"), write(folder, ORGS))


def test_superuser_in_the_guise_of_the_migrator_is_refused(admin: str, folder: Path) -> None:
    with psycopg.connect(admin, autocommit=True) as conn:
        conn.execute("create role boss superuser login password 'p'; alter role boss set role = app_migrator")

    with pytest.raises(SchemaError, match="boss is a superuser"):
        migrate(make_conninfo(admin, user="boss", password="p"), write(folder, ORGS))


def test_role_without_create_is_reported_the_grant(admin: str, folder: Path) -> None:
    with psycopg.connect(admin, autocommit=True) as conn:
        conn.execute("create role weak login password 'p'")
    weak = make_conninfo(admin, user="weak", password="p")
    migrations = write(folder, ORGS)

    with pytest.raises(SchemaError, match=r"grant create on database schema_\d+ to weak;"):
        migrate(weak, migrations)

    with psycopg.connect(admin, autocommit=True) as conn:
        conn.execute("create schema app")
    with pytest.raises(SchemaError, match="grant usage, create on schema app to weak;"):
        migrate(weak, migrations)


def test_public_may_not_read_what_is_applied(url: str, admin: str, folder: Path) -> None:
    with psycopg.connect(url) as conn:
        conn.execute("alter default privileges grant select on tables to public")
    migrate(url, write(folder, ORGS))
    with psycopg.connect(admin, autocommit=True) as conn:
        conn.execute("create role reader login password 'p'; grant usage on schema app to reader")

    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ask(make_conninfo(admin, user="reader", password="p"), "select 1 from app.migrations")


def test_status_of_a_new_database_is_all_pending(url: str, folder: Path) -> None:
    states = status(url, write(folder, TWO))

    assert [(state.migration.number, state.when) for state in states] == [
        (1, "pending"),
        (2, "pending"),
    ]
    assert ask(url, "select to_regnamespace('app')") is None


def test_status_reports_when_by_whom_and_what_is_wrong(url: str, folder: Path) -> None:
    migrate(url, write(folder, TWO))
    (folder / "0002_users.sql").unlink()

    changed, gone = status(url, write(folder, {"0001_orgs.sql": "select 1"}))

    assert changed.applied_at is not None
    assert changed.applied_by == "app_migrator"
    assert "was changed" in str(changed.problem)
    assert gone.migration.file == "0002_users.sql"
    assert "its file is missing" in str(gone.problem)


# --- addresses ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://app_migrator:{}@127.0.0.1:1/shop",
        "postgresql://app_migrator:{}@127.0.0.1:port/shop",
        "postgresql://app_migrator:{}@[::1/shop",
        "postgresql://app_migrator:{}/x@127.0.0.1:1/shop",
        "postgresql://app_migrator:x/{}@127.0.0.1:1/shop",
        "postgresql://app_migrator:x@{}@127.0.0.1:1/shop",
        "postgresql://app_migrator:x?{}@127.0.0.1:1/shop",
        "postgresql://app_migrator:{}%zz@127.0.0.1:1/shop",
        "postgresql//app_migrator:{}@127.0.0.1:1/shop",
        "host=127.0.0.1 port=1 user=app_migrator password={} x",
        "host=127.0.0.1 port=1 user=app_migrator password={}",
    ],
)
def test_password_is_in_no_connection_error(address: str) -> None:
    with pytest.raises(SchemaError, match="cannot connect as|URL is not valid") as caught:
        migrate(address.format(PASSWORD), [])

    assert PASSWORD not in str(caught.value)
    assert caught.value.__suppress_context__


def test_wrong_password_is_not_shown(url: str) -> None:
    with pytest.raises(SchemaError, match="cannot connect as app_migrator: .*failed") as caught:
        migrate(make_conninfo(url, password="wr0ng-secret"), [])

    assert "wr0ng-secret" not in str(caught.value)
    # As PostgreSQL says the same of a role that is not there.
    assert "does not exist yet, create it: org-common db bootstrap" in str(caught.value)
