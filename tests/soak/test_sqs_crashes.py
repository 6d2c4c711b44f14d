"""Relays die at every step between the outbox and SQS: nothing is lost, and duplicates are those of at-least-once.

moto's server is a fake of AWS. Its FIFO queues keep the order, but forget the deduplication id of a message that was
deleted, which AWS keeps for five minutes: duplicates are counted here that AWS would drop.
"""

from __future__ import annotations

import json
import os
import threading
from collections import Counter, defaultdict
from typing import Any

import pytest

from org_common.db.relay import relay
from org_common.sinks.sqs import SqsSink
from tests.soak.figures import Figures
from tests.soak.processes import run_program
from tests.soak.relays import SQS_BATCH, SQS_STEPS
from tests.soak.scale import scaled
from tests.soak.senders import Senders
from tests.soak.tenants import Platform
from tests.support.aws import FakeAws, fake_aws

pytestmark = [pytest.mark.db, pytest.mark.fault]

CRASHES = scaled(1, 200) * len(SQS_STEPS)


class Consumer:
    """A thread that receives the messages of a queue and deletes them, until nothing is left after `stop`."""

    def __init__(self, aws: FakeAws, url: str) -> None:
        self.received: list[tuple[int, str]] = []
        """The number of each message, and its group."""
        self.ids: Counter[str] = Counter()
        self._url, self._sqs = url, aws.client("sqs")
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            last = self._stopped.is_set()
            found = self._sqs.receive_message(
                QueueUrl=self._url, MaxNumberOfMessages=10, AttributeNames=["All"], MessageAttributeNames=["All"]
            ).get("Messages", [])
            for each in found:
                self._note(each)
            if found:
                entries = [{"Id": str(at), "ReceiptHandle": each["ReceiptHandle"]} for at, each in enumerate(found)]
                self._sqs.delete_message_batch(QueueUrl=self._url, Entries=entries)
            elif last:
                return
            else:
                self._stopped.wait(0.1)

    def _note(self, message: dict[str, Any]) -> None:
        self.received.append((json.loads(message["Body"])["n"], message["Attributes"].get("MessageGroupId", "")))
        self.ids[message["MessageAttributes"]["org-common-id"]["StringValue"]] += 1


@pytest.mark.parametrize("name", scaled(["soak.fifo"], ["soak", "soak.fifo"]))
def test_no_message_is_lost_on_the_way_to_sqs(
    platform: Platform, figures: Figures, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    with fake_aws() as aws:
        for variable, value in aws.environ.items():
            monkeypatch.setitem(os.environ, variable, value)
        attributes = {"FifoQueue": "true"} if name.endswith(".fifo") else {}
        queue = aws.client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        consumer = Consumer(aws, queue)
        # moto's calls slow down with the length of the queue.
        senders = Senders(platform, pause_s=0.5)
        try:
            job = {"url": platform.local.service_url, "sqs": queue, "crashes": CRASHES}
            found = run_program("tests.soak.relays", job, timeout_s=scaled(120, 3600))
            senders.stop()
            left = relay(platform.local.service_url, SqsSink({"soak": queue}))
        finally:
            senders.stop()
            consumer.stop()

    numbers = {number for number, _ in consumer.received}
    duplicates = len(consumer.received) - len(numbers)
    groups: dict[str, list[int]] = defaultdict(list)
    for number, group in dict.fromkeys(consumer.received):
        groups[group].append(number)
    figures.note(
        f"outbox to SQS, {name}: committed messages received",
        len(numbers & set(senders.kept)),
        len(senders.kept),
        crashes=found["died"],
        duplicates=duplicates,
        taken_back=len(senders.undone),
        of_them_received=len(set(senders.undone) & numbers),
        groups=len(groups),
        at_the_end=left,
    )
    assert sum(found["died"].values()) == CRASHES
    assert numbers == set(senders.kept)
    assert platform.ask("select count(*) from app.outbox") == 0
    # A relay that dies leaves one batch in doubt.
    assert duplicates <= CRASHES * SQS_BATCH
    if attributes:
        # Numbers of one key, in the order of its transactions.
        assert all(line == sorted(line) for line in groups.values())
