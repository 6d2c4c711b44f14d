import uuid
from collections.abc import Iterator
from typing import TypeVar

import pytest

from cora_modules.mgmt import aws as clients
from org_common.tools.database.local import LocalDatabase, clone, drop
from tests.cora_modules.mgmt.cloud import Cloud
from tests.cora_modules.mgmt.recorder import Recorder, recorder
from tests.cora_modules.mgmt.world import MgmtWorld
from tests.support.aws import FakeAws, fake_aws

T = TypeVar("T")


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


@pytest.fixture(scope="session")
def shared_aws() -> Iterator[FakeAws]:
    """moto's server. Tests use `cloud`."""
    with fake_aws() as fake:
        yield fake


@pytest.fixture
def cloud(shared_aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """An empty account, which the module's clients talk to."""
    shared_aws.reset()
    yield from _connected(monkeypatch, shared_aws.environ, Cloud(shared_aws))


@pytest.fixture
def calls(cloud: Cloud, shared_aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    """The calls of the module to `cloud`, which gets a stub for provisioned concurrency."""
    with recorder(shared_aws.url) as record:
        yield from _connected(monkeypatch, FakeAws(record.url).environ, record)


@pytest.fixture
def unreachable_cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An address where no server listens."""
    environ = FakeAws("http://127.0.0.1:9").environ
    monkeypatch.setattr(clients, "ATTEMPTS", 1)
    yield from _connected(monkeypatch, environ, None)


def _connected(monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], value: T) -> Iterator[T]:
    for name, content in environ.items():
        monkeypatch.setenv(name, content)
    clients.client.cache_clear()
    yield value
    clients.client.cache_clear()
