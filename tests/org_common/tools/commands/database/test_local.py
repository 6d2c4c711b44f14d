from pathlib import Path

import psycopg
import pytest

from org_common.testing import LocalDatabase
from tests.org_common.tools.commands.database.conftest import call

pytestmark = pytest.mark.db
COUNT = "select count(*) from local_shop.orgs"


def count(local: LocalDatabase) -> int:
    with psycopg.connect(local.admin_url) as admin:
        return int((admin.execute(COUNT).fetchone() or [0])[0])


def test_url_of_each_login(local: LocalDatabase) -> None:
    assert call("url").stdout == f"{local.admin_url}\n"
    assert call("url", "--as", "app_login").stdout == f"{local.login_url}\n"


def test_url_without_a_server_says_what_to_start(project: Path) -> None:
    done = call("url")

    assert (done.exit_code, done.stdout) == (1, "")
    assert "`org-common dev` is not running: start it" in done.stderr


def test_seed_and_reset(local: LocalDatabase) -> None:
    assert call("seed").stdout == "seeded by local_shop.demo\n"
    assert count(local) == 2
    with psycopg.connect(local.admin_url) as admin:
        admin.execute("insert into local_shop.orgs (name) values ('Initech')")

    assert call("reset", "--yes").stdout.endswith("migrations, seeded by local_shop.demo\n")
    assert count(local) == 2


def test_reset_asks_first(local: LocalDatabase) -> None:
    call("seed")

    done = call("reset", typed="n\n")

    assert (done.exit_code, count(local)) == (1, 2)
    assert "This drops all rows of the local database. Go on?" in done.stdout


def test_commands_find_the_running_server(local: LocalDatabase) -> None:
    done = call("status")

    assert "0002_notes.sql" in done.stdout
    assert done.stderr == "using the database of the running `org-common dev`, as app_migrator\n"


def test_given_url_takes_precedence(local: LocalDatabase) -> None:
    done = call("status", ORG_COMMON_MIGRATOR_URL="postgresql://app_migrator@127.0.0.1:1/none")

    assert "ORG_COMMON_MIGRATOR_URL: cannot connect as app_migrator" in done.stderr


def test_url_is_asked_for_without_a_server(project: Path) -> None:
    assert "Missing option '--url'" in call("status").stderr


def test_shell_runs_psql_as_the_superuser(local: LocalDatabase, capfd: pytest.CaptureFixture[str]) -> None:
    assert call("shell", "--", "-Atc", "select current_user, current_database()").exit_code == 0

    assert capfd.readouterr().out == "postgres|local_shop\n"


def test_shell_of_a_person_sees_what_they_see(local: LocalDatabase, capfd: pytest.CaptureFixture[str]) -> None:
    call("seed")

    call("shell", "--person", "bob", "--", "-Atc", "select current_user, name from local_shop.orgs")

    assert capfd.readouterr().out == "authenticated|Globex\n"


def test_shell_of_an_unknown_person_is_refused(local: LocalDatabase) -> None:
    done = call("shell", "--person", "mallory")

    assert done.exit_code == 1
    assert "there is no user 'mallory' in the local database: `org-common db seed`" in done.stderr


def test_exit_status_of_psql_is_passed_on(local: LocalDatabase) -> None:
    assert call("shell", "--", "-qc", "select 1/0").exit_code == 1
