"""moto's server, one for all tests that talk to AWS: it takes a second or two to start."""

from collections.abc import Iterator

import pytest

from tests.support.aws import FakeAws, fake_aws


@pytest.fixture(scope="session")
def shared_aws() -> Iterator[FakeAws]:
    with fake_aws() as fake:
        yield fake


@pytest.fixture
def aws(shared_aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> FakeAws:
    """Empty, and the one that this process talks to."""
    shared_aws.reset()
    for name, value in shared_aws.environ.items():
        monkeypatch.setenv(name, value)
    return shared_aws
