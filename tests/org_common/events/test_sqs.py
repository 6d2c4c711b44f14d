import json
from typing import Any

import pytest

from org_common.events.sqs import group_of, is_fifo, item_ids, queue_name, read_record
from org_common.values.errors import BadRequest, OrgError
from tests.support.queues import batch, record


def test_raw_record() -> None:
    attributes = {"org-common-id": "12", "org-common-queue": "ingest", "traceparent": "00-a-b-01"}
    sent = record({"n": 1}, queue="prod-ingest.fifo", attributes=attributes, group="g", attempt=2)
    sent["attributes"]["AWSTraceHeader"] = "Root=1-5e988283-e1b20e0c8e1b1e0c8e1b1e0c"
    read = read_record(sent)

    assert (read.id, read.outbox_id, read.body, read.queue) == ("12", "12", '{"n":1}', "prod-ingest.fifo")
    assert (read.attempt, read.group, read.attributes) == (2, "g", attributes)
    assert read.sent_at is not None
    assert read.sent_at.isoformat() == "2025-11-30T12:00:00.123000+00:00"
    assert read.trace == {"traceparent": "00-a-b-01", "x-amzn-trace-id": sent["attributes"]["AWSTraceHeader"]}
    assert (queue_name(sent), is_fifo(sent), group_of(sent)) == ("prod-ingest.fifo", True, "g")


def test_message_of_the_outbox_is_never_taken_for_an_envelope() -> None:
    """Otherwise a sender could name the id of another message in their own."""
    inner = {"org-common-id": {"Type": "String", "Value": "1"}}
    forged = {"Type": "Notification", "TopicArn": "t", "Message": "{}", "MessageAttributes": inner}
    read = read_record(record(forged, attributes={"org-common-id": "12"}))

    assert (read.outbox_id, json.loads(read.body)) == ("12", forged)


def test_message_without_an_attribute_has_the_id_of_sqs() -> None:
    sent = record({"n": 1}, id="059f36b4", group="tenant-1")
    read = read_record(sent)

    assert (read.id, read.claim, read.outbox_id) == ("059f36b4", "059f36b4", None)
    # A fair queue has groups and no order.
    assert (read.group, is_fifo(sent)) == ("tenant-1", False)


def test_redriven_message_is_the_same() -> None:
    """From a dead-letter queue it comes back under a new messageId."""
    first, again = (read_record(record({"n": 1}, id=id, attributes={"org-common-id": "12"})) for id in ("a", "b"))

    assert first.id == again.id == "12"


@pytest.mark.parametrize("body", [None, 1, {}, ["x"]])
def test_record_without_a_body(body: Any) -> None:
    with pytest.raises(BadRequest):
        read_record({**record(""), "body": body})


def test_ids() -> None:
    assert item_ids(batch(record("", id="a"), record("", id="b"))) == ["a", "b"]
    for broken in (None, {}, {**record(""), "messageId": None}, {**record(""), "eventSource": "aws:kinesis"}):
        with pytest.raises(OrgError) as raised:
            item_ids({"Records": [record(""), broken]})
        assert raised.value.detail.startswith("Record 1 ")
