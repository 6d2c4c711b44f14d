"""An extension and a store of AWS to fetch secrets from."""

from collections.abc import Iterator

import pytest

from org_common.secrets.aws import Aws
from org_common.secrets.counters import SecretCounters
from tests.support.extension import FakeExtension
from tests.support.store import FakeStore


@pytest.fixture
def extension() -> Iterator[FakeExtension]:
    with FakeExtension() as fake:
        yield fake


@pytest.fixture
def counters() -> SecretCounters:
    return SecretCounters()


@pytest.fixture(scope="session")
def shared_store() -> Iterator[tuple[FakeStore, Aws]]:
    """With a client, since it takes botocore 0.3 s to make one."""
    with FakeStore() as fake, pytest.MonkeyPatch.context() as patch:
        for name, value in fake.environ.items():
            patch.setenv(name, value)
        aws = Aws(SecretCounters())
        aws.client("secretsmanager")
        yield fake, aws


@pytest.fixture
def aws_store(shared_store: tuple[FakeStore, Aws], monkeypatch: pytest.MonkeyPatch) -> FakeStore:
    """An empty one, and the one that this process talks to."""
    fake, _ = shared_store
    fake.clear()
    for name, value in fake.environ.items():
        monkeypatch.setenv(name, value)
    return fake


@pytest.fixture
def client_of_store(shared_store: tuple[FakeStore, Aws], counters: SecretCounters) -> Aws:
    """Of `aws_store`, counting into the test's own counters."""
    _, aws = shared_store
    aws._counters = counters
    return aws
