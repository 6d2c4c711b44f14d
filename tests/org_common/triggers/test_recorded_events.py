"""Events with all the fields that AWS sends, one of each kind, through the entry of an app with a trigger of each kind.

https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-templated.html
"""

import copy
import json
from typing import Any

import pytest

from org_common import App, AsService, Model, Record, S3Object
from org_common.triggers.batch import BatchFailed
from org_common.values.errors import OrgError
from tests.support.queues import context

SERVICE = AsService("a test")
ACCOUNT = "123456789012"


class Order(Model):
    number: int


class Worker:
    """An app with one trigger of each kind, and what its handlers were given."""

    def __init__(self) -> None:
        self.app = app = App("worker")
        self.seen: list[Any] = []

        @app.sqs("orders", outside=True, allow=SERVICE)
        def ordered(order: Order, record: Record) -> None:
            self.seen.append((order.number, record))

        @app.s3("uploads", events=["ObjectCreated:*", "ObjectRemoved:*"], allow=SERVICE)
        def uploaded(found: S3Object) -> None:
            self.seen.append((found.key, found))

        @app.s3("scans", queue="scan-events", allow=SERVICE)
        def scanned(found: S3Object) -> None:
            self.seen.append((found.key, found))

        @app.schedule("rate(1 day)", name="purge", allow=SERVICE)
        def purge(record: Record) -> None:
            self.seen.append(("purge", record))

        @app.schedule("rate(1 hour)", name="report", allow=SERVICE)
        def report(order: Order, record: Record) -> None:
            self.seen.append((order.number, record))

    def __call__(self, event: Any) -> Any:
        return self.app(copy.deepcopy(event), context())


@pytest.fixture
def worker() -> Worker:
    return Worker()


def sqs_event(body: object, *, queue: str = "prod-orders", **system: str) -> dict[str, Any]:
    return {
        "Records": [
            {
                "messageId": "059f36b4-87a3-44ab-83d2-661975830a7d",
                "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a...",
                "body": body if isinstance(body, str) else json.dumps(body),
                "attributes": {
                    "ApproximateReceiveCount": "1",
                    "SentTimestamp": "1545082649183",
                    "SenderId": "AIDAIENQZJOLO23YVJ4VO",
                    "ApproximateFirstReceiveTimestamp": "1545082649185",
                    **system,
                },
                "messageAttributes": {},
                "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:eu-central-1:{ACCOUNT}:{queue}",
                "awsRegion": "eu-central-1",
            }
        ]
    }


def notification(message: object, **more: str) -> dict[str, Any]:
    """As SNS sends it to a queue."""
    return {
        "Type": "Notification",
        "MessageId": "dc1e94d9-56c5-5e96-808d-cc7f68faa162",
        "TopicArn": f"arn:aws:sns:eu-central-1:{ACCOUNT}:orders",
        "Subject": "TestSubject",
        "Message": json.dumps(message),
        "Timestamp": "2026-11-30T12:00:00.123Z",
        "SignatureVersion": "1",
        "Signature": "FMG5tlZhJNHLHUXvZgtZzlk24FzVa7oX0T4P03neeXw8ZEXZx6z35j2FOTuNYShn2h0bKNC/zLTnMyIxEzmi2X1sh...",
        "SigningCertURL": "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0.pem",
        "UnsubscribeURL": "https://sns.eu-central-1.amazonaws.com/?Action=Unsubscribe&SubscriptionArn=arn:aws:sns:x",
        "MessageAttributes": {
            "origin": {"Type": "String", "Value": "shop"},
            "raw": {"Type": "Binary", "Value": "AA=="},
        },
        **more,
    }


def bridge(source: str, kind: str, detail: object, *resources: str, **more: str) -> dict[str, Any]:
    return {
        "version": "0",
        "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
        "detail-type": kind,
        "source": source,
        "account": ACCOUNT,
        "time": "2026-11-30T12:00:00Z",
        "region": "eu-central-1",
        "resources": list(resources),
        "detail": detail,
        **more,
    }


def s3_records(key: str, name: str = "ObjectCreated:Put", bucket: str = "prod-uploads") -> dict[str, Any]:
    created = {"size": 1024, "eTag": "d41d8cd98f00b204e9800998ecf8427e"} if "Created" in name else {}
    return {
        "Records": [
            {
                "eventVersion": "2.3",
                "eventSource": "aws:s3",
                "awsRegion": "eu-central-1",
                "eventTime": "2026-11-30T12:00:00.000Z",
                "eventName": name,
                "userIdentity": {"principalId": "AWS:AIDAINPONIXQXHT3IKHL2"},
                "requestParameters": {"sourceIPAddress": "203.0.113.5"},
                "responseElements": {
                    "x-amz-request-id": "D82B88E5F771F645",
                    "x-amz-id-2": "vlR7PnpV2Ce81l0PRw6jlUpck7Jo",
                },
                "s3": {
                    "s3SchemaVersion": "1.0",
                    "configurationId": "828aa6fc-f7b5-4305-8584-487c791949c1",
                    "bucket": {
                        "name": bucket,
                        "ownerIdentity": {"principalId": "A3I5XTEXAMAI3E"},
                        "arn": f"arn:aws:s3:::{bucket}",
                    },
                    "object": {"key": key, **created, "sequencer": "0C0F6F405D6ED209E1"},
                },
                "glacierEventData": {
                    "restoreEventData": {"lifecycleRestorationExpiryTime": "1970-01-01T00:00:00.000Z"}
                },
            }
        ]
    }


def s3_bridge(key: str, bucket: str = "prod-uploads") -> dict[str, Any]:
    detail = {
        "version": "0",
        "bucket": {"name": bucket},
        "object": {"key": key, "size": 5, "etag": "b1946ac92492d2347c6235b4d2611184", "version-id": "IYV3p45BT0ac8hjH"},
        "request-id": "N4N7GDK58NMKJ12R",
        "requester": ACCOUNT,
        "source-ip-address": "203.0.113.5",
        "reason": "PutObject",
    }
    return bridge("aws.s3", "Object Created", detail, f"arn:aws:s3:::{bucket}")


S3_TEST = {
    "Service": "Amazon S3",
    "Event": "s3:TestEvent",
    "Time": "2026-11-30T12:00:00.000Z",
    "Bucket": "prod-scans",
    "RequestId": "5582815E1AEA5ADF",
    "HostId": "8cLeGAmw098X5cv4Zkwcmo8vvZa3eH3eKxsPzbB9wrR+YstdA6Knx4Ip8EXAMPLE",
}
RULE, SCHEDULE = f"arn:aws:events:eu-central-1:{ACCOUNT}:rule/", f"arn:aws:scheduler:eu-central-1:{ACCOUNT}:schedule/"
NUMBER = {"number": 7}
# The event, and what its handler was given.
HANDLED: dict[str, tuple[dict[str, Any], object]] = {
    "message": (sqs_event(NUMBER), 7),
    "message of a FIFO queue": (
        sqs_event(
            NUMBER,
            queue="prod-orders.fifo",
            SequenceNumber="18849496460467696128",
            MessageGroupId="1",
            MessageDeduplicationId="1",
        ),
        7,
    ),
    "message of a fair queue": (sqs_event(NUMBER, MessageGroupId="tenant-a"), 7),
    "message with a trace": (sqs_event(NUMBER, AWSTraceHeader="Root=1-5759e988-bd862e3fe1be46a994272793"), 7),
    "message that was redriven": (
        sqs_event(NUMBER, DeadLetterQueueSourceArn=f"arn:aws:sqs:eu-central-1:{ACCOUNT}:prod-orders"),
        7,
    ),
    "message of a topic": (sqs_event(notification(NUMBER)), 7),
    "message of a FIFO topic": (sqs_event(notification(NUMBER, SequenceNumber="10000000000000005000")), 7),
    "message of a bus": (sqs_event(bridge("shop", "Order Placed", NUMBER)), 7),
    "replayed message of a bus": (sqs_event(bridge("shop", "Order Placed", NUMBER, **{"replay-name": "again"})), 7),
    "message of a bus and a topic": (sqs_event(notification(bridge("shop", "Order Placed", NUMBER))), 7),
    "message of a schedule": (sqs_event(bridge("aws.scheduler", "Scheduled Event", json.dumps(NUMBER))), 7),
    "object": (s3_records("Happy+Face%C3%A9%2B.jpg"), "Happy Faceé+.jpg"),
    "object of a version": (s3_records("a", "ObjectCreated:CompleteMultipartUpload"), "a"),
    "removed object": (s3_records("a", "ObjectRemoved:DeleteMarkerCreated"), "a"),
    "object through a bus": (s3_bridge("Happy+Face%C3%A9.jpg"), "Happy+Face%C3%A9.jpg"),
    "object through a queue": (
        sqs_event(s3_records("a+b", bucket="prod-scans"), queue="prod-scan-events"),
        "a b",
    ),
    "object through a topic": (
        sqs_event(notification(s3_records("a+b", bucket="prod-scans")), queue="prod-scan-events"),
        "a b",
    ),
    "object through a bus and a queue": (
        sqs_event(s3_bridge("a+b", bucket="prod-scans"), queue="prod-scan-events"),
        "a+b",
    ),
    "schedule": (bridge("aws.scheduler", "Scheduled Event", "{}", f"{SCHEDULE}default/prod-purge"), "purge"),
    "schedule of a group": (bridge("aws.scheduler", "Scheduled Event", "{}", f"{SCHEDULE}nightly/purge"), "purge"),
    "rule": (bridge("aws.events", "Scheduled Event", {}, f"{RULE}prod-purge"), "purge"),
    "schedule with an input": ({"schedule": "purge"}, "purge"),
    "schedule with its own name as input": (
        {"schedule": f"{SCHEDULE}default/prod-purge", "id": "d32c5kddcf5bb8c3"},
        "purge",
    ),
}


@pytest.mark.parametrize("name", HANDLED)
def test_handled(worker: Worker, name: str) -> None:
    event, given = HANDLED[name]
    answer = worker(event)

    assert [value for value, _ in worker.seen] == [given]
    assert answer == ({"batchItemFailures": []} if "aws:sqs" in str(event) else {})


@pytest.mark.parametrize("event", [S3_TEST, sqs_event(S3_TEST, queue="scan-events")])
def test_test_event_of_s3_is_acknowledged(worker: Worker, event: dict[str, Any]) -> None:
    worker(event)

    assert worker.seen == []


# Templates of the console's test page name a queue, a bucket and a rule that no app has.
CONSOLE: dict[str, dict[str, Any]] = {
    "SQS": sqs_event("Hello from SQS!", queue="MyQueue"),
    "S3 put": s3_records("test%2Fkey", bucket="example-bucket"),
    "S3 delete": s3_records("test%2Fkey", "ObjectRemoved:Delete", "example-bucket"),
    "scheduled event": bridge("aws.events", "Scheduled Event", {}, f"{RULE}ExampleRule"),
    "hello world": {"key1": "value1", "key2": "value2", "key3": "value3"},
}


@pytest.mark.parametrize("name", CONSOLE)
def test_template_of_the_console_is_refused(worker: Worker, name: str, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(OrgError):
        worker(CONSOLE[name])

    assert worker.seen == []
    [line] = caplog.messages
    assert "\n" not in line


def test_template_of_the_console_for_a_declared_queue_is_given_back(worker: Worker) -> None:
    """Its text is not JSON."""
    with pytest.raises(BatchFailed, match="1 of 1 records are given back"):
        worker(sqs_event("Hello from SQS!"))

    assert worker.seen == []


def test_record_without_an_id_is_not_given_back_alone(worker: Worker) -> None:
    event = sqs_event(NUMBER)
    event["Records"] += sqs_event(NUMBER)["Records"]
    del event["Records"][1]["messageId"]

    with pytest.raises(OrgError) as raised:
        worker(event)
    assert raised.value.code == "malformed_batch"
    assert worker.seen == []
