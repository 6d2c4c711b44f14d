from collections.abc import Iterator

import pytest

from cora_modules.ai.protocols import bedrock_client
from tests.cora_modules.ai.protocols.server import Server, serve


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
