import re
import subprocess
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
from org_common.tools.database.programs import binaries
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
        match=r'0002_bad\.sql of package shop, line 4, column 3: column "nothing" does not exist \(statement 2\)',
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


def test_copy_that_was_not_found_in_the_file_is_refused(url: str, capfd: pytest.CaptureFixture[str]) -> None:
    for statement in ("copy app.a from stdin", "copy app.a to stdout"):
        unseen = Migration("shop", 1, "copy", f"create table app.a (id int); {statement};", "0")

        with pytest.raises(SchemaError, match=r"0001_copy\.sql of package shop: COPY exchanges"):
            migrate(url, [unseen])

    assert ask(url, "select to_regclass('app.a')") is None
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("text", "place", "number"),
    [
        ("select 1;\n\n;-- x\ndrop table nothing;", "line 4: table", 2),
        ("select 1; drop table nothing; select 2;", "line 1: table", 2),
        ("select 1;\nselect 1 / 0", "line 2: division", 2),
        ("do $$ begin; end; $$;", 'line 1, column 12: syntax error at or near ";"', 1),
        ("select ';';\ndo $$ begin raise 'no'; end $$", "line 2: no", 2),
        ("select 1;\nselect * from nothing", "line 2, column 15: relation", 2),
        ("select 1;\n selec 2;\nselect 3", "line 2, column 2: syntax error", 2),
        (
            "select 1;\n create function f() returns int begin atomic\nselect t.end from t;\nend",
            "line 3, column 19: relation",
            2,
        ),
        ("create table app.a (id int);\ncreate index on app.a (no)", 'line 2: column "no"', 2),
        ("alter table app.migrations owner to nobody_here", "line 1: role", 1),
        ("select 'é'; select 1 / 0", "line 1: division", 2),
    ],
)
def test_failing_statement_is_reported_by_number_and_line(
    url: str, folder: Path, text: str, place: str, number: int
) -> None:
    with pytest.raises(SchemaError) as caught:
        migrate(url, write(folder, {"0001_bad.sql": text}))

    first = str(caught.value).splitlines()[0]
    assert first.startswith(f"0001_bad.sql of package shop, {place}")
    assert first.endswith(f" (statement {number})")


@pytest.mark.parametrize("variable", [":id", ":'id'", ':"id"', ":{?id}"])
def test_variable_of_psql_comes_with_advice(url: str, folder: Path, variable: str) -> None:
    with pytest.raises(SchemaError, match=r"(?s)syntax error.*replaced by psql"):
        migrate(url, write(folder, {"0001_bad.sql": f"select {variable}"}))


def test_commit_in_a_block_comes_with_advice(url: str, folder: Path) -> None:
    with pytest.raises(SchemaError, match=r"(?s)invalid transaction termination.*cannot use COMMIT"):
        migrate(url, write(folder, {"0001_bad.sql": "do $$ begin commit; end $$"}))


# One of each kind of object and of text that pg_dump writes in its own way.
SHOP = r"""
create schema shop;
create type shop.colour as enum ('red;', 'it''s');
create domain shop.code as text check (value ~ E'^\\w+;$' or value = '$$');
create type shop.pair as (a int, "end" text);
create sequence shop.numbers;
create table shop.items (
    id bigint generated always as identity primary key, "end" int default nextval('shop.numbers'), code shop.code,
    colour shop.colour default 'it''s', body text, doubled int generated always as ("end" * 2) stored,
    parent bigint references shop.items, check (body <> ';'));
comment on table shop.items is E'it''s; \\restrict\n\\. -- /* $$';
comment on column shop.items."end" is $x$ $$ ; commit; $$ $x$;
create unique index items_code on shop.items (lower(code)) where code <> ';';
create table shop.parts (id int, day date) partition by range (day);
create table shop.parts_1 partition of shop.parts for values from ('2026-01-01') to ('2027-01-01');
create function shop.ends(case_ int) returns setof int language sql begin atomic
    select 1 as "end"; select case when true then i."end" end as "end" from shop.items i; end;
create function shop.plus(a int, b int default 1) returns int language sql immutable return case a when 1 then b end;
create function shop.quoted() returns text language sql as E'select \'it\'\'s; commit;\' /* ; */';
create procedure shop.work(inout x int) language plpgsql as $p$ begin x := $$2$$; if true then null; end if; end $p$;
create function shop.touch() returns trigger language plpgsql
as $$ begin new.body := new.body || ''; return new; end $$;
create trigger touch before update on shop.items for each row when (old.body <> ';') execute function shop.touch();
create aggregate shop.total (int) (sfunc = int4pl, stype = int, initcond = '0');
create operator shop.=== (leftarg = text, rightarg = text, function = texteq);
create view shop.seen with (security_invoker = true) as select i."end", 'a;''b' as x from shop.items i;
create materialized view shop.counted as select count(*) as "case" from shop.items with no data;
create rule r as on insert to shop.parts_1 where new.id = 0 do also (select 1; select ';');
insert into shop.items (code, body) values ('a;', E'\\restrict x\n\\.\ncopy;'), ('$$', 'it''s'), ('b;', E'-- ü\r\n/*');
insert into shop.parts values (1, '2026-02-01');
alter table shop.items enable row level security;
alter table shop.items force row level security;
create policy own on shop.items for select using (body = ';' and (select case when true then true end));
"""


def dump(url: str, *options: str) -> str:
    command = [str(binaries() / "pg_dump"), "--schema=shop", "--inserts", *options, url]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def without_restrict(text: str) -> str:
    """Each dump has another key in these lines."""
    return re.sub(r"^\\(un)?restrict \w+\n", "", text, flags=re.MULTILINE)


def test_dump_is_a_migration_as_the_advice_says(url: str, admin: str, folder: Path) -> None:
    migrate(url, write(folder, {"0001_shop.sql": SHOP}))
    original = dump(admin, "--no-owner", "--no-privileges")
    advised = without_restrict(original)
    (folder / "0001_shop.sql").unlink()

    with pytest.raises(SchemaError, match=r"0001_dump\.sql, line \d: \\restrict is a command of psql"):
        write(folder, {"0001_dump.sql": original})
    migrations = write(folder, {"0001_dump.sql": advised})
    with psycopg.connect(admin, autocommit=True) as conn:
        conn.execute("drop schema shop cascade; truncate app.migrations")
    migrate(url, migrations)

    again = dump(admin, "--no-owner", "--no-privileges")
    assert without_restrict(again) == advised
    assert ask(url, "select body from shop.items where id = 1") is None  # row-level security applies to the owner
    assert ask(admin, "select body from shop.items where id = 1") == "\\restrict x\n\\.\ncopy;"


@pytest.mark.parametrize(
    ("options", "said"),
    [(["--no-privileges"], "alter|owner|role|member"), (["--no-owner"], "role|permission|grant")],
)
def test_dump_with_owners_or_grants_comes_with_advice(
    url: str, admin: str, folder: Path, options: list[str], said: str
) -> None:
    with psycopg.connect(admin, autocommit=True) as conn:
        conn.execute("drop role if exists elsewhere; create role elsewhere")
        conn.execute(
            "create schema shop authorization elsewhere; create table shop.t (); grant all on shop.t to elsewhere"
        )
    text = without_restrict(dump(admin, *options))
    with psycopg.connect(admin, autocommit=True) as conn:
        conn.execute("drop schema shop cascade; drop role elsewhere")

    with pytest.raises(
        SchemaError, match=rf"(?si)line \d+: .*({said}).* \(statement \d+\).*--no-owner --no-privileges"
    ):
        migrate(url, write(folder, {"0001_dump.sql": text}))


def test_savepoints_are_accepted(url: str, folder: Path) -> None:
    text = "create table app.a (id int); savepoint a; drop table app.a; rollback to savepoint a; release a;"

    assert len(migrate(url, write(folder, {"0001_a.sql": text}))) == 1
    assert ask(url, "select to_regclass('app.a')") == "app.a"


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


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2", "asyncpg", "psycopg_async"])
@pytest.mark.parametrize("scheme", ["postgresql", "postgres"])
def test_url_of_sqlalchemy_is_reported(scheme: str, driver: str) -> None:
    with pytest.raises(SchemaError, match=rf"remove \+{driver}, so that it starts with {scheme}://$") as caught:
        migrate(f"{scheme}+{driver}://app_migrator:{PASSWORD}@127.0.0.1:1/shop", [])

    assert PASSWORD not in str(caught.value)


def test_wrong_password_is_not_shown(url: str) -> None:
    with pytest.raises(SchemaError, match="cannot connect as app_migrator: .*failed") as caught:
        migrate(make_conninfo(url, password="wr0ng-secret"), [])

    assert "wr0ng-secret" not in str(caught.value)
    # As PostgreSQL says the same of a role that is not there.
    assert "does not exist yet, create it: org-common db bootstrap" in str(caught.value)
