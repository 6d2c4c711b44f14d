import uuid
from collections.abc import Iterator

import psycopg
import pytest

from cora_modules.kb import storage
from org_common.tools.database.local import LocalDatabase, clone, drop
from tests.cora_modules.kb.bucket import Bucket
from tests.cora_modules.kb.world import KbWorld
from tests.support.aws import fake_aws


@pytest.fixture(scope="session")
def shared_world(database_template: LocalDatabase) -> Iterator[KbWorld]:
    """The database of `world`. Tests use `world`."""
    yield from _new_world(database_template)


@pytest.fixture
def world(shared_world: KbWorld) -> Iterator[KbWorld]:
    """Acme, Globex and their knowledge bases, reset for a test that writes."""
    shared_world.reset()
    with shared_world.served():
        yield shared_world


@pytest.fixture(scope="session")
def shared_readonly_world(database_template: LocalDatabase) -> Iterator[KbWorld]:
    """The database of `readonly_world`. Tests use `readonly_world`."""
    yield from _new_world(database_template)


@pytest.fixture
def readonly_world(shared_readonly_world: KbWorld) -> Iterator[KbWorld]:
    """The same, shared by all tests that write nothing. Fails a test that changed a row."""
    before = shared_readonly_world.snapshot()
    with shared_readonly_world.served():
        yield shared_readonly_world
    assert shared_readonly_world.snapshot() == before


@pytest.fixture
def catalog(shared_readonly_world: KbWorld) -> Iterator[psycopg.Connection]:
    """A superuser connection that reports each name with its schema."""
    with psycopg.connect(shared_readonly_world.local.admin_url, autocommit=True) as conn:
        conn.execute("set search_path = ''")
        yield conn


@pytest.fixture(scope="session")
def shared_bucket() -> Iterator[Bucket]:
    """The bucket of `bucket`, in moto's server: a fake of S3 that checks neither signatures nor checksums."""
    with fake_aws() as fake, pytest.MonkeyPatch.context() as environ:
        for name, value in {**fake.environ, storage.BUCKET: Bucket.NAME}.items():
            environ.setenv(name, value)
        storage.client.cache_clear()
        # Reads the environment, and no test waits for a client of its own.
        storage.client()
        yield Bucket(fake)
    storage.client.cache_clear()


@pytest.fixture
def bucket(shared_bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """An empty bucket for the documents."""
    monkeypatch.setenv(storage.BUCKET, Bucket.NAME)
    yield shared_bucket
    shared_bucket.clear()


def _new_world(template: LocalDatabase) -> Iterator[KbWorld]:
    world = KbWorld(clone(template, f"kb_world_{uuid.uuid4().hex}"))
    yield world
    world.close()
    drop(world.local)
