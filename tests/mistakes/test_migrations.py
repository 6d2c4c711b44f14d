"""Mistakes in migrations and in the database that they leave behind, on a real PostgreSQL."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner

from org_common.tools.cli import main
from org_common.tools.database.local import LocalDatabase, drop, provision
from org_common.tools.database.migrations import SchemaError, load
from org_common.tools.project.project import ToolError
from org_common.tools.serve.devserver import check_security
from tests.mistakes.graded import Case, check, ids

pytestmark = pytest.mark.db

TABLE = """\
create schema desk;
grant usage on schema desk to authenticated;
create table desk.tickets (id int primary key, subject text);
alter table desk.tickets enable row level security, force row level security;
create policy everything on desk.tickets to authenticated using (id > 0) with check (id > 0);
grant select, insert on desk.tickets to authenticated;
"""


class Written(NamedTuple):
    """A mistake in a migration that comes after `TABLE`."""

    case: Case
    sql: str


REFUSED = [
    Written(
        Case(
            46,
            "WITH CHECK",
            "only WITH CHECK expression allowed for INSERT",
            "0002_more.sql of package desk, line 1",
            "WITH CHECK",
        ),
        "create policy add on desk.tickets for insert to authenticated using (true);",
    ),
    Written(
        Case(
            54,
            "syntax",
            'syntax error at or near "tabel"',
            "0002_more.sql of package desk, line 2, column 8",
            '"tabel"',
        ),
        "select 1;\ncreate tabel x (a int);",
    ),
    Written(
        Case(
            55,
            "table",
            'relation "desk.labels" does not exist',
            "line 2, column 13",
            "create it in an earlier statement",
        ),
        "select 1;\ninsert into desk.labels values (1);",
    ),
    Written(
        Case(
            55,
            "column",
            'column "colour" of relation "tickets" does not exist',
            "0002_more.sql of package desk, line 1",
            "Correct the name",
        ),
        "alter table desk.tickets drop column colour;",
    ),
    Written(
        Case(
            0,
            "without schema",
            'relation "tickets" does not exist',
            "line 1",
            "Correct the name, with its schema, as in shop.orders",
        ),
        "alter table tickets add column due date;",
    ),
]
FOUND = [
    Written(
        Case(
            45,
            "no policy",
            "but no policy for it, so it sees no rows",
            "warning: authenticated has select, insert on desk.tickets",
            "create policy ... on desk.tickets to authenticated",
        ),
        "drop policy everything on desk.tickets;",
    ),
    Written(
        Case(
            47,
            "not enabled",
            "has rights on desk.tickets without row-level security",
            "violation: authenticated",
            "alter table desk.tickets enable row level security",
        ),
        "alter table desk.tickets disable row level security;",
    ),
    Written(
        Case(
            47,
            "not forced",
            "does not apply to its owner",
            "violation: row-level security of desk.tickets",
            "alter table desk.tickets force row level security",
        ),
        "alter table desk.tickets no force row level security;",
    ),
    Written(
        Case(
            48,
            "view",
            "which runs with its owner's rights",
            "can read the view desk.mine",
            "alter view desk.mine set (security_invoker = true)",
        ),
        "create view desk.mine as select * from desk.tickets; grant select on desk.mine to authenticated;",
    ),
]
EDITED = Case(
    57, "edited", "was changed after it was applied", "0001_desk.sql of package desk", "restore it and add a new file"
)
SUPERUSER = Case(
    64, "guard", "is a superuser", "violation: the login postgres", "log in as app_login, with the URL of the functions"
)
LOGIN = Case(
    64,
    "migrate",
    "permission denied for schema app",
    "app_login cannot create the table app.migrations",
    "Connect as app_migrator",
)
CASES = [each.case for each in REFUSED + FOUND] + [EDITED, SUPERUSER, LOGIN]


@pytest.fixture
def migrations(tmp_path: Path) -> Path:
    (tmp_path / "0001_desk.sql").write_text(TABLE)
    return tmp_path


@pytest.fixture
def name(postgres: str, database_template: LocalDatabase) -> Iterator[str]:
    """Of a database that the test makes."""
    made = f"migrated_{uuid.uuid4().hex}"
    yield made
    drop(LocalDatabase(made, postgres, "", "", ""))


def migrate(postgres: str, name: str, folder: Path) -> LocalDatabase:
    return provision(postgres, name, load([f"desk={folder}"]))


@pytest.mark.parametrize("written", REFUSED, ids=ids(each.case for each in REFUSED))
def test_migration_is_refused_with_the_reason(written: Written, postgres: str, name: str, migrations: Path) -> None:
    (migrations / "0002_more.sql").write_text(written.sql)

    with pytest.raises(SchemaError) as raised:
        migrate(postgres, name, migrations)

    check(written.case, str(raised.value))


@pytest.mark.parametrize("written", FOUND, ids=ids(each.case for each in FOUND))
def test_dev_reports_what_the_migrations_leave_open(
    written: Written, postgres: str, name: str, migrations: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (migrations / "0002_more.sql").write_text(written.sql)
    local = migrate(postgres, name, migrations)
    capsys.readouterr()

    is_secure = check_security(local.login_url)

    check(written.case, capsys.readouterr().err)
    assert is_secure is (written.case.row == 45)


def test_edited_migration_is_refused_with_both_ways_out(postgres: str, name: str, migrations: Path) -> None:
    migrate(postgres, name, migrations)
    (migrations / "0001_desk.sql").write_text(TABLE + "-- edited\n")

    with pytest.raises(ToolError) as raised:
        migrate(postgres, name, migrations)

    check(EDITED, str(raised.value))


def test_guard_refuses_a_superuser(postgres: str) -> None:
    answer = CliRunner().invoke(main, ["db", "guard", "--url", postgres])

    assert answer.exit_code == 1
    check(SUPERUSER, answer.output)


def test_migrate_refuses_the_login_of_the_functions(database_template: LocalDatabase, tmp_path: Path) -> None:
    (tmp_path / "0001_desk.sql").write_text(TABLE)
    answer = CliRunner().invoke(
        main, ["db", "migrate", "--url", database_template.login_url, "--package", f"desk={tmp_path}"]
    )

    assert answer.exit_code == 1
    check(LOGIN, answer.output)
