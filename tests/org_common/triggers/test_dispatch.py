"""Which trigger an event is for; what no trigger takes raises, so that nothing is deleted unprocessed."""

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

from org_common import KEEP_WARM, PUBLIC, App, AsService, Deadline, KeepWarm, Model, Record, S3Object
from org_common.events.http_api import HTTP_API
from org_common.triggers.batch import BatchFailed
from org_common.values.errors import OrgError
from tests.support.queues import batch, context, given_back, record

SERVICE = AsService("a test")
SCHEDULER_ARN = "arn:aws:scheduler:eu-central-1:123456789012:schedule/default/"
RULE_ARN = "arn:aws:events:eu-central-1:123456789012:rule/"


class Order(Model):
    number: int


class Worker:
    """An app with a trigger of each kind, and what they were given."""

    def __init__(self) -> None:
        self.app = App("worker")
        self.calls: list[tuple[Any, ...]] = []
        app = self.app

        @app.sqs("orders", outside=True, allow=SERVICE)
        def take_order(order: Order, record: Record, deadline: Deadline) -> None:
            self.calls.append(("orders", order.number, record.queue, record.attempt))

        @app.sqs("big-orders", outside=True, allow=SERVICE)
        def take_big_order(order: Order) -> None:
            self.calls.append(("big-orders", order.number))

        @app.s3("uploads", allow=SERVICE)
        def take_upload(found: S3Object) -> None:
            self.calls.append(("uploads", found.bucket, found.key, found.event))

        @app.s3("uploads", events=["ObjectRemoved:*"], allow=SERVICE)
        def take_removal(found: S3Object) -> None:
            self.calls.append(("removed", found.key))

        @app.s3("scans", queue="scan-events", events=["ObjectCreated:*"], allow=SERVICE)
        def take_scan(found: S3Object, record: Record) -> None:
            self.calls.append(("scans", found.key, record.queue))

        @app.event(source="shop.orders", detail_type="Order Placed", allow=SERVICE)
        def take_event(order: Order, record: Record) -> None:
            self.calls.append(("event", order.number, record.id))

        @app.schedule("rate(1 day)", allow=SERVICE)
        def purge(record: Record) -> None:
            self.calls.append(("purge", record.queue))

        @app.schedule("cron(0 3 * * ? *)", timezone="Europe/Berlin", name="report", allow=SERVICE)
        def make_report(record: Record) -> None:
            self.calls.append(("report", record.id))

    def __call__(self, event: Any) -> Any:
        return self.app(event, context())


@pytest.fixture
def worker() -> Worker:
    return Worker()


@pytest.mark.parametrize(
    ("queue", "name"),
    [
        ("orders", "orders"),
        ("orders.fifo", "orders"),
        ("prod-orders", "orders"),
        ("prod_orders", "orders"),
        ("acme-orders-4711.fifo", "orders"),
        ("big-orders", "big-orders"),
        ("prod-big-orders", "big-orders"),
    ],
)
def test_queue_is_found_under_the_name_of_its_deployment(worker: Worker, queue: str, name: str) -> None:
    worker(batch(record({"number": 1}, queue=queue, attempt=3)))

    assert worker.calls[0][:2] == (name, 1)
    assert worker.calls[0][2:] in ((queue, 3), ())


@pytest.mark.parametrize("queue", ["order", "preorders", "orders2", "", "mail"])
def test_unknown_queue_raises(worker: Worker, queue: str, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(OrgError) as raised:
        worker(batch(record({"number": 1}, queue=queue)))

    assert raised.value.code == "unknown_queue"
    assert f"No trigger takes messages of the queue {queue!r}" in caplog.text
    assert len(caplog.records) == 1
    assert worker.calls == []


def without(name: str, **changes: Any) -> dict[str, Any]:
    made = {**record({"number": 2}, queue="orders"), **changes}
    made.pop(name, None)
    return made


BROKEN_BATCHES: dict[str, list[Any]] = {
    "no id": [without("messageId")],
    "empty id": [without("", messageId="")],
    "null id": [without("", messageId=None)],
    "number for an id": [without("", messageId=1)],
    "no record": [None],
    "string": ["record"],
    "another source": [without("", eventSource="aws:kinesis")],
    "no source": [without("eventSource")],
    "another queue": [record({"number": 2}, queue="big-orders")],
}


@pytest.mark.parametrize("broken", BROKEN_BATCHES)
def test_batch_that_cannot_be_given_back_one_by_one_raises(
    worker: Worker, broken: str, caplog: pytest.LogCaptureFixture
) -> None:
    for records in (BROKEN_BATCHES[broken], [record({"number": 1}, queue="orders"), *BROKEN_BATCHES[broken]]):
        caplog.clear()
        if records == BROKEN_BATCHES["another queue"]:
            continue
        with pytest.raises(OrgError):
            worker({"Records": records})
        assert worker.calls == []
        assert len(caplog.records) == 1


# Each of them alone cannot be handled, and the record next to it can.
POISON: dict[str, dict[str, Any]] = {
    "no body": without("body"),
    "null body": without("", body=None),
    "body that is no string": without("", body={"number": 1}),
    "empty body": without("", body=""),
    "truncated": without("", body='{"number": 1'),
    "no JSON": without("", body="number=1"),
    "wrong type": without("", body='{"number": "1"}'),
    "field missing": without("", body="{}"),
    "unknown field": without("", body='{"number": 1, "note": 2}'),
    "array": without("", body="[1]"),
    "null": without("", body="null"),
    "number": without("", body="17"),
    "same key twice": without("", body='{"number": 1, "number": 2}'),
    "NaN": without("", body='{"number": NaN}'),
    "NUL": without("", body='{"number": 1\0}'),
    "lone surrogate": without("", body='{"number": 1, "\ud800": 2}'),
    "deep": without("", body="[" * 100_000 + "]" * 100_000),
    "megabyte": without("", body='{"number": "' + "x" * 1_048_000 + '"}'),
    "megabyte of digits": without("", body='{"number": ' + "1" * 1_048_000 + "}"),
    "byte order mark": without("", body='\ufeff{"number": 1}'),
    "envelope of an envelope": without("", body=json.dumps({"Type": "Notification", "TopicArn": "t", "Message": "{}"})),
}


@pytest.mark.parametrize("poison", POISON)
def test_poison_comes_back_alone_with_one_line(worker: Worker, poison: str, caplog: pytest.LogCaptureFixture) -> None:
    records = [record({"number": 1}, queue="orders"), {**POISON[poison]}, record({"number": 3}, queue="orders")]

    with caplog.at_level(logging.INFO):
        assert given_back(worker({"Records": records}), records) == [1]

    assert [call[1] for call in worker.calls] == [1, 3]
    line, summary = caplog.records
    assert records[1]["messageId"] in line.getMessage()
    assert len(line.getMessage()) < 1000
    assert "\n" not in line.getMessage()
    assert line.exc_info is None
    assert summary.getMessage().startswith("queue orders: 1 of 3 records are given back: 1 ")


@pytest.mark.parametrize(
    "changes",
    [
        {"attributes": None},
        {"attributes": {}},
        {"attributes": []},
        {"attributes": {"ApproximateReceiveCount": "x", "SentTimestamp": "9" * 400, "MessageGroupId": 3}},
        {"messageAttributes": None},
        {"messageAttributes": []},
        {"messageAttributes": {"a": None, "b": {}, "c": {"stringValue": 1}, "d": {"binaryValue": "AA=="}}},
        {"eventSourceARN": "orders"},
    ],
)
def test_attributes_are_optional(worker: Worker, changes: dict[str, Any]) -> None:
    assert worker(batch(without("", **changes))) == {"batchItemFailures": []}
    assert worker.calls == [("orders", 2, "orders", 1)]


def test_megabyte_is_read(worker: Worker) -> None:
    body = '{"number": 7' + " " * 1_048_000 + "}"

    assert worker(batch(record(body, queue="orders"))) == {"batchItemFailures": []}
    assert worker.calls[0][1] == 7


def test_empty_batch_has_no_failures(worker: Worker) -> None:
    assert worker({"Records": []}) == {"batchItemFailures": []}


def http_event() -> Any:
    from org_common.events import http_api

    return http_api.event("GET", "/nothing", query="", headers={}, body=b"")


UNKNOWN: dict[str, Any] = {
    "nothing": None,
    "list": [],
    "string": "Records",
    "records of Kinesis": {"Records": [{"eventSource": "aws:kinesis", "kinesis": {}}]},
    "records of SNS": {"Records": [{"EventSource": "aws:sns", "Sns": {"Message": "{}"}}]},
    "other event": {"source": "aws.ec2", "detail-type": "EC2 Instance State-change Notification", "detail": {}},
    "other source of the same type": {"source": "evil", "detail-type": "Order Placed", "detail": {"number": 1}},
}


@pytest.mark.parametrize("unknown", UNKNOWN)
def test_event_that_no_trigger_takes_raises(worker: Worker, unknown: str, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(OrgError) as raised:
        worker(UNKNOWN[unknown])

    assert raised.value.code == "unknown_event"
    assert worker.calls == []
    (line,) = caplog.messages
    assert line.startswith("App('worker') has the triggers SQS orders, SQS big-orders, S3 uploads, ")


def test_event_without_a_schedule_to_take_it_raises() -> None:
    app = App("worker")
    app.sqs("orders", outside=True, allow=SERVICE)(lambda_free)
    for event in ({}, {"anything": 1}, {"Event": "s3:TestEvent"}):
        with pytest.raises(OrgError):
            app(event, context())


def lambda_free(record: Record) -> None:
    pass


def test_requests_still_reach_routes(worker: Worker) -> None:
    @worker.app.get("/here", allow=PUBLIC)
    def here() -> dict[str, int]:
        return {"number": 1}

    event = http_event()
    assert worker(event)["statusCode"] == 404
    event["rawPath"] = "/here"
    assert worker(event)["statusCode"] == 200


# --- objects ----------------------------------------------------------------------------------


def notification(key: str, *, bucket: str = "uploads", event: str = "ObjectCreated:Put") -> dict[str, Any]:
    return {
        "eventVersion": "2.4",
        "eventSource": "aws:s3",
        "awsRegion": "eu-central-1",
        "eventTime": "2026-11-30T12:00:00.000Z",
        "eventName": event,
        "s3": {
            "s3SchemaVersion": "1.0",
            "bucket": {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"},
            "object": {"key": key, "size": 3, "eTag": "0123", "sequencer": "0A1B"},
        },
    }


def bridge_event(source: str, kind: str, detail: Any, **more: Any) -> dict[str, Any]:
    return {
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": kind,
        "source": source,
        "account": "123456789012",
        "time": "2026-11-30T12:00:00Z",
        "region": "eu-central-1",
        "resources": [],
        "detail": detail,
        **more,
    }


def object_event(key: str, bucket: str = "uploads", kind: str = "Object Created") -> dict[str, Any]:
    detail = {"version": "0", "bucket": {"name": bucket}, "object": {"key": key, "size": 3}, "reason": "PutObject"}
    return bridge_event("aws.s3", kind, detail)


def test_object_event(worker: Worker) -> None:
    records = [notification("a+b%2Bc"), notification("x", event="ObjectRemoved:Delete")]

    assert worker({"Records": records}) == {}
    assert worker.calls == [("uploads", "uploads", "a b+c", "ObjectCreated:Put"), ("removed", "x")]


def test_object_event_of_a_deployed_bucket(worker: Worker) -> None:
    worker({"Records": [notification("k", bucket="acme-prod-uploads-123456789012")]})

    assert worker.calls == [("uploads", "acme-prod-uploads-123456789012", "k", "ObjectCreated:Put")]


def test_object_event_through_event_bridge(worker: Worker) -> None:
    worker(object_event("a+b%2Bc"))
    worker(object_event("x", kind="Object Deleted"))

    assert worker.calls == [("uploads", "uploads", "a+b%2Bc", "ObjectCreated:PutObject"), ("removed", "x")]


def sns(message: object, **more: Any) -> dict[str, Any]:
    text = message if isinstance(message, str) else json.dumps(message)
    return {
        "Type": "Notification",
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": "arn:aws:sns:eu-central-1:123456789012:topic",
        "Message": text,
        "Timestamp": "2026-11-30T12:00:00.000Z",
        **more,
    }


WAYS: dict[str, Callable[[str], Any]] = {
    "raw": lambda key: {"Records": [notification(key, bucket="scans")]},
    "SNS": lambda key: sns({"Records": [notification(key, bucket="scans")]}),
    "EventBridge": lambda key: object_event(key, "scans"),
    "EventBridge and SNS": lambda key: sns(object_event(key, "scans")),
}


@pytest.mark.parametrize("way", WAYS)
def test_object_event_through_a_queue(worker: Worker, way: str) -> None:
    assert worker(batch(record(WAYS[way]("k"), queue="scan-events"))) == {"batchItemFailures": []}
    assert worker.calls == [("scans", "k", "scan-events")]


@pytest.mark.parametrize(
    "message", [{"other": 1}, {"Records": [1]}, {"Records": [{"s3": {}}]}, {"Records": [notification("k", event="x")]}]
)
def test_other_message_in_a_queue_of_object_events(worker: Worker, message: Any) -> None:
    with pytest.raises(BatchFailed):
        worker(batch(record(message, queue="scan-events")))
    assert worker.calls == []


TEST_EVENT = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "uploads", "Time": "2026-11-30T12:00:00.000Z"}


def test_test_event_is_acknowledged(worker: Worker) -> None:
    assert worker(TEST_EVENT) == {}
    assert worker(batch(record(TEST_EVENT, queue="scan-events"))) == {"batchItemFailures": []}
    assert worker(batch(record(sns(TEST_EVENT), queue="scan-events"))) == {"batchItemFailures": []}
    assert worker.calls == []


@pytest.mark.parametrize(
    "event",
    [
        {"Records": [notification("k", bucket="other")]},
        {"Records": [notification("k", event="ObjectRestore:Post")]},
        {"Records": [{"eventSource": "aws:s3"}]},
        {"Records": [{"eventSource": "aws:s3", "s3": {"bucket": {}, "object": {"key": "k"}}}]},
        object_event("k", "other"),
        bridge_event("aws.s3", "Object Created", {"bucket": {"name": "uploads"}}),
        bridge_event("aws.s3", "Object Created", "text"),
    ],
)
def test_object_event_that_no_trigger_takes_raises(
    worker: Worker, event: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(OrgError):
        worker(event)
    assert worker.calls == []
    assert len(caplog.messages) == 1


# --- events and schedules ---------------------------------------------------------------------


def test_event_of_a_bus(worker: Worker) -> None:
    event = bridge_event("shop.orders", "Order Placed", {"number": 5})

    assert worker(event) == {}
    assert worker.calls == [("event", 5, event["id"])]


def test_failed_event_raises(worker: Worker, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(OrgError) as raised:
        worker(bridge_event("shop.orders", "Order Placed", {"number": "five"}))

    assert raised.value.code == "validation_failed"
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    ("event", "call"),
    [
        (
            bridge_event("aws.scheduler", "Scheduled Event", "{}", resources=[f"{SCHEDULER_ARN}prod-purge"]),
            ("purge", "prod-purge"),
        ),
        (bridge_event("aws.events", "Scheduled Event", {}, resources=[f"{RULE_ARN}purge"]), ("purge", "purge")),
        (
            bridge_event("aws.events", "Scheduled Event", {}, resources=[f"{RULE_ARN}report"]),
            ("report", "17793124-05d4-b198-2fde-7ededc63b103"),
        ),
        ({"schedule": "report"}, ("report", "invocation")),
        ({"schedule": "report", "id": "d32c5kddcf5bb8c3"}, ("report", "d32c5kddcf5bb8c3")),
    ],
)
def test_schedule(worker: Worker, event: Any, call: tuple[str, str]) -> None:
    assert worker(event) == {}
    assert worker.calls == [call]


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"schedule": "other"},
        {"schedule": 1},
        bridge_event("aws.scheduler", "Scheduled Event", "{}"),
        bridge_event("aws.scheduler", "Scheduled Event", "{}", resources=None),
        bridge_event("aws.scheduler", "Scheduled Event", "{}", resources=[1, f"{SCHEDULER_ARN}other"]),
    ],
)
def test_one_of_several_schedules_must_be_named(worker: Worker, event: Any, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(OrgError) as raised:
        worker(event)

    assert raised.value.code == "unknown_schedule"
    assert 'An input names one as {"schedule": "purge"}' in caplog.messages[0]
    assert worker.calls == []


@pytest.mark.parametrize(
    ("event", "number"),
    [
        ({"number": 3}, 3),
        (bridge_event("aws.scheduler", "Scheduled Event", '{"number": 4}'), 4),
        (bridge_event("aws.events", "Scheduled Event", {"number": 5}), 5),
    ],
)
def test_input_of_a_schedule_is_its_message(event: Any, number: int) -> None:
    app, seen = App("worker"), []

    @app.schedule("rate(5 minutes)", allow=SERVICE)
    def run(order: Order) -> None:
        seen.append(order.number)

    app(event, context())

    assert seen == [number]


def test_ping_is_not_a_record(worker: Worker) -> None:
    app = App("worker", events=(HTTP_API, KeepWarm({"ping": True})))
    seen: list[str] = []

    @app.schedule("rate(1 day)", allow=SERVICE)
    def run(record: Record) -> None:
        seen.append(record.id)

    assert app({"ping": True}, context()) == {}
    assert seen == []
    app({"id": "tick"}, context())
    assert seen == ["tick"]


def test_pings_that_take_all_schedules_are_refused() -> None:
    app = App("worker", events=(HTTP_API, KEEP_WARM))

    with pytest.raises(TypeError, match="KEEP_WARM takes the events of all schedules"):
        app.schedule("rate(1 day)", allow=SERVICE)(lambda_free)
