"""A database without migrations, on a server that has the roles of org-common."""

import uuid
from collections.abc import Iterator

import psycopg
import pytest

from org_common.tools.database.local import drop_database, provision
from org_common.tools.database.migrations import load


@pytest.fixture(scope="session")
def plain_url(postgres: str) -> Iterator[str]:
    """The superuser's URL of the database."""
    name = f"lint_{uuid.uuid4().hex}"
    # The migrations of org-common create the roles, which belong to the server and stay.
    database = provision(postgres, name, load([]))
    with psycopg.connect(database.admin_url, autocommit=True) as conn:
        conn.execute("drop schema app, auth cascade")
    yield database.admin_url
    drop_database(database.admin_url, name)


@pytest.fixture(scope="session")
def conn(plain_url: str) -> Iterator[psycopg.Connection]:
    """A connection of the superuser. Each test rolls back what it does."""
    with psycopg.connect(plain_url, autocommit=True) as connection:
        yield connection
