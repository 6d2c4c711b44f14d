import uuid
from collections.abc import Iterator

import pytest

from org_common.tools.database.local import LocalDatabase, clone, drop
from tests.cora_modules.mgmt.world import MgmtWorld


@pytest.fixture(scope="session")
def shared_world(database_template: LocalDatabase) -> Iterator[MgmtWorld]:
    """The database of `world`. Tests use `world`."""
    world = MgmtWorld(clone(database_template, f"mgmt_{uuid.uuid4().hex}"))
    yield world
    world.close()
    drop(world.local)


@pytest.fixture
def world(shared_world: MgmtWorld) -> Iterator[MgmtWorld]:
    """Acme, Globex and their users, reset for each test."""
    shared_world.reset()
    with shared_world.served():
        yield shared_world
