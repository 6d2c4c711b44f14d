"""The fixtures that each module has for its own world of organizations, users and rows."""

import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from org_common.tools.database.local import LocalDatabase, clone, drop
from tests.cora_modules.access.world import World


def world_fixtures(kind: type[World]) -> tuple[Any, Any, Any, Any, Any]:
    """The fixtures `shared_world`, `world`, `shared_readonly_world`, `readonly_world` and `catalog` of a conftest."""

    @pytest.fixture(scope="session")
    def shared_world(database_template: LocalDatabase) -> Iterator[World]:
        """The database of `world`. Tests use `world`."""
        yield from _new_world(kind, database_template)

    @pytest.fixture
    def world(shared_world: World) -> Iterator[World]:
        """Acme, Globex and their rows, reset for a test that writes: faster than a database for each test."""
        shared_world.reset()
        with shared_world.served():
            yield shared_world

    @pytest.fixture(scope="session")
    def shared_readonly_world(database_template: LocalDatabase) -> Iterator[World]:
        """The database of `readonly_world`. Tests use `readonly_world`."""
        yield from _new_world(kind, database_template)

    @pytest.fixture
    def readonly_world(shared_readonly_world: World) -> Iterator[World]:
        """The same, shared by all tests that write nothing. Fails a test that changed a row."""
        before = shared_readonly_world.snapshot()
        with shared_readonly_world.served():
            yield shared_readonly_world
        assert shared_readonly_world.snapshot() == before

    @pytest.fixture
    def catalog(shared_readonly_world: World) -> Iterator[psycopg.Connection]:
        """A superuser connection that reports each name with its schema."""
        with psycopg.connect(shared_readonly_world.local.admin_url, autocommit=True) as conn:
            conn.execute("set search_path = ''")
            yield conn

    return shared_world, world, shared_readonly_world, readonly_world, catalog


def _new_world(kind: type[World], template: LocalDatabase) -> Iterator[World]:
    world = kind(clone(template, f"{kind.__name__.lower()}_{uuid.uuid4().hex}"))
    yield world
    world.close()
    drop(world.local)
