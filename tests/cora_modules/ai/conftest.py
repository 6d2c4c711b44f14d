import uuid
from collections.abc import Iterator

import pytest

from org_common.tools.database.local import LocalDatabase, clone, drop
from tests.cora_modules.ai.world import AiWorld


@pytest.fixture(scope="session")
def shared_world(database_template: LocalDatabase) -> Iterator[AiWorld]:
    """The database of `world`. Tests use `world`."""
    world = AiWorld(clone(database_template, f"ai_{uuid.uuid4().hex}"))
    yield world
    world.close()
    drop(world.local)


@pytest.fixture
def world(shared_world: AiWorld) -> Iterator[AiWorld]:
    """Acme, Globex and their users, reset for each test."""
    shared_world.reset()
    with shared_world.served():
        yield shared_world
