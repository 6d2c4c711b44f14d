import json

import psycopg
import pytest

from org_common.testing import LocalDatabase
from tests.org_common.tools.commands.database.conftest import call

pytestmark = pytest.mark.db


def change(local: LocalDatabase, *statements: str) -> None:
    with psycopg.connect(local.admin_url) as admin:
        for statement in statements:
            admin.execute(statement.encode())


def test_database_of_the_migrations_has_no_difference(local: LocalDatabase) -> None:
    done = call("diff")

    assert done.exit_code == 0
    assert "using the database of the running `org-common dev`, as app_migrator" in done.stderr
    assert done.stdout.endswith(" objects: 0 differences\n")


def test_changes_by_hand_are_shown_and_their_statements_undo_them(local: LocalDatabase) -> None:
    change(
        local,
        "alter table local_shop.notes no force row level security",
        "alter table local_shop.notes add column color text",
        "grant truncate on local_shop.notes to app_login",
        "create table local_shop.forgotten (id bigint primary key)",
    )

    done = call("diff", "--url", local.login_url)
    document = json.loads(call("diff", "--json").stdout)

    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    assert "unexpected  column local_shop.notes.color: text" in lines
    assert "unexpected  table local_shop.forgotten: owner postgres" in lines
    assert "changed     row-level security local_shop.notes" in lines
    assert "            > alter table local_shop.notes force row level security;" in lines
    assert "            > revoke truncate on table local_shop.notes from app_login;" in lines
    change(local, *(each["sql"] for each in document["differences"] if each["sql"] is not None))
    left = json.loads(call("diff", "--json").stdout)["differences"]
    assert {(each["change"], each["kind"], each["name"]) for each in left} == {
        ("unexpected", "table", "local_shop.forgotten"),
        ("unexpected", "column", "local_shop.forgotten.id"),
        ("unexpected", "column", "local_shop.notes.color"),
        ("unexpected", "constraint", "forgotten_pkey on local_shop.forgotten"),
    }
