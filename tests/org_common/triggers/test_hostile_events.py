"""Events that are not in this repository otherwise: recorded from services, wrapped, redriven, malformed."""

import json
from typing import Any

import pytest

from org_common import PUBLIC, App, AsService, Model, Record, S3Object
from org_common.triggers.batch import BatchFailed
from org_common.values.errors import OrgError
from tests.org_common.triggers.test_dispatch import bridge_event, notification, sns
from tests.support.queues import batch, context, given_back, record

SERVICE = AsService("a test")
SCHEDULE_ARN = "arn:aws:scheduler:eu-central-1:123456789012:schedule/default/prod-purge"


class Order(Model):
    number: int


class Worker:
    """An app with one trigger of each kind, and what its handlers were given."""

    def __init__(self) -> None:
        self.app = app = App("worker")
        self.seen: list[Any] = []

        @app.sqs("orders", outside=True, allow=SERVICE)
        def ordered(order: Order, record: Record) -> None:
            self.seen.append((order.number, record.attempt))

        @app.s3("uploads", events=["ObjectCreated:*", "ObjectTagging:*"], allow=SERVICE)
        def uploaded(found: S3Object) -> None:
            self.seen.append(found)

        @app.schedule("rate(1 day)", allow=SERVICE)
        def purge(record: Record) -> None:
            self.seen.append(record)

        @app.get("/health", allow=PUBLIC)
        def health() -> None: ...

    def __call__(self, event: Any, id: str = "invocation") -> Any:
        return self.app(event, context(id=id))


@pytest.fixture
def worker() -> Worker:
    return Worker()


DESTINATION = {
    "version": "1.0",
    "timestamp": "2026-11-30T12:00:00.000Z",
    "requestContext": {
        "requestId": "e4b46cbf-b738-xmpl-8880-a18cdf61200e",
        "functionArn": "arn:aws:lambda:eu-central-1:123456789012:function:other:$LATEST",
        "condition": "RetriesExhausted",
        "approximateInvokeCount": 3,
    },
    "requestPayload": {"ORDER_IDS": ["9e07af03"]},
    "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
    "responsePayload": {"errorMessage": "task timed out"},
}
# In an app with one schedule, any other object is its input. These services take what returns for a receipt.
FOREIGN: dict[str, Any] = {
    "destination": DESTINATION,
    "records are null": {"Records": None},
    "records are an object": {"Records": {"0": {}}},
    "Kafka": {"eventSource": "aws:kafka", "records": {"topic-0": [{"value": "eyJ9"}]}},
    "MQ": {"eventSource": "aws:mq", "messagesByQueue": {}},
    "CloudWatch Logs": {"awslogs": {"data": "H4sIAAAAAAAAAA=="}},
    "Cognito": {"version": "1", "triggerSource": "PreSignUp_SignUp", "request": {}, "response": {}},
    "CodePipeline": {"CodePipeline.job": {"id": "1"}},
    "source is a list": {"Records": [{"eventSource": ["aws:sqs"], "messageId": "1"}]},
    "source is an object": {"Records": [{"eventSource": {}}, 1, None]},
    "SQS and S3": {"Records": [record({"number": 1}, queue="orders"), notification("k")]},
    "SQS and Kinesis": {"Records": [record({"number": 1}, queue="orders"), {"eventSource": "aws:kinesis"}]},
    "SQS and null": {"Records": [record({"number": 1}, queue="orders"), None]},
    "SES": {"Records": [{"eventSource": "aws:ses", "eventVersion": "1.0", "ses": {"mail": {}}}]},
    "Firehose": {"invocationId": "invoked123", "deliveryStreamArn": "arn:aws:firehose:::d", "records": []},
    "S3 Batch Operations": {"invocationSchemaVersion": "2.0", "invocationId": "Y", "job": {"id": "f3cc"}, "tasks": []},
    "custom resource": {"RequestType": "Delete", "ResponseURL": "https://example.com", "LogicalResourceId": "Purge"},
    "rotation": {"Step": "createSecret", "SecretId": "arn:aws:secretsmanager:::s", "ClientRequestToken": "EXAMPLE1"},
    "Config": {"invokingEvent": "{}", "ruleParameters": "{}", "eventLeftScope": False, "accountId": "123456789012"},
    "alarm": {"source": "aws.cloudwatch", "alarmArn": "arn:aws:cloudwatch:::alarm:lag", "alarmData": {}},
    "Lex": {"sessionState": {"intent": {"name": "Order"}}, "bot": {}, "transcriptions": []},
    "CodeDeploy": {"DeploymentId": "d-ABCDEF123", "LifecycleEventHookExecutionId": "eyJ"},
    "authorizer": {"type": "TOKEN", "methodArn": "arn:aws:execute-api:::a/prod/GET/", "authorizationToken": "x"},
    "records of a pipe": [record({"number": 1}, queue="orders")],
    "input that is no object": [SCHEDULE_ARN],
    "input that is a string": "purge",
}


@pytest.mark.parametrize("name", FOREIGN)
def test_event_of_another_service_raises(worker: Worker, name: str, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(OrgError) as raised:
        worker(FOREIGN[name])

    assert raised.value.code in ("unknown_event", "malformed_batch")
    assert worker.seen == []
    assert len(caplog.messages) == 1


def test_destination_that_invokes_a_function_of_routes_raises() -> None:
    """What returns would count as handled."""
    app = App("plain")
    app.get("/health", allow=PUBLIC)(lambda: None)

    with pytest.raises(OrgError) as raised:
        app(DESTINATION, context())
    assert raised.value.code == "unknown_event"


def test_test_event_of_s3_does_not_run_a_schedule(caplog: pytest.LogCaptureFixture) -> None:
    app, seen = App("worker"), []
    app.schedule("rate(1 day)", name="purge", allow=SERVICE)(lambda: seen.append(1))

    with pytest.raises(OrgError):
        app({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "uploads"}, context())
    assert seen == []


@pytest.mark.parametrize(
    ("event", "id"),
    [
        ({}, "invocation"),
        ({"days": 30, "records": 5, "Event": "purge"}, "invocation"),
        ({"id": "customer-7"}, "customer-7"),
        ({"schedule": SCHEDULE_ARN, "id": "d32c5kddcf5bb8c3"}, "d32c5kddcf5bb8c3"),
        ({"schedule": SCHEDULE_ARN, "Event": "mine", "records": []}, "invocation"),
    ],
)
def test_input_of_a_schedule_claims_each_invocation(worker: Worker, event: Any, id: str) -> None:
    """An `id` that is the same each day would let the schedule run once for all."""
    for invocation in ("invocation", "next"):
        assert worker(event, invocation) == {}

    assert worker.seen[0].id == id
    assert [found.claim for found in worker.seen] == ["invocation", "next"]


@pytest.mark.parametrize("sequencer", [None, "0A1B"])
def test_two_changes_of_an_object_are_two_events(worker: Worker, sequencer: str | None) -> None:
    """Of tags, S3 sends no sequencer. A repeated notification is the same in all fields."""
    sent = []
    for time, request in (("12:00:00", "R1"), ("12:00:00", "R1"), ("12:00:05", "R2")):
        found = notification("k", event="ObjectTagging:Put")
        found |= {"eventTime": f"2026-11-30T{time}.000Z", "responseElements": {"x-amz-request-id": request}}
        if sequencer is None:
            del found["s3"]["object"]["sequencer"]
        sent.append(found)
    worker({"Records": sent})

    first, again, later = (found.claim() for found in worker.seen)
    assert first == again
    assert (first == later) is (sequencer is not None)


def test_two_changes_of_an_object_on_a_bus_are_two_events(worker: Worker) -> None:
    for request in ("R1", "R1", "R2"):
        detail = {"bucket": {"name": "uploads"}, "object": {"key": "k"}, "request-id": request}
        worker(bridge_event("aws.s3", "Object Tags Added", detail))

    first, again, later = (found.claim() for found in worker.seen)
    assert first == again != later


def test_sns_in_sns(worker: Worker) -> None:
    wrapped = record(sns(sns({"number": 1})), queue="orders")

    assert worker(batch(wrapped)) == {"batchItemFailures": []}
    assert worker.seen == [(1, 1)]


def test_deeper_envelopes_are_refused_and_not_guessed(worker: Worker) -> None:
    with pytest.raises(BatchFailed, match="validation_failed"):
        worker(batch(record(sns(sns(sns({"number": 1}))), queue="orders")))


def test_message_that_was_redriven(worker: Worker) -> None:
    """It has a new messageId and says which dead-letter queue it comes from; its attempts begin anew."""
    moved = record({"number": 1}, queue="prod-orders")
    moved["attributes"]["DeadLetterQueueSourceArn"] = "arn:aws:sqs:eu-central-1:123456789012:prod-orders"

    assert worker(batch(moved)) == {"batchItemFailures": []}
    assert worker.seen == [(1, 1)]


def test_fair_queue_stops_no_group(worker: Worker) -> None:
    """A standard queue with message groups has no order to keep."""
    records = [record({"number": number}, queue="orders", group="tenant") for number in (1, 2, 3)]
    records[0]["body"] = "{"

    assert given_back(worker(batch(*records)), records) == [0]
    assert worker.seen == [(2, 1), (3, 1)]


LARGE: dict[str, str] = {
    "1 MB of text": json.dumps({"number": "x" * 1_000_000}),
    "1 MB of unknown fields": json.dumps({"number": 1, **{f"f{n}": n for n in range(70_000)}}),
    "nested 500,000 times": "[" * 500_000 + "]" * 500_000,
    "nested objects": '{"a":' * 100_000 + "1" + "}" * 100_000,
    "an envelope, nested": '{"Type":"Notification","TopicArn":"a","Message":' + "[" * 200_000 + "]" * 200_000 + "}",
    "an event, nested": '{"detail-type":"a","source":"b","detail":' + "[" * 200_000 + "]" * 200_000 + "}",
    "a number of a million digits": '{"number":' + "9" * 1_000_000 + "}",
    "truncated": json.dumps({"number": 1, "text": "x" * 1_000_000})[:-1],
    "a lone surrogate": '{"number":"\ud800"}',
    "NUL": '{"number":"\x00"}',
    "nothing": "",
    "a byte order mark": '\ufeff{"number":1}',
}


@pytest.mark.parametrize("name", LARGE)
def test_body_that_cannot_be_read_is_given_back(worker: Worker, name: str, caplog: pytest.LogCaptureFixture) -> None:
    records = [record(LARGE[name], queue="orders"), record({"number": 2}, queue="orders")]

    assert given_back(worker(batch(*records)), records) == [0]
    assert worker.seen == [(2, 1)]
    line, summary = caplog.messages
    assert " is refused: " in line
    assert len(line) < 1_500
    assert "1 of 2 records are given back" in summary


@pytest.mark.parametrize("wrong", [{"body": None}, {"body": {"number": 1}}, {"body": 1}, {}])
@pytest.mark.parametrize("missing", [None, "attributes", "messageAttributes", "md5OfBody"])
def test_record_without_its_fields(worker: Worker, wrong: Any, missing: str | None) -> None:
    found = record({"number": 1}, queue="orders") | wrong
    if missing is not None:
        found[missing] = None
    good = record({"number": 2}, queue="orders")

    failed = given_back(worker(batch(found, good)), [found, good])
    assert failed == ([0] if wrong else [])


def test_time_that_no_clock_has(worker: Worker) -> None:
    """The record is handled; its time is unknown."""
    app, seen = App("times"), []

    @app.sqs("orders", outside=True, allow=SERVICE)
    def take(record: Record) -> None:
        seen.append(record.sent_at)

    for time in ("999999999999999", "-1", "", "\u0661", None, 5):
        sent = record({}, queue="orders")
        sent["attributes"]["SentTimestamp"] = time
        app(batch(sent), context())

    assert seen == [None] * 6
