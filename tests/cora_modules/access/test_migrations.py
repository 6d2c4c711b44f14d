"""The module's migrations on a database that already has users."""

import uuid
from collections.abc import Iterator

import psycopg
import pytest

from org_common.tools.database.local import LocalDatabase, drop, provision
from org_common.tools.database.migrations import load
from org_common.tools.database.schema import migrate

pytestmark = pytest.mark.db

PEOPLE = [("Alice@Example.COM", None), ("bob@example.com", "sys_owner"), ("carol@example.com", "sys_user")]


@pytest.fixture
def early(postgres: str) -> Iterator[LocalDatabase]:
    """A database after the first migration, with users."""
    first = [file for file in load(["cora_modules.access"]) if file.package == "org_common" or file.number == 1]
    database = provision(postgres, f"early_{uuid.uuid4().hex}", first)
    with psycopg.connect(database.admin_url) as conn:
        conn.cursor().executemany("insert into access.users (email, sys_role) values (%s, %s)", PEOPLE)
        conn.execute("insert into access.orgs (name, slug) values ('Acme', 'acme')")
        conn.execute(
            "insert into access.org_members (org_id, user_id, org_role) "
            "select o.id, u.id, 'org_user' from access.orgs o, access.users u"
        )
    yield database
    drop(database)


def test_migrations_keep_users_and_members(early: LocalDatabase) -> None:
    migrate(early.migrator_url, load(["cora_modules.access"]))

    with psycopg.connect(early.admin_url) as conn:
        users = conn.execute("select email, sys_role, is_active from access.users order by email").fetchall()
        counts = conn.execute("select count(*) from access.org_members").fetchone()
    assert users == [
        ("alice@example.com", "sys_user", True),
        ("bob@example.com", "sys_owner", True),
        ("carol@example.com", "sys_user", True),
    ]
    assert counts == (3,)
