import uuid
from collections.abc import Iterator

import psycopg
import pytest

from org_common.tools.database.local import LocalDatabase, clone, drop
from tests.cora_modules.access.world import World


@pytest.fixture(scope="session")
def moving_world(database_template: LocalDatabase) -> Iterator[World]:
    """Behind `world`; not for tests."""
    yield from _made(database_template)


@pytest.fixture
def world(moving_world: World) -> Iterator[World]:
    """Acme, Globex and their people, for a test that changes something; a database each would cost more than all."""
    moving_world.begin()
    with moving_world.served():
        yield moving_world


@pytest.fixture(scope="session")
def standing_world(database_template: LocalDatabase) -> Iterator[World]:
    """Behind `still_world`; not for tests."""
    yield from _made(database_template)


@pytest.fixture
def still_world(standing_world: World) -> Iterator[World]:
    """The same, shared by all tests that change nothing, and proves that they do not."""
    before = standing_world.snapshot()
    with standing_world.served():
        yield standing_world
    assert standing_world.snapshot() == before


@pytest.fixture
def catalog(standing_world: World) -> Iterator[psycopg.Connection]:
    """The superuser, to whom every name is written with its schema."""
    with psycopg.connect(standing_world.local.admin_url, autocommit=True) as conn:
        conn.execute("set search_path = ''")
        yield conn


def _made(template: LocalDatabase) -> Iterator[World]:
    made = World(clone(template, f"world_{uuid.uuid4().hex}"))
    yield made
    made.close()
    drop(made.local)
