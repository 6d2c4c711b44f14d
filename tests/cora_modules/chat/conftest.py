from collections.abc import Iterator

import pytest

from cora_modules.ai.protocols.circuit import reset_circuits
from tests.cora_modules.ai.protocols.server import Server, serve
from tests.cora_modules.chat.model_server import says
from tests.cora_modules.chat.world import ChatWorld
from tests.cora_modules.worlds import world_fixtures

shared_world, world, shared_readonly_world, readonly_world, catalog = world_fixtures(ChatWorld)


@pytest.fixture(scope="session")
def shared_server() -> Iterator[Server]:
    """The server of `server`."""
    with serve() as server:
        yield server


@pytest.fixture
def server(shared_server: Server, world: ChatWorld) -> Server:
    """The model that Acme uses. A test says how it answers."""
    shared_server.reset()
    reset_circuits()
    world.use_model(shared_server.url)
    shared_server.answers = [says("Kero", "sene [1]")]
    return shared_server
