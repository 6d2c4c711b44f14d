"""The poller treats a queue as Lambda's event source mapping does. Queues are those of moto, a fake of AWS."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from org_common.tools.serve.poller import EventSourceMapping, Poller, failed_ids, record
from tests.support.aws import FakeAws

WAIT_S = 60.0
IDS = ["a", "b", "c"]


@pytest.fixture
def sqs(aws: FakeAws) -> Any:
    return aws.client("sqs")


def queue(sqs: Any, name: str = "ingest", **attributes: str) -> str:
    return str(sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])


def send(sqs: Any, url: str, *numbers: int, **options: Any) -> None:
    for number in numbers:
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"n": number}), **options)


class Function:
    """A Lambda function that notes what it was invoked with. `respond` gets the numbers of a batch."""

    def __init__(self, respond: Callable[[list[int]], Any] = lambda numbers: None) -> None:
        self.respond = respond
        self.batches: list[list[int]] = []
        self.events: list[dict[str, Any]] = []
        self.running = self.most = 0
        self._lock = threading.Lock()

    def __call__(self, event: dict[str, Any], context: Any) -> Any:
        numbers = [json.loads(each["body"])["n"] for each in event["Records"]]
        with self._lock:
            self.batches.append(numbers)
            self.events.append(event)
            self.running += 1
            self.most = max(self.most, self.running)
        try:
            return self.respond(numbers)
        finally:
            with self._lock:
                self.running -= 1

    @property
    def attempts(self) -> Counter[int]:
        return Counter(number for batch in self.batches for number in batch)


@contextmanager
def polling(sqs: Any, url: str, function: Function, **options: Any) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=Poller(sqs, EventSourceMapping(url, function, **options)).run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def until(condition: Callable[[], bool]) -> None:
    end_s = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end_s, "nothing happened in a minute"
        threading.Event().wait(0.02)


def left(sqs: Any, url: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    return sum(map(int, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values()))


def give_back(*numbers: int) -> Callable[[list[int]], Any]:
    """A response that gives these numbers back; ids are read from the event by `Reporting`."""
    return lambda batch: [number for number in batch if number in numbers]


class Reporting(Function):
    """Gives back the records whose number `respond` returns."""

    def __call__(self, event: dict[str, Any], context: Any) -> Any:
        failed = super().__call__(event, context)
        ids = [each["messageId"] for each in event["Records"] if json.loads(each["body"])["n"] in failed]
        return {"batchItemFailures": [{"itemIdentifier": id} for id in ids]}


def test_what_the_function_handled_is_deleted(sqs: Any) -> None:
    url = queue(sqs)
    send(sqs, url, *range(25))
    function = Function()

    with polling(sqs, url, function):
        until(lambda: left(sqs, url) == 0)

    assert function.attempts == Counter(range(25))
    assert all(len(batch) <= 10 for batch in function.batches)


def test_failed_records_come_again_and_the_others_do_not(sqs: Any) -> None:
    url = queue(sqs, VisibilityTimeout="1")
    send(sqs, url, 1, 2, 3)
    function = Reporting()

    def twice(batch: list[int]) -> list[int]:
        return [2] if function.attempts[2] < 3 and 2 in batch else []

    function.respond = twice

    with polling(sqs, url, function):
        until(lambda: left(sqs, url) == 0)

    assert function.attempts == Counter({1: 1, 2: 3, 3: 1})
    attempts = [each["attributes"]["ApproximateReceiveCount"] for each in function.events[-1]["Records"]]
    assert attempts == ["3"]


def test_exception_gives_the_whole_batch_back(sqs: Any) -> None:
    url = queue(sqs, VisibilityTimeout="1")
    send(sqs, url, 1, 2)
    function = Function()

    def fail_once(batch: list[int]) -> None:
        if any(function.attempts[number] == 1 for number in batch):
            raise RuntimeError("no")

    function.respond = fail_once

    with polling(sqs, url, function):
        # The numbers of `left` are of two moments, between which a message may become visible: 0 is not the end yet.
        until(lambda: left(sqs, url) == 0 and min(function.attempts.values(), default=0) >= 2)

    assert set(function.attempts) == {1, 2}


def test_without_reporting_a_response_is_ignored(sqs: Any) -> None:
    url = queue(sqs)
    send(sqs, url, 1, 2)
    function = Reporting(give_back(1, 2))

    with polling(sqs, url, function, report_failures=False):
        until(lambda: left(sqs, url) == 0)

    assert function.attempts == Counter([1, 2])


def test_poison_message_ends_in_the_dead_letter_queue(sqs: Any) -> None:
    dead = queue(sqs, "ingest-dlq")
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 2})
    url = queue(sqs, VisibilityTimeout="1", RedrivePolicy=redrive)
    send(sqs, url, 1, 2)
    function = Reporting(give_back(1))

    with polling(sqs, url, function):
        until(lambda: left(sqs, dead) == 1 and left(sqs, url) == 0)

    assert function.attempts == Counter({1: 2, 2: 1})


def test_window_waits_for_a_batch_to_fill(sqs: Any) -> None:
    url = queue(sqs)
    function = Function()

    with polling(sqs, url, function, batch_size=3, batch_window_s=30):
        send(sqs, url, 1, 2, 3)
        until(lambda: left(sqs, url) == 0)

    assert sorted(map(sorted, function.batches)) == [[1, 2, 3]]


def test_batch_may_be_larger_than_a_call_of_sqs(sqs: Any) -> None:
    url = queue(sqs)
    send(sqs, url, *range(25))
    function = Function()

    with polling(sqs, url, function, batch_size=25, batch_window_s=30):
        until(lambda: left(sqs, url) == 0)

    assert [sorted(batch) for batch in function.batches] == [list(range(25))]


@pytest.mark.parametrize("most", [1, 2])
def test_no_more_invocations_at_once_than_allowed(sqs: Any, most: int) -> None:
    url = queue(sqs)
    send(sqs, url, *range(8))
    reached = threading.Barrier(most)

    def meet(batch: list[int]) -> None:
        # `most` invocations run at once, or this breaks.
        reached.wait(WAIT_S)

    function = Function(meet)
    with polling(sqs, url, function, batch_size=1, max_concurrency=most):
        until(lambda: left(sqs, url) == 0)

    assert function.most == most


def test_fifo_queue_keeps_the_order_of_a_group(sqs: Any) -> None:
    url = queue(sqs, "ingest.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    for number in range(12):
        send(sqs, url, number, MessageGroupId=f"g{number % 2}")
    function = Function()

    with polling(sqs, url, function, batch_size=3):
        until(lambda: left(sqs, url) == 0)

    handled = [number for batch in function.batches for number in batch]
    assert [number for number in handled if number % 2] == [1, 3, 5, 7, 9, 11]
    assert [number for number in handled if not number % 2] == [0, 2, 4, 6, 8, 10]


def test_record_has_the_form_of_lambda(sqs: Any) -> None:
    url = queue(sqs)
    attributes = {"org-common-id": {"DataType": "String", "StringValue": "7"}}
    send(sqs, url, 1, MessageAttributes=attributes)
    function = Function()

    with polling(sqs, url, function):
        until(lambda: bool(function.events))

    [found] = function.events[0]["Records"]
    assert found["eventSource"] == "aws:sqs"
    assert found["eventSourceARN"] == "arn:aws:sqs:eu-central-1:123456789012:ingest"
    assert found["awsRegion"] == "eu-central-1"
    assert found["attributes"].keys() >= {"ApproximateReceiveCount", "SentTimestamp", "SenderId"}
    assert found["messageAttributes"]["org-common-id"] == {
        "stringValue": "7",
        "stringListValues": [],
        "binaryListValues": [],
        "dataType": "String",
    }
    assert set(found) == set(record({"MessageId": "", "ReceiptHandle": "", "Body": ""}, "a:b:c:d:e:f"))


@pytest.mark.parametrize(
    ("response", "failed"),
    [
        (None, []),
        ({}, []),
        ({"batchItemFailures": None}, []),
        ({"batchItemFailures": []}, []),
        ({"batchItemFailures": [{"itemIdentifier": "b"}]}, ["b"]),
        (
            {"batchItemFailures": [{"itemIdentifier": "b"}, {"itemIdentifier": "b"}, {"itemIdentifier": "c"}]},
            ["b", "c"],
        ),
        # What Lambda takes for a failure of the batch.
        ({"batchItemFailures": [{"itemIdentifier": ""}]}, IDS),
        ({"batchItemFailures": [{"itemIdentifier": None}]}, IDS),
        ({"batchItemFailures": [{"itemIdentifier": "x"}]}, IDS),
        ({"batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": "x"}]}, IDS),
        ({"batchItemFailures": [{"id": "a"}]}, IDS),
        ({"batchItemFailures": ["a"]}, IDS),
        ({"batchItemFailures": "a"}, IDS),
        ("done", IDS),
        (7, IDS),
    ],
)
def test_response_is_read_as_lambda_reads_it(response: object, failed: list[str]) -> None:
    assert sorted(failed_ids(response, IDS)) == failed
