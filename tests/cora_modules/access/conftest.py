import uuid
from collections.abc import Iterator

import psycopg
import pytest

from cora_modules.access.orgs import app
from org_common.tools.local import LocalDatabase, clone, drop
from tests.cora_modules.access.world import World


@pytest.fixture
def world(database: LocalDatabase) -> Iterator[World]:
    """Acme, Globex and their people, in a database of this test's own."""
    made = World(database)
    app.use(made.database)
    yield made
    app.use(None)
    made.close()


@pytest.fixture(scope="session")
def standing_world(database_template: LocalDatabase) -> Iterator[World]:
    """Behind `still_world`; not for tests."""
    made = World(clone(database_template, f"still_{uuid.uuid4().hex}"))
    yield made
    made.close()
    drop(made.local)


@pytest.fixture
def still_world(standing_world: World) -> Iterator[World]:
    """The same, shared by all tests that change nothing, and proves that they do not."""
    before = standing_world.snapshot()
    app.use(standing_world.database)
    yield standing_world
    app.use(None)
    assert standing_world.snapshot() == before


@pytest.fixture
def catalog(standing_world: World) -> Iterator[psycopg.Connection]:
    """The superuser, to whom every name is written with its schema."""
    with psycopg.connect(standing_world.local.admin_url, autocommit=True) as conn:
        conn.execute("set search_path = ''")
        yield conn
