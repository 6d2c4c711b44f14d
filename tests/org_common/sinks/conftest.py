"""A fake of AWS, moto's server, behind a proxy that fails on request."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.aws import FakeAws
from tests.support.aws_faults import FaultyAws, faulty_aws


@pytest.fixture
def faulty(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyAws]:
    """The endpoint that sinks talk to."""
    with faulty_aws(aws.url) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        yield proxy


@pytest.fixture
def sqs(aws: FakeAws) -> Any:
    """A client of the fake itself."""
    return aws.client("sqs")


@pytest.fixture
def mail(sqs: Any) -> str:
    """The URL of the standard queue `mail`."""
    return str(sqs.create_queue(QueueName="mail")["QueueUrl"])


@pytest.fixture
def mail_fifo(sqs: Any) -> str:
    """The URL of the FIFO queue `mail.fifo`."""
    return str(sqs.create_queue(QueueName="mail.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"])
