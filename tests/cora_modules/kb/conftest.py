from collections.abc import Iterator
from contextlib import closing

import pytest

from cora_modules.kb import storage
from org_common import Database, Settings
from org_common.db.service import service_database
from tests.cora_modules.kb.bucket import Bucket
from tests.cora_modules.kb.uploads import Uploads
from tests.cora_modules.kb.world import KbWorld
from tests.cora_modules.worlds import world_fixtures
from tests.support.aws import fake_aws

shared_world, world, shared_readonly_world, readonly_world, catalog = world_fixtures(KbWorld)


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


@pytest.fixture
def service(world: KbWorld) -> Iterator[Database]:
    """The database on the login app_service."""
    with closing(service_database(Settings(service_database_url=world.local.service_url))) as database:
        yield database


@pytest.fixture
def uploads(world: KbWorld, bucket: Bucket, service: Database) -> Uploads:
    """Uploaded documents, without a record of earlier calls of models."""
    world.admin.execute("delete from ai.ai_calls")
    return Uploads(world, bucket, service)
