import uuid
from collections.abc import Iterator

import pytest

from cora_modules.ai.protocols import bedrock_client
from cora_modules.ai.protocols.circuit import reset_circuits
from org_common.tools.database.local import LocalDatabase, clone, drop
from tests.cora_modules.ai.protocols.server import Server, serve
from tests.cora_modules.ai.world import REMOTE, AiWorld


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
    shared_world.is_initial = False
    with shared_world.served():
        yield shared_world


@pytest.fixture
def readonly_world(shared_world: AiWorld) -> Iterator[AiWorld]:
    """The same for tests that write nothing, without a reset between them. Fails a test that changed a row."""
    if not shared_world.is_initial:
        shared_world.reset()
    before = shared_world.snapshot()
    yield shared_world
    assert shared_world.snapshot() == before


@pytest.fixture(scope="session")
def shared_server() -> Iterator[Server]:
    """The server of `server`: botocore takes a third of a second for a client of another address."""
    with serve() as server:
        yield server
    bedrock_client.reset()


@pytest.fixture
def server(shared_server: Server) -> Server:
    """A provider that does what the test says."""
    shared_server.reset()
    return shared_server


@pytest.fixture
def aws(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """The same, with credentials for Bedrock's client. A bearer token would refuse an http address."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.delenv("AWS_BEARER_TOKEN_BEDROCK", raising=False)
    return server


@pytest.fixture
def remote(world: AiWorld, server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """The server of the provider `REMOTE`, with its key."""
    monkeypatch.setenv("AI_REMOTE", "sk-secret-vx3")
    world.change("ai_providers", REMOTE, base_url=f"{server.url}/v1", secret_ref="env:AI_REMOTE")
    reset_circuits()
    yield server
    reset_circuits()
