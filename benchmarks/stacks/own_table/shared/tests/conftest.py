"""A database for the tests, with two tenants: Alice owns Acme, Carol is a member of it, and Bob owns Globex."""

import os
import time
from collections.abc import Iterator
from uuid import UUID

import jwt
import psycopg
import pytest
from alembic import command
from alembic.config import Config
from fastapi.testclient import TestClient

ADMIN = os.environ["ADMIN_URL"]
os.environ["JWT_SECRET"] = "for the tests alone, with more than 32 bytes"  # noqa: S105
ACME, GLOBEX = UUID(int=1), UUID(int=2)
PEOPLE = {"alice": (ACME, "org_owner"), "carol": (ACME, "org_user"), "bob": (GLOBEX, "org_owner")}


@pytest.fixture(scope="session", autouse=True)
def migrated() -> None:
    command.upgrade(Config("alembic.ini"), "head")


@pytest.fixture(autouse=True)
def admin(migrated: None) -> Iterator[psycopg.Connection]:
    with psycopg.connect(ADMIN, autocommit=True) as admin:
        admin.execute("truncate users, orgs cascade")
        admin.execute("insert into orgs values (%s, 'Acme'), (%s, 'Globex')", [ACME, GLOBEX])
        for number, (name, (org_id, role)) in enumerate(PEOPLE.items(), 1):
            admin.execute("insert into users values (%s, %s)", [UUID(int=number), name])
            admin.execute("insert into members values (%s, %s, %s)", [org_id, UUID(int=number), role])
        yield admin


def client(name: str | None) -> TestClient:
    from help_desk.main import app

    token = jwt.encode({"sub": name, "exp": time.time() + 60}, os.environ["JWT_SECRET"])
    return TestClient(app, headers={"Authorization": f"Bearer {token}"} if name else {})
