import uuid
from collections.abc import Iterator

import psycopg
import pytest

from cora_modules.ai.protocols.circuit import reset_circuits
from org_common.tools.database.local import LocalDatabase, clone, drop
from tests.cora_modules.ai.protocols.server import Server, serve
from tests.cora_modules.chat.model_server import says
from tests.cora_modules.chat.world import ChatWorld


@pytest.fixture(scope="session")
def shared_world(database_template: LocalDatabase) -> Iterator[ChatWorld]:
    """The database of `world`. Tests use `world`."""
    yield from _new_world(database_template)


@pytest.fixture
def world(shared_world: ChatWorld) -> Iterator[ChatWorld]:
    """Acme, Globex and their chats, reset for a test that writes."""
    shared_world.reset()
    with shared_world.served():
        yield shared_world


@pytest.fixture(scope="session")
def shared_readonly_world(database_template: LocalDatabase) -> Iterator[ChatWorld]:
    """The database of `readonly_world`. Tests use `readonly_world`."""
    yield from _new_world(database_template)


@pytest.fixture
def readonly_world(shared_readonly_world: ChatWorld) -> Iterator[ChatWorld]:
    """The same, shared by all tests that write nothing. Fails a test that changed a row."""
    before = shared_readonly_world.snapshot()
    with shared_readonly_world.served():
        yield shared_readonly_world
    assert shared_readonly_world.snapshot() == before


@pytest.fixture
def catalog(shared_readonly_world: ChatWorld) -> Iterator[psycopg.Connection]:
    """A superuser connection that reports each name with its schema."""
    with psycopg.connect(shared_readonly_world.local.admin_url, autocommit=True) as conn:
        conn.execute("set search_path = ''")
        yield conn


def _new_world(template: LocalDatabase) -> Iterator[ChatWorld]:
    world = ChatWorld(clone(template, f"chat_world_{uuid.uuid4().hex}"))
    yield world
    world.close()
    drop(world.local)


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
